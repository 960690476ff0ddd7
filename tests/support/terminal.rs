use super::User;
use fs_err as fs;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A terminal of tmux in which mizzen runs.
pub(crate) struct Terminal {
    // A server that was just ended may still hold its socket: each has one of its own.
    folder: TempDir,
}

/// Nothing here takes so long on a machine that works.
const LONG: Duration = Duration::from_secs(180);

impl Terminal {
    /// Starts mizzen in a terminal of so many columns, with the user's variables and these.
    pub(crate) fn start(
        user: &User,
        columns: u16,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let quoted = |text: &str| format!("'{text}'");
        let mut script = "#!/bin/sh\n".to_owned();
        for (name, value) in &user.environment {
            writeln!(script, "export {name}={}", quoted(value)).unwrap();
        }
        for (name, value) in variables {
            writeln!(script, "export {name}={}", quoted(value)).unwrap();
        }
        let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        let program = env!("CARGO_BIN_EXE_mizzen");
        writeln!(script, "'{program}' {}", words.join(" ")).unwrap();
        writeln!(script, "echo \"ended with $?\"; sleep 3600").unwrap();
        let file = user.path("in-terminal");
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let terminal = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let (columns, file) = (columns.to_string(), file.display().to_string());
        let folder = user.folder_path().display().to_string();
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            "40",
            "-c",
            &folder,
            &file,
        ]);
        // The line at the bottom would take one of those that were asked for.
        terminal.tmux(&["set-option", "-g", "status", "off"]);
        terminal
    }

    /// Makes it wider or narrower.
    pub(crate) fn resize(&self, columns: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", "40"]);
    }

    /// Returns what is to be seen, without what is empty at the end.
    pub(crate) fn shown(&self) -> String {
        let shown = self.tmux(&["capture-pane", "-p"]);
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned() + "\n"
    }

    /// Returns the same with the colours.
    pub(crate) fn shown_in_colour(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Waits until something is to be seen, and returns all that is.
    pub(crate) fn wait_for(&self, what: impl Fn(&str) -> bool) -> String {
        let since = Instant::now();
        loop {
            let shown = self.shown();
            if what(&shown) {
                return shown;
            }
            assert!(since.elapsed() < LONG, "this is all that came:\n{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.try_tmux(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn try_tmux(&self, arguments: &[&str]) -> Output {
        #[expect(clippy::disallowed_methods, reason = "a tool that tests stand on")]
        Command::new("tmux")
            .arg("-S")
            .arg(self.folder.path().join("socket"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .output()
            .unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.try_tmux(&["kill-server"]);
    }
}

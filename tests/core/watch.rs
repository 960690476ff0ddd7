//! `mizzen watch`: an image for each change that makes another one, and an end when it is asked for.

use crate::support::{User, edit, prepared};
use fs_err as fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A `mizzen watch` that goes on.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(user: &User, arguments: &[&str]) -> Self {
        let script = format!("exec '{}' watch \"$@\" 2>&1", env!("CARGO_BIN_EXE_mizzen"));
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let mut child = Command::new("/bin/sh")
            .args(["-c", &script, "sh"])
            .args(arguments)
            .env_clear()
            .envs(&user.environment)
            .current_dir(user.folder_path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                drop(to.send(line.unwrap()));
            }
        });
        Self { child, lines }
    }

    /// Returns the lines up to the first that holds `wanted`.
    fn until(&self, wanted: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(180));
            let line = line.unwrap_or_else(|_| panic!("no line with {wanted:?}: {heard:#?}"));
            heard.push(line);
            if heard.last().unwrap().contains(wanted) {
                return heard;
            }
        }
    }
}

#[test]
fn each_change_that_makes_another_image_is_built_and_an_error_does_not_end_it() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let folder = user.workspace("hello-web", "hello", None);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    // What it writes lies in the workspace itself, and is no change of it.
    let arguments = ["hello", "-o", "oci:hello/out", "--base", &base];
    let mut watching = Watching::start(&user, &arguments);
    let first = watching.until("waiting for changes");
    assert!(first[0].starts_with("built    hello-web in "), "{first:#?}");
    assert!(first[1].starts_with("oci:hello/out@sha256:"), "{first:#?}");
    assert_eq!(first.len(), 3, "{first:#?}");

    let program = folder.join("Program.cs");
    edit(&program, "Hello from", "Greetings from");
    let second = watching.until("@sha256:");
    assert_eq!(second.len(), 2, "{second:#?}");
    assert_ne!(second[1], first[1]);

    edit(&program, "Greetings from a container\"", "broken");
    let broken = watching.until("error: ");
    assert!(
        broken.last().unwrap().contains("dotnet publish"),
        "{broken:#?}"
    );
    // What does not change the image is not told of, so this is the next line of its kind.
    fs::write(folder.join("README.md"), "read me").unwrap();
    edit(&program, "broken", "Hello from a container\"");
    let third = watching.until("@sha256:");
    assert_eq!(third.last(), first.get(1));

    let id = rustix::process::Pid::from_child(&watching.child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let status = watching.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(fs::read_dir(user.path("hello/out")).unwrap().count(), 3);
}

#[test]
fn what_cannot_be_watched_is_an_error_at_once() {
    let user = User::without_sdk();
    let none = user
        .run_bare(&["watch", "none", "-o", "oci:out"])
        .failure(2);
    assert!(none.contains("none"), "{none}");
    fs::create_dir(user.path("published")).unwrap();
    let published = ["watch", "--from-publish", "published", "-o", "oci:out"];
    let said = user.run_bare(&published).failure(2);
    assert!(said.contains("builds from sources"), "{said}");
}

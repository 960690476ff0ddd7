//! How a user runs mizzen.

use super::going::Going;
use super::run::Run;
use super::user::User;
use fs_err as fs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const UNSHARE: [&str; 4] = ["unshare", "--user", "--map-root-user", "--mount"];

/// Returns a script that mounts the first of each pair over the second, and runs mizzen.
fn below(umask: &str, mounts: &[(&str, &str)]) -> String {
    let mounts = mounts
        .iter()
        .map(|(source, target)| format!("mount --bind '{source}' '{target}' && "));
    format!(
        "umask {umask}; {}exec '{}' \"$@\"",
        mounts.collect::<String>(),
        env!("CARGO_BIN_EXE_mizzen")
    )
}

impl User {
    /// Runs `mizzen` with a metadata file.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build(&self, arguments: &[&str]) -> Run {
        self.build_as(&self.environment, arguments)
    }

    /// Runs it from a shell with another umask.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_under_umask(
        &self,
        environment: &BTreeMap<String, String>,
        umask: &str,
        arguments: &[&str],
    ) -> Run {
        let script = format!(
            "umask {umask}; exec '{}' \"$@\"",
            env!("CARGO_BIN_EXE_mizzen")
        );
        self.run(&["/bin/sh", "-c", &script, "sh"], environment, arguments)
    }

    /// Runs it where part of `/proc` is covered, as Docker covers it.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_below_masked_proc(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        self.build_below(environment, &[("/dev/null", "/proc/version")], arguments)
    }

    /// Runs it where files or folders of the machine (the first of each pair) lie over others.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_below(
        &self,
        environment: &BTreeMap<String, String>,
        mounts: &[(&str, &str)],
        arguments: &[&str],
    ) -> Run {
        self.build_below_under_umask(environment, "022", mounts, arguments)
    }

    /// The same from a shell with another umask.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_below_under_umask(
        &self,
        environment: &BTreeMap<String, String>,
        umask: &str,
        mounts: &[(&str, &str)],
        arguments: &[&str],
    ) -> Run {
        let script = below(umask, mounts);
        let shell = ["/bin/sh", "-c", &script, "sh"];
        self.run(&[&UNSHARE[..], &shell].concat(), environment, arguments)
    }

    /// Runs `mizzen` with these arguments and nothing else there.
    pub(crate) fn run_bare_below(&self, mounts: &[(&str, &str)], arguments: &[&str]) -> Run {
        let script = below("022", mounts);
        let shell = ["/bin/sh", "-c", &script, "sh"];
        self.bare(&[&UNSHARE[..], &shell].concat(), arguments)
    }

    /// Runs it as another user, who has what this one has: by number somebody else.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_as_somebody(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        let unshare = ["unshare", "--user", "--map-user=4242", "--map-group=4242"];
        let script = format!("umask 077; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_mizzen"));
        let shell = ["/bin/sh", "-c", &script, "sh"];
        self.run(&[&unshare[..], &shell].concat(), environment, arguments)
    }

    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_as(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        self.run(&[env!("CARGO_BIN_EXE_mizzen")], environment, arguments)
    }

    /// Returns the version that the label of the image in the layout `out` tells.
    pub(crate) fn version_label(&self) -> String {
        let layout = format!("oci:{}", self.path("out").display());
        let shown = self.run_bare(&["inspect", "--json", &layout]).success();
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        let labels = &shown["config"]["config"]["Labels"];
        labels["org.opencontainers.image.version"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Runs a foreign program as this user and returns what it prints; it must succeed.
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> String {
        #[expect(clippy::disallowed_methods, reason = "tests run foreign tools")]
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `mizzen` with these arguments and nothing else.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> Run {
        self.run_bare_as(&self.environment, arguments)
    }

    /// The same, with other variables.
    pub(crate) fn run_bare_as(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        self.bare_as(&[env!("CARGO_BIN_EXE_mizzen")], environment, arguments)
    }

    /// Runs a script with other variables.
    pub(crate) fn script(&self, environment: &BTreeMap<String, String>, script: &Path) -> Run {
        self.bare_as(&["/bin/sh", script.to_str().unwrap()], environment, &[])
    }

    fn bare(&self, program: &[&str], arguments: &[&str]) -> Run {
        self.bare_as(program, &self.environment, arguments)
    }

    fn bare_as(
        &self,
        program: &[&str],
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = Command::new(program[0])
            .args(&program[1..])
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        Run::of(output, Value::Null)
    }

    /// The same, with no more than so much memory of its own: more cannot be had, and who asks for
    /// it is ended.
    pub(crate) fn run_in_memory(&self, kibibytes: u32, arguments: &[&str]) -> Run {
        let script = format!(
            "ulimit -d {kibibytes}; exec '{}' \"$@\"",
            env!("CARGO_BIN_EXE_mizzen")
        );
        self.bare(&["/bin/sh", "-c", &script, "sh"], arguments)
    }

    /// The same, with `input` on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let mut process = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        Run::of(process.wait_with_output().unwrap(), Value::Null)
    }

    fn run(
        &self,
        program: &[&str],
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        let metadata = self.path("metadata.json");
        drop(fs::remove_file(&metadata));
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = Command::new(program[0])
            .args(&program[1..])
            .args(["build", "--metadata-file"])
            .arg(&metadata)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let metadata = fs::read_to_string(&metadata).unwrap_or_else(|_| "null".to_owned());
        let run = Run::of(output, serde_json::from_str(&metadata).unwrap());
        if run.code == 0 {
            run.stdout
                .lines()
                .for_each(|line| self.validate(line, environment));
        }
        run
    }

    /// Has `mizzen validate` judge an image that a build printed, each digest once.
    fn validate(&self, printed: &str, environment: &BTreeMap<String, String>) {
        let (image, digest) = printed.rsplit_once('@').unwrap();
        let is_in_engine = image.starts_with("podman:") || image.starts_with("docker:");
        if is_in_engine || !self.validated.borrow_mut().insert(digest.to_owned()) {
            return;
        }
        // A cache of its own: what the build left there is part of what is tested.
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(["validate", image, "--cache-dir"])
            .arg(self.path("validated"))
            .env_clear()
            .envs(environment)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{image}: {said}");
    }

    /// Runs it until the file `when` appears, and then sends it a signal.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_and_signal(&self, signal: &str, arguments: &[&str]) -> Run {
        // The shell that waits is not a part of what is tested; it has no child of its own to lose.
        let script = format!(
            "'{}' \"$@\" & mizzen=$!; timeout 60 head -n 1 '{}' > /dev/null; \
             kill -{signal} $mizzen; wait $mizzen",
            env!("CARGO_BIN_EXE_mizzen"),
            self.path("dotnet-calls").display()
        );
        self.run(
            &["/bin/sh", "-c", &script, "sh"],
            &self.environment,
            arguments,
        )
    }

    /// Starts `mizzen build`; `name` tells this run's files from another's.
    pub(crate) fn start(&self, name: &str, arguments: &[&str]) -> Going {
        let metadata = self.path(&format!("{name}-metadata.json"));
        drop(fs::remove_file(&metadata));
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let child = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(["build", "--metadata-file"])
            .arg(&metadata)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Going { child, metadata }
    }
}

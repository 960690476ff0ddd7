//! Programs that keep credentials, by docker's protocol: one word as argument, a question on stdin,
//! JSON on stdout.

use super::{Credential, KeychainError};
use serde::Deserialize;
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tracing::debug_span;

/// A helper may ask its user for a password or a finger.
const LONGEST_RUN: Duration = Duration::from_secs(60);
/// A helper that has ended has said what it had to say.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// No answer but a credential is expected.
const MOST_ANSWER_BYTES: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// Asks the helper for the credential of a registry; `None` if it has none.
pub(super) fn get(
    helper: &str,
    path: Option<&OsString>,
    registry: &str,
) -> Result<Option<Credential>, KeychainError> {
    let answer = match run(helper, path, "get", &server(registry)) {
        Ok(answer) => answer,
        // The protocol knows this only as a text.
        Err(KeychainError::Helper { reason, .. }) if reason.contains("credentials not found") => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let answer: Answer = serde_json::from_str(&answer)
        .map_err(|_| failed(helper, "its answer is not a credential".to_owned()))?;
    Ok(Credential::new(&answer.username, &answer.secret))
}

/// Gives the helper a credential to keep.
pub(super) fn store(
    helper: &str,
    path: Option<&OsString>,
    registry: &str,
    credential: &Credential,
) -> Result<(), KeychainError> {
    let (username, secret) = match credential {
        Credential::Password { username, password } => (&**username, password),
        Credential::IdentityToken(token) => ("<token>", token),
    };
    let kept = json!({ "ServerURL": server(registry), "Username": username, "Secret": secret });
    run(helper, path, "store", &kept.to_string()).map(drop)
}

/// Has the helper forget the credential of a registry.
pub(super) fn erase(
    helper: &str,
    path: Option<&OsString>,
    registry: &str,
) -> Result<(), KeychainError> {
    run(helper, path, "erase", &server(registry)).map(drop)
}

/// Docker Hub has a name of its own in docker's world.
pub(super) fn server(registry: &str) -> String {
    if registry == "docker.io" {
        "https://index.docker.io/v1/".to_owned()
    } else {
        registry.to_owned()
    }
}

fn run(
    helper: &str,
    path: Option<&OsString>,
    verb: &str,
    question: &str,
) -> Result<String, KeychainError> {
    run_within(LONGEST_RUN, helper, path, (verb, question))
}

fn run_within(
    limit: Duration,
    helper: &str,
    path: Option<&OsString>,
    (verb, question): (&str, &str),
) -> Result<String, KeychainError> {
    let _span = debug_span!("credential helper", helper, verb).entered();
    let give_up = Instant::now() + limit;
    let is_name = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    // The name comes from a file; it names a program beside the others, never a path or an option.
    if helper.is_empty() || !helper.chars().all(is_name) {
        let reason = "its name has characters other than letters, digits, `.`, `_` and `-`";
        return Err(failed(helper, reason.to_owned()));
    }
    let mut command = command(&format!("docker-credential-{helper}"));
    if let Some(path) = path {
        // Where the child's PATH is set, the program is looked for there.
        command.env("PATH", path);
    }
    let mut process = command
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(helper, error.to_string()))?;
    let mut stdin = process.stdin.take().expect("it is piped");
    let answer = hear(process.stdout.take().expect("it is piped"));
    let complaint = hear(process.stderr.take().expect("it is piped"));
    // A helper that does not read its question may have answered without.
    drop(
        stdin
            .write_all(question.as_bytes())
            .and_then(|()| stdin.write_all(b"\n")),
    );
    drop(stdin);
    let silent = || failed(helper, format!("no answer for {} seconds", limit.as_secs()));
    let succeeded = wait(&mut process, give_up).map_err(|error| failed(helper, error.to_string()));
    let succeeded = succeeded?.ok_or_else(silent)?;
    // What the helper has started may hold its end of the pipe for longer than the helper lives.
    let left = give_up.saturating_duration_since(Instant::now());
    let answer = answer.recv_timeout(left).map_err(|_| silent())?;
    let answer = answer.map_err(|error| failed(helper, error.to_string()))?;
    if succeeded {
        return Ok(answer);
    }
    // By the protocol it says why on stdout; scripts and wrappers have their own ways.
    let left = give_up
        .saturating_duration_since(Instant::now())
        .min(LAST_WORDS);
    let complaint = complaint.recv_timeout(left).ok().and_then(Result::ok);
    let complaint = complaint.unwrap_or_default();
    let said = |line: &&str| !line.trim().is_empty();
    let reason = answer.lines().find(said).or(complaint.lines().rfind(said));
    let reason = reason.unwrap_or("it said nothing").chars();
    let shown = reason.filter(|character| !character.is_control());
    Err(failed(helper, shown.take(200).collect()))
}

/// Reads to the end on a thread of its own.
fn hear(pipe: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<String>> {
    let (sender, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(MOST_ANSWER_BYTES).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Nobody listens any more after the limit.
        sender.send(read.map(|_| text)).ok();
    });
    heard
}

/// Returns whether it succeeded; `None` if it had to be ended.
fn wait(process: &mut Child, give_up: Instant) -> io::Result<Option<bool>> {
    while Instant::now() < give_up {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status.success()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(process.kill());
    process.wait()?;
    Ok(None)
}

fn failed(helper: &str, reason: String) -> KeychainError {
    KeychainError::Helper {
        helper: helper.to_owned(),
        reason,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "credential helpers are programs; they run without a shell"
)]
fn command(name: &str) -> Command {
    Command::new(name)
}

#[cfg(test)]
mod tests {
    use super::{get, run_within};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    #[test]
    fn a_helper_that_does_not_answer_is_ended_and_what_it_started_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display()).into();
        for script in ["exec sleep 10", "sleep 10 & exit 0"] {
            let helper = folder.path().join("docker-credential-slow");
            fs_err::write(&helper, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs_err::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
            let limit = Duration::from_millis(500);
            let error = run_within(limit, "slow", Some(&path), ("get", "r.example")).unwrap_err();
            assert!(error.to_string().contains("no answer for"), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_a_path_or_an_option_is_not_run() {
        for name in ["", "../../tmp/x", "/bin/sh", "x y", "x;y", "x$(y)", "é"] {
            let error = get(name, None, "r.example").unwrap_err().to_string();
            assert!(error.contains("characters"), "{name}: {error}");
        }
        let error = get("mizzen-has-none-of-this-name", None, "r.example").unwrap_err();
        assert!(
            error.to_string().contains("docker-credential-mizzen"),
            "{error}"
        );
    }
}

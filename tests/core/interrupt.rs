//! A build that is told to stop, or killed, leaves nothing behind, and the next one does it.

use crate::support::{Run, User, prepared};
use fs_err as fs;
use std::time::{Duration, Instant};

/// Starts a build whose `dotnet` waits for ever with a child, and sends it `signal` once it runs.
fn stopped_build(user: &User, signal: &str, isolation: &str) -> Run {
    user.write_dotnet(&format!(
        "sleep {} & setsid sleep {}",
        seconds(user),
        seconds(user)
    ));
    let workspace = user.workspace("hello-web", "hello", None);
    fs::write(workspace.join(seconds(user)), "").unwrap();
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let isolation = ["--isolation", isolation];
    user.build_and_signal(signal, &[&arguments[..], &isolation[..]].concat())
}

/// Returns a time that only this user's `dotnet` waits for.
fn seconds(user: &User) -> String {
    let name = user
        .path("")
        .file_name()
        .unwrap()
        .as_encoded_bytes()
        .to_vec();
    let digits: String = name.iter().map(|byte| (byte % 10).to_string()).collect();
    format!("100000.{digits}")
}

/// Returns whether any process waits for that time.
fn any_is_left(user: &User) -> bool {
    let wanted = seconds(user);
    let processes = fs::read_dir("/proc").unwrap();
    let mut commands =
        processes.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    commands.any(|command| String::from_utf8_lossy(&command).contains(&wanted))
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

/// Returns whether the user's sources lie in any stage.
fn is_staged(user: &User) -> bool {
    let roots = fs::read_dir("/tmp").unwrap();
    let mut roots = roots.map(|entry| entry.unwrap().path());
    roots.any(|root| root.join("src").join(seconds(user)).exists())
}

#[test]
fn ctrl_c_and_sigterm_end_dotnet_too_and_have_their_own_exit_codes() {
    for (signal, code, isolation) in [("INT", 130, "auto"), ("TERM", 143, "path")] {
        let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
        let mounts_before = mounts();
        let said = stopped_build(&user, signal, isolation).failure(code);
        assert!(said.contains("error: interrupted"), "{said}");
        assert!(!any_is_left(&user) && !is_staged(&user));
        assert_eq!(mounts(), mounts_before);
        assert!(!user.path("out").exists());
        assert_eq!(fs::read_dir(user.path("cache/tmp")).unwrap().count(), 0);
        assert_eq!(
            fs::read_dir(user.path("cache/actions-v1")).unwrap().count(),
            0
        );
    }
}

#[test]
fn kill_9_ends_dotnet_too_and_empties_the_stage() {
    for isolation in ["auto", "path"] {
        let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
        let mounts_before = mounts();
        let run = stopped_build(&user, "KILL", isolation);
        assert_eq!(run.code, 128 + 9, "{}", run.stderr);
        // Nobody is there to be told when it is done.
        let until = Instant::now() + Duration::from_secs(60);
        while any_is_left(&user) || is_staged(&user) {
            assert!(Instant::now() < until, "something is left");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(mounts(), mounts_before);
    }
}

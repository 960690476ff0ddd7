//! A build that is told to stop leaves nothing behind, and the next one does it.

use crate::support::{User, prepared};
use fs_err as fs;
use std::os::unix::fs::PermissionsExt;

/// Replaces the user's `dotnet` by one that tells that it runs, and then waits for ever.
fn with_waiting_dotnet(user: &User) {
    let dotnet = user.path("sdk/dotnet");
    let script = format!(
        "#!/bin/sh\necho $$ > '{}'\nsleep 1000\n",
        user.path("runs").display()
    );
    fs::write(&dotnet, script).unwrap();
    fs::set_permissions(dotnet, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn ctrl_c_and_sigterm_end_dotnet_too_and_have_their_own_exit_codes() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
        with_waiting_dotnet(&user);
        user.workspace("hello-web", "hello", None);
        let base = format!(
            "oci:{}",
            prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
        );
        let arguments = ["hello", "-o", "oci:out", "--base", &base];
        let run = user.build_and_signal(signal, &user.path("runs"), &arguments);
        let said = run.failure(code);
        assert!(said.contains("error: interrupted"), "{said}");
        let dotnet = fs::read_to_string(user.path("runs")).unwrap();
        assert!(
            !fs::metadata(format!("/proc/{}", dotnet.trim()))
                .is_ok_and(|_| is_alive(dotnet.trim()))
        );
        assert!(!user.path("out").exists());
        assert_eq!(fs::read_dir(user.path("cache/tmp")).unwrap().count(), 0);
        assert_eq!(
            fs::read_dir(user.path("cache/actions-v1")).unwrap().count(),
            0
        );
    }
}

fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

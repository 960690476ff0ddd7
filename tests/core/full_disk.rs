//! A disk that has no room at some write: a clear error, nothing half-written, and the next run is
//! right.

use crate::support::{User, prepared, testdata};
use fs_err as fs;
use mizzen_testkit::tiny_base;
use std::process::{Command, Output};

/// What a build on a small disk said and left, and what the next one gave that had room.
struct Tried {
    code: String,
    kilobytes: u64,
    stderr: String,
    left: String,
    verified: String,
    next: String,
}

/// Runs a shell that may mount: in a namespace of its own, so that what it mounts is gone with its last
/// process.
fn with_own_mounts(user: &User, script: &str) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .args(["/bin/sh", "-c", script])
        .env_clear()
        .envs(&user.environment)
        .output()
        .unwrap();
    output
}

/// Runs a build whose cache and output lie on a file system of `kilobytes` (`disk/` in the user's
/// folder), and then the same again with more room.
fn try_build(user: &User, kilobytes: u64, arguments: &str) -> Tried {
    let script = format!(
        "set -u; cd {folder}; rm -f t-*; \
         mount -t tmpfs -o size={kilobytes}k,mode=700 disk disk || exit 9; \
         {mizzen} build {arguments} --cache-dir disk/cache -o oci:disk/out >t-out 2>t-stderr; echo $? >t-code; \
         df -k --output=used disk | tail -n 1 >t-used; \
         find disk/out disk/cache/tmp -type f >t-left 2>&1; \
         mount -o remount,size=2g disk || exit 9; \
         {mizzen} cache verify --cache-dir disk/cache >t-verified 2>&1; \
         {mizzen} build {arguments} --cache-dir disk/cache -o oci:disk/out >t-next 2>t-next-stderr && \
         {mizzen} validate oci:disk/out --cache-dir disk/judge >>t-next-stderr 2>&1; echo $? >>t-next",
        folder = user.path("").display(),
        mizzen = env!("CARGO_BIN_EXE_mizzen"),
    );
    fs::create_dir_all(user.path("disk")).unwrap();
    let output = with_own_mounts(user, &script);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = |name: &str| fs::read_to_string(user.path(name)).unwrap();
    Tried {
        code: text("t-code").trim().to_owned(),
        kilobytes: text("t-used").trim().parse().unwrap(),
        stderr: text("t-stderr"),
        left: text("t-left"),
        verified: text("t-verified"),
        next: text("t-next") + &text("t-next-stderr"),
    }
}

/// Lets builds fail at sizes below what one needs, which is found first.
fn fill(user: &User, arguments: &str, steps: u64) {
    let whole = try_build(user, 1 << 20, arguments);
    assert_eq!(whole.code, "0", "{}", whole.stderr);
    let expected = whole.next.lines().next().unwrap().to_owned();
    assert!(expected.contains("@sha256:"), "{expected}");
    let mut failed = 0;
    for step in 1..steps {
        let kilobytes = whole.kilobytes * step / steps;
        let tried = try_build(user, kilobytes.max(4), arguments);
        assert_eq!(
            tried.next.lines().take(2).collect::<Vec<_>>(),
            [&expected, "0"],
            "{kilobytes} kB: {}",
            tried.next
        );
        if tried.code == "0" {
            continue;
        }
        failed += 1;
        assert_eq!(tried.code, "7", "{kilobytes} kB: {}", tried.stderr);
        assert!(
            tried.stderr.contains("error: ") && tried.stderr.contains("No space left"),
            "{}",
            tried.stderr
        );
        assert_eq!(
            tried.verified, "damaged and removed: 0 files, 0 B\n",
            "{kilobytes} kB"
        );
        // Blobs of the image may be there; what makes a layout of them may not.
        assert!(
            !tried.left.contains("index.json") && !tried.left.contains("cache/tmp/"),
            "{}",
            tried.left
        );
    }
    assert!(
        failed * 3 > steps,
        "{failed} of {steps} found the disk full"
    );
}

#[test]
fn a_full_disk_below_the_stage_is_no_fault_of_the_projects() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "hello", None);
    tiny_base(&user.path("base"), "linux/amd64");
    // Too small for the sources, and for what the compiler writes.
    for kilobytes in [8, 120] {
        let script = format!(
            "mkdir -p -m 700 /tmp/mizzen-stage; cd {}; \
             mount -t tmpfs -o size={kilobytes}k,mode=700 stage /tmp/mizzen-stage || exit 9; \
             {} build hello --base oci:base -o oci:out",
            user.path("").display(),
            env!("CARGO_BIN_EXE_mizzen"),
        );
        let output = with_own_mounts(&user, &script);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(7), "{kilobytes} kB: {said}");
        assert!(said.contains("No space left on device"), "{said}");
        assert!(!user.path("out").exists());
    }
}

#[test]
fn packaging_a_folder_fails_cleanly_wherever_the_disk_is_full() {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    let folder = testdata("publish/portable");
    let arguments = format!("--from-publish {} --base oci:base", folder.display());
    fill(&user, &arguments, 24);
}

#[test]
fn a_build_fails_cleanly_wherever_the_disk_is_full() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "hello", None);
    tiny_base(&user.path("base"), "linux/amd64");
    fill(&user, "hello --base oci:base", 4);
}

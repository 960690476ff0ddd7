//! A whole build as a process of its own: what it finds on machines that deny, and what it leaves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The user that tests run as when they are not to be root.
const SOMEBODY: &str = "64242";

fn shell(wrapper: &[&str], rung: &str, cache: &Path, script: &str) -> Child {
    let program = [env!("CARGO_BIN_EXE_stage-shell")];
    let words: Vec<&str> = wrapper.iter().chain(&program).copied().collect();
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let child = Command::new(words[0])
        .args(&words[1..])
        .arg(rung)
        .arg(cache)
        .arg(script)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
}

fn said(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Returns the command lines of the processes that have `mark` in them.
fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap();
    let commands = processes.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    commands
        .map(|command| String::from_utf8_lossy(&command).replace('\0', " "))
        .filter(|command| command.contains(mark))
        .collect()
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

fn roots() -> Vec<PathBuf> {
    let all = fs::read_dir("/tmp")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().starts_with("/tmp/mizzen-stage"))
        .collect()
}

#[test]
fn a_build_killed_at_any_moment_leaves_no_process_no_mount_and_no_file() {
    let mounts_before = mounts();
    for rung in ["processes", "mounts", "path"] {
        for moment in 0..8_u64 {
            let cache = tempfile::tempdir().unwrap();
            let mark = format!("10{moment}.{}", rung.len() * 1000 + 777);
            // Children in other sessions and groups, whose parents are gone.
            let script = format!(
                "touch marked-{mark}; (setsid sleep {mark} &) & setsid sh -c 'sleep {mark} & sleep {mark}' & \
                 echo ready; sleep {mark}"
            );
            let mut child = shell(&[], rung, cache.path(), &script);
            if moment > 5 {
                let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
                assert!(lines.any(|line| line.unwrap() == "ready"), "{rung}");
            } else {
                std::thread::sleep(Duration::from_millis(moment * moment));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let until = Instant::now() + Duration::from_secs(30);
            let staged = |root: &PathBuf| root.join("src").join(format!("marked-{mark}")).exists();
            while !marked(&mark).is_empty() || roots().iter().any(staged) {
                assert!(
                    Instant::now() < until,
                    "{rung} {moment}: {:?}",
                    marked(&mark)
                );
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    assert_eq!(mounts(), mounts_before);
}

#[test]
fn children_that_the_command_leaves_are_ended_with_it() {
    for rung in ["processes", "mounts", "path"] {
        let cache = tempfile::tempdir().unwrap();
        let mark = format!("200.{}", rung.len());
        let script = format!("(setsid sleep {mark} &) & setsid sleep {mark} & exit 0");
        let said = said(shell(&[], rung, cache.path(), &script));
        assert!(said.ends_with("exit Some(0)\n"), "{said}");
        assert_eq!(marked(&mark), [""; 0], "{rung}");
    }
}

/// Makes what follows run where part of `/proc` is covered, as Docker covers it.
const MASKED: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    "mount --bind /dev/null /proc/version && exec \"$0\" \"$@\"",
];
/// Makes what follows run where no user namespace can be had.
const DENIED: [&str; 6] = [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"",
];

#[test]
fn the_highest_rung_that_the_machine_allows_is_taken() {
    let cache = tempfile::tempdir().unwrap();
    let rung = |wrapper: &[&str], asked| {
        let said = said(shell(wrapper, asked, cache.path(), "echo runs"));
        said.lines().next().unwrap().to_owned()
    };
    for asked in ["auto", "namespace"] {
        assert_eq!(rung(&[], asked), "rung processes");
        assert_eq!(rung(&MASKED, asked), "rung mounts");
    }
    assert_eq!(rung(&DENIED, "auto"), "rung path");
    assert_eq!(rung(&DENIED, "path"), "rung path");
    let denied = rung(&DENIED, "namespace");
    assert_eq!(denied, "the stage cannot be isolated: user namespace");
}

#[test]
fn a_plain_user_has_the_same_rungs() {
    // Whoever runs this as a plain user has shown it with every other test.
    let user: &[&str] = if rustix::process::geteuid().is_root() {
        &[
            "setpriv",
            "--reuid",
            SOMEBODY,
            "--regid",
            SOMEBODY,
            "--clear-groups",
        ]
    } else {
        &["env"]
    };
    // Where the program and the cache are, not every user may go.
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let program = folder.path().join("stage-shell");
    fs::copy(env!("CARGO_BIN_EXE_stage-shell"), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), open).unwrap();
    for rung in ["processes", "mounts", "path"] {
        let script = "id -u; echo made > made; cat made";
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let child = Command::new(user[0])
            .args(&user[1..])
            .arg(&program)
            .arg(rung)
            .arg(folder.path().join("cache"))
            .arg(script)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = said(child);
        assert!(said.starts_with(&format!("rung {rung}\n")), "{said}");
        let watched = match rung {
            "path" => "not watched: it ran with isolation `path`",
            _ => "watched",
        };
        let end = format!("\nmade\n{watched}\nexit Some(0)\n");
        assert!(said.ends_with(&end), "{said}");
    }
    drop(fs::remove_dir_all(format!("/tmp/mizzen-stage-{SOMEBODY}")));
}

//! Builds that are killed at any moment, and builds that all want the same at once.

use crate::support::{KILLED, Run, User, prepared, variable};
use fs_err as fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many builds are killed; `./test --long` asks for more.
fn kills() -> usize {
    variable("MIZZEN_TEST_KILLS").map_or(20, |number| number.parse().unwrap())
}

fn hello() -> (User, String) {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let hello = user.workspace("hello-web", "hello", None);
    fs::write(hello.join(mark(&user)), "").unwrap();
    let temporary = user.path("temporary");
    fs::create_dir(&temporary).unwrap();
    user.environment
        .insert("TMPDIR".to_owned(), temporary.to_str().unwrap().to_owned());
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    (user, format!("oci:{}", base.display()))
}

/// Returns the name of the user's folder, which no other has.
fn mark(user: &User) -> String {
    user.path("")
        .components()
        .next_back()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap()
        .to_owned()
}

/// Returns the command lines of all processes that have to do with the user: by what they were
/// called with, by their variables, by where they work or what they have open.
fn processes(user: &User) -> Vec<String> {
    let folder = user
        .path("")
        .to_str()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap() {
        let process = process.unwrap().path();
        let text = |name: &str| {
            let bytes = fs_err::read(process.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let leads = |link: &Path| {
            fs::read_link(link).is_ok_and(|path| path.to_string_lossy().contains(&folder))
        };
        let files = fs_err::read_dir(process.join("fd")).into_iter().flatten();
        let is_own = process.ends_with(std::process::id().to_string());
        let is_users = text("cmdline").contains(&folder)
            || text("environ").contains(&folder)
            || leads(&process.join("cwd"))
            || files.flatten().any(|file| leads(&file.path()));
        if is_users && !is_own && !process.ends_with("self") && !process.ends_with("thread-self") {
            found.push(format!("{}: {}", process.display(), text("cmdline")));
        }
    }
    found
}

/// Returns whether the user's sources lie in any stage.
fn is_staged(user: &User) -> bool {
    let roots = fs::read_dir("/tmp").unwrap().flatten();
    roots
        .map(|entry| entry.path())
        .any(|root| root.join("src").join(mark(user)).exists())
}

/// Waits until nothing that a killed build started is left: nobody is there to be told when it is.
fn wait_for_the_end_of_all(user: &User) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let (left, is_staged) = (processes(user), is_staged(user));
        if left.is_empty() && !is_staged {
            return;
        }
        assert!(
            Instant::now() < until,
            "left: {left:#?}, staged: {is_staged}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

/// Empties the cache of what was built; what is known of the SDK's files stays, for most of the time
/// would be spent on them.
fn forget(user: &User) {
    for folder in ["cache/actions-v1", "cache/blobs", "cache/notes-v1", "out"] {
        drop(fs::remove_dir_all(user.path(folder)));
    }
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn builds_killed_at_random_moments_leave_nothing_and_the_next_one_is_right_and_says_what_it_swept()
{
    let (user, base) = hello();
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    let started = Instant::now();
    let expected = user.build(&arguments).success().digest().to_owned();
    let mut took = started.elapsed();
    let mounts_before = mounts();
    let (mut killed, mut swept, mut told) = (0, 0, 0);
    while killed < kills() {
        // What a killed one left is where the next one goes on, until one comes through.
        if killed % 4 == 0 {
            forget(&user);
        }
        let moment = took.mul_f64(fastrand::f64());
        let going = user.start("killed", &arguments);
        std::thread::sleep(moment);
        let run = going.kill();
        wait_for_the_end_of_all(&user);
        assert_eq!(mounts(), mounts_before);
        if run.code != KILLED {
            let run = run.success();
            assert_eq!(run.digest(), expected);
            // The first one read the SDK, and the machine may have more time now than it had then.
            if run.steps() == "restore=ran publish=ran" {
                took = moment;
            }
            forget(&user);
            continue;
        }
        killed += 1;
        let temporary = user.path("cache/tmp");
        let is_left = temporary.exists() && entries(&temporary) > 0;
        swept += usize::from(is_left);
        if user.path("out/index.json").exists() {
            crate::support::validated(&user.path("out"), None);
        }
        if killed % 4 == 0 || is_left {
            let next = user.build(&arguments).success();
            assert_eq!(
                next.digest(),
                expected,
                "killed after {moment:?}: {}",
                next.stderr
            );
            told += usize::from(next.stderr.contains("note: an earlier run was killed"));
        }
    }
    assert_eq!(told, swept);
    assert_eq!(entries(&user.path("temporary")), 0);
    assert_eq!(entries(&user.path("cache/tmp")), 0);
    assert_eq!(entries(&user.path("home")), 0);
}

#[test]
fn eight_builds_at_once_into_one_cache_all_give_the_same_and_run_each_step_once() {
    let (user, base) = hello();
    let mounts_before = mounts();
    let going = (0..8).map(|number| {
        // Five of the same, and three with a property of their own.
        let property = format!("Description=number {}", number.max(4));
        let arguments = [
            "-o",
            &format!("oci:out{number}"),
            "--base",
            &base,
            "-p",
            &property,
        ];
        user.start(&number.to_string(), &[&["hello"], &arguments[..]].concat())
    });
    let going: Vec<_> = going.collect();
    let runs: Vec<_> = going
        .into_iter()
        .map(|going| going.end().success())
        .collect();
    // Who waited for one of its kind finds what that made.
    let mut calls = user.dotnet_calls();
    calls.sort_unstable();
    assert_eq!(calls, [["publish"; 4], ["restore"; 4]].concat());
    let ran = |run: &&Run| run.steps() == "restore=ran publish=ran";
    assert_eq!(runs.iter().filter(ran).count(), 4);
    let expected = runs[0].digest();
    for (number, run) in runs.iter().enumerate() {
        assert_eq!(run.digest() == expected, number < 5, "{}", run.stderr);
        crate::support::validated(&user.path(&format!("out{number}")), None);
    }
    assert!(processes(&user).is_empty() && !is_staged(&user));
    assert_eq!(mounts(), mounts_before);
    assert_eq!(entries(&user.path("cache/tmp")), 0);
    let again = [
        "hello",
        "-o",
        "oci:out0",
        "--base",
        &base,
        "-p",
        "Description=number 4",
    ];
    assert_eq!(user.build(&again).success().digest(), expected);
    assert_eq!(user.dotnet_calls(), [""; 0]);
}

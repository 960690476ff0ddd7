//! What a person sees on a terminal while a build runs, as text, in tmux.

use crate::support::{Terminal, User, edit, is_set, prepared, testdata};
use fs_err as fs;
use mizzen_testkit::{MemoryRegistry, tiny_base};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Makes a project wait where it is about to be compiled, until [`go_on`].
fn with_a_wait(user: &User, name: &str, seconds: &str) {
    let project = user.workspace("hello-web", name, None);
    let wait = format!(
        "<Target Name=\"Wait\" AfterTargets=\"MizzenCompiles\"><Exec Command=\"sleep {seconds}\" IgnoreExitCode=\"true\" IgnoreStandardErrorWarningFormat=\"true\" /></Target></Project>"
    );
    edit(&project.join("hello-web.csproj"), "</Project>", &wait);
    edit(
        &project.join("hello-web.csproj"),
        "<TreatWarningsAsErrors>true",
        "<TreatWarningsAsErrors>false",
    );
}

/// Ends the wait, as soon as it has begun.
fn go_on(seconds: &str) {
    let command = format!("sleep\0{seconds}\0");
    let find = || {
        fs::read_dir("/proc").unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            let is_it = fs::read(path.join("cmdline")).is_ok_and(|it| it == command.as_bytes());
            let number = path.file_name()?.to_str()?.parse().ok()?;
            Pid::from_raw(number).filter(|_| is_it)
        })
    };
    loop {
        if let Some(sleep) = find() {
            return kill_process(sleep, Signal::KILL).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Takes out of what was recorded what is another thing each time.
fn steady(shown: &str, replaced: &[(&str, &str)]) -> String {
    let mut text = shown.to_owned();
    for (what, with) in replaced {
        text = text.replace(what, with);
    }
    let mut steady = String::new();
    for line in text.lines() {
        // How much has come so far is another thing each time.
        if let Some((bar, far)) = line.split_once("  [#") {
            assert!(far.contains("#] ") && far.ends_with(" blobs"), "{line}");
            steady += &(without_times(bar) + "  […]\n");
            continue;
        }
        // What goes over the network is counted elsewhere.
        if let Some((time, counts)) = line.split_once(": ").filter(|_| line.starts_with("done ")) {
            let counts = counts.replace(|it: char| it.is_ascii_digit() || it == '.', "");
            let counts = counts.replace(['k', 'M'], "");
            writeln!(steady, "{}: {counts}", without_times(time)).unwrap();
            continue;
        }
        // A digest, which the terminal may have broken.
        let (line, digest) = line.split_once("sha256:").unwrap_or((line, ""));
        let is_digest = line.len() > 10 && line.chars().all(|it| it.is_ascii_hexdigit());
        if is_digest || !digest.is_empty() {
            let before = if is_digest { "" } else { line };
            writeln!(steady, "{before}sha256:…").unwrap();
            continue;
        }
        steady += &without_times(line);
        steady.push('\n');
    }
    steady
}

/// Writes each time as `0.0 s`; those that are aligned at their right have one width then.
fn without_times(line: &str) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(|it: char| it.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|it: char| !it.is_ascii_digit() && it != '.');
        let (number, after) = number.split_at(end.unwrap_or(number.len()));
        let unit = [" ms", " s"].into_iter().find(|it| after.starts_with(it));
        if let Some(unit) = unit {
            let aligned = before.ends_with("  ");
            text += before.trim_end();
            text += if aligned { "  0.0 s" } else { " 0.0 s" };
            rest = &after[unit.len()..];
        } else {
            text += before;
            text += number;
            rest = after;
        }
    }
    text + rest
}

#[test]
fn a_terminal_shows_what_runs_and_keeps_what_is_done() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let seconds = format!("98765.{}", std::process::id());
    with_a_wait(&user, "shop", &seconds);
    tiny_base(&user.path("base"), "linux/amd64");
    let registry = MemoryRegistry::start();
    // The first layer that is sent waits in the registry.
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
    let waits = gate.clone();
    registry.play(move |_, request| {
        if request.method == "PUT" && request.target.contains("digest=") {
            drop(waits.lock().unwrap_or_else(PoisonError::into_inner));
        }
        None
    });
    let to = format!("{}/shop:1.4", registry.host());
    let arguments = ["build", "shop", "--base", "oci:base", "-t", &to];
    let terminal = Terminal::start(&user, 80, &[], &arguments);
    let compiling = terminal.wait_for(|shown| shown.contains("compiling hello-web"));
    terminal.resize(120);
    let wider = terminal.wait_for(|shown| shown.contains("compiling hello-web"));
    terminal.resize(80);
    go_on(&seconds);
    let sending = terminal.wait_for(|shown| shown.contains("sending") && shown.contains("[#####"));
    terminal.resize(120);
    let sending_wider = terminal.wait_for(|shown| shown.contains("[#####"));
    terminal.resize(80);
    drop(closed);
    let done = terminal.wait_for(|shown| shown.contains("ended with"));
    assert!(done.contains("ended with 0"), "{done}");
    let colours = terminal.shown_in_colour();
    for coloured in ["\x1b[1m\x1b[32mdone", "\x1b[1m\x1b[36mrestore"] {
        assert!(colours.contains(coloured), "{colours:?}");
    }

    let folder = user.folder_path().display().to_string();
    let replaced = [
        (&registry.host()[..], "registry:5000"),
        (&folder, "/tmp/user"),
    ];
    let mut recorded = String::new();
    for (title, shown) in [
        ("80 columns, compiling", &compiling),
        ("120 columns, compiling", &wider),
        ("80 columns, sending", &sending),
        ("120 columns, sending", &sending_wider),
        ("80 columns, done", &done),
    ] {
        write!(recorded, "=== {title}\n{}", steady(shown, &replaced)).unwrap();
    }
    let file = testdata("../tests/core/screen.txt");
    if is_set("UPDATE_SCREEN") {
        fs::write(&file, &recorded).unwrap();
    }
    assert_eq!(recorded, fs::read_to_string(&file).unwrap());
}

#[test]
fn a_terminal_names_the_service_of_a_solution_that_a_line_is_about() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let seconds = format!("98764.{}", std::process::id());
    with_a_wait(&user, "shop/Front", &seconds);
    user.workspace("hello-web", "shop/Backend", None);
    for name in ["Front", "Backend"] {
        let folder = user.path(&format!("shop/{name}"));
        let project = folder.join(format!("{name}.csproj"));
        fs::rename(folder.join("hello-web.csproj"), project).unwrap();
    }
    edit(
        &user.path("shop/Backend/Program.cs"),
        "using System;",
        "#error broken",
    );
    let projects = ["Front", "Backend"]
        .map(|name| format!("<Project Path=\"{name}/{name}.csproj\" />"))
        .concat();
    fs::write(
        user.path("shop/Shop.slnx"),
        format!("<Solution>{projects}</Solution>"),
    )
    .unwrap();
    tiny_base(&user.path("base"), "linux/amd64");
    let arguments = [
        "build",
        "shop",
        "--base",
        "oci:base",
        "-o",
        "oci:out/{project}",
    ];
    let terminal = Terminal::start(&user, 80, &[], &arguments);
    let shown = terminal.wait_for(|shown| shown.contains("compiling Front"));
    let starts = |start: &str| shown.lines().any(|line| line.starts_with(start));
    for start in [
        "Front    publish  ",
        "solution ",
        "Front    restore  ran in",
    ] {
        assert!(starts(start), "{start}\n{shown}");
    }
    assert!(shown.contains("of 2 done"), "{shown}");
    go_on(&seconds);
    let shown = terminal.wait_for(|shown| shown.contains("ended with"));
    assert!(shown.contains("ended with 3"), "{shown}");
    assert!(shown.contains("Backend  publish  runs: "), "{shown}");
    assert!(!shown.contains("of 2 done"), "{shown}");
    // The one that failed is told in red where it failed, and in the end.
    let colours = terminal.shown_in_colour();
    assert!(colours.contains("\x1b[1m\x1b[31merror:"), "{colours:?}");
}

#[test]
fn a_terminal_stays_plain_for_who_wants_it_so_or_has_no_room() {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    for (columns, (name, value), is_drawn) in [
        (80, ("NO_COLOR", "1"), true),
        (80, ("CI", "true"), false),
        (80, ("TERM", "dumb"), false),
        (30, ("NO_COLOR", "1"), false),
    ] {
        let registry = MemoryRegistry::start();
        let to = format!("{}/shop:1", registry.host());
        let arguments = ["push", "oci:base", &to];
        let terminal = Terminal::start(&user, columns, &[(name, value)], &arguments);
        let shown = terminal.wait_for(|shown| shown.contains("ended with"));
        assert!(shown.contains("ended with 0"), "{shown}");
        // Each blob has a line where nobody has seen it move.
        assert_eq!(shown.contains("uploaded "), !is_drawn, "{name}: {shown}");
        let colours = terminal.shown_in_colour();
        assert!(!colours.contains("\x1b[1m"), "{name}: {colours:?}");
    }
}

//! The arrows between the crates, as docs/architecture.md draws them, and between their modules.

use crate::support::modules::{Arrows, arrows, circles};
use crate::support::testdata;
use fs_err as fs;
use std::collections::BTreeMap;

/// What each crate may use; what is not named may use nothing of ours.
const ARROWS: [(&str, &[&str]); 13] = [
    ("attest", &["dotnet", "image", "oci"]),
    ("oci", &[]),
    ("store", &["oci"]),
    ("image", &["oci", "store"]),
    ("dotnet", &["oci"]),
    ("stage", &["oci", "store", "watch"]),
    ("plan", &["dotnet", "oci"]),
    ("registry", &["image", "oci", "store"]),
    ("shared-cache", &["oci", "registry", "store"]),
    (
        "builder",
        &["dotnet", "image", "oci", "plan", "stage", "store"],
    ),
    ("fuzz", &[]),
    ("testkit", &["image", "oci", "stage", "store"]),
    ("watch", &[]),
];

/// Crates that speak to the network, and those that start async runtimes.
const NETWORK: [&str; 4] = ["reqwest", "hyper", "tokio", "rustls"];

#[test]
fn the_crates_use_each_other_as_drawn_and_only_the_registry_has_a_network() {
    let crates = testdata("../crates");
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(&crates).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let manifest = fs::read_to_string(crates.join(&name).join("Cargo.toml")).unwrap();
        seen.insert(name, dependencies(&manifest));
    }
    assert_eq!(
        seen.len(),
        ARROWS.len(),
        "every crate has its line in ARROWS"
    );
    for (name, arrows) in ARROWS {
        let used = &seen[name];
        let ours: Vec<&str> = used
            .iter()
            .filter_map(|used| used.strip_prefix("mizzen-"))
            .collect();
        assert_eq!(ours, arrows, "{name}");
        let network: Vec<_> = used
            .iter()
            .filter(|used| NETWORK.contains(&used.as_str()))
            .collect();
        assert!(
            network.is_empty() || ["registry", "testkit"].contains(&name),
            "{name} uses {network:?}"
        );
    }
}

/// Returns the names below `[dependencies]`, sorted.
fn dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let name = |line: &str| {
        Some(line.split(['.', ' ', '=']).next()?.to_owned()).filter(|name| !name.is_empty())
    };
    let mut names: Vec<String> = lines.filter_map(name).collect();
    names.sort_unstable();
    names
}

#[test]
fn no_module_of_the_command_line_needs_one_that_needs_it() {
    let arrows = arrows(&testdata("../cli/src"));
    assert!(arrows["commands::build"].contains("building::services"));
    assert!(
        arrows["building::nuget"].contains("process"),
        "by the re-export of the crate"
    );
    assert_eq!(circles(&arrows), [""; 0]);
}

/// The rooms of the builder, each with those below it that it may use.
const ROOMS: [(&str, &[&str]); 4] = [
    ("inputs", &[]),
    ("result", &["inputs"]),
    ("records", &["inputs", "result"]),
    ("steps", &["inputs", "records", "result"]),
];

#[test]
fn no_module_of_the_builder_needs_one_that_needs_it_or_one_of_a_room_above() {
    let arrows = arrows(&testdata("../crates/builder/src"));
    assert!(arrows["steps::carry_out"].contains("steps::run_step"));
    assert!(arrows["inputs::sdk"].contains("error"));
    assert_eq!(circles(&arrows), [""; 0]);
    for (room, below) in ROOMS {
        let modules = arrows.iter().filter(|(module, _)| room_of(module) == room);
        let mut used: Vec<&str> = modules
            .flat_map(|(_, to)| to.iter().map(|to| room_of(to)))
            .filter(|used| *used != room && ROOMS.iter().any(|(room, _)| room == used))
            .collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, below, "{room}");
    }
}

fn room_of(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let of = |arrows: &[(&str, &[&str])]| -> Arrows {
        let arrow = |(from, to): &(&str, &[&str])| {
            let to = to.iter().map(|to| (*to).to_owned()).collect();
            ((*from).to_owned(), to)
        };
        arrows.iter().map(arrow).collect()
    };
    let tree = [("a", &["b", "c"][..]), ("b", &["c"]), ("c", &[])];
    assert_eq!(circles(&of(&tree)), [""; 0]);
    let circle = [
        ("a", &["b"][..]),
        ("b", &["c", "d"]),
        ("c", &["b"]),
        ("d", &[]),
    ];
    assert_eq!(circles(&of(&circle)), ["b", "c"]);
}

/// A file with one thing on top that others use fits on a few screens.
const MOST_LINES: usize = 400;

#[test]
fn no_source_file_is_longer_than_a_few_screens() {
    let mut folders = vec![testdata("../cli/src")];
    for entry in fs::read_dir(testdata("../crates")).unwrap() {
        folders.push(entry.unwrap().path().join("src"));
    }
    let (mut files, mut too_long) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > MOST_LINES {
                too_long.push(format!("{}: {lines}", path.display()));
            }
        }
    }
    assert!(files > 300, "{files}");
    assert_eq!(too_long, [""; 0], "split it where it has a seam");
}

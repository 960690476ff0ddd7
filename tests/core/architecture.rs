//! The arrows between the crates, as docs/architecture.md draws them.

use crate::support::testdata;
use fs_err as fs;
use std::collections::BTreeMap;

/// What each crate may use; what is not named may use nothing of ours.
const ARROWS: [(&str, &[&str]); 11] = [
    ("oci", &[]),
    ("store", &["oci"]),
    ("image", &["oci", "store"]),
    ("dotnet", &["oci"]),
    ("stage", &["oci", "store", "watch"]),
    ("plan", &["dotnet", "oci"]),
    ("registry", &["image", "oci", "store"]),
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

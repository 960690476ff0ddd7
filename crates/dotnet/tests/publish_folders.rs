//! From stored publish folders to layers with literal digests.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_dotnet::{LayerPlan, LayerRules, Libc, PlannedLayer, PublishOutput, RuntimeIdentifier};
use mizzen_image::{Entry, LayerBuilder};
use mizzen_oci::Digest;
use mizzen_store::{Cancel, Store};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/publish")
        .join(name)
}

fn plan(case: &str, platform: &str) -> LayerPlan {
    let platform = platform.parse().unwrap();
    let rules = LayerRules {
        prefix: "app/".to_owned(),
        runtime_identifier: RuntimeIdentifier::of(&platform, Libc::Glibc).unwrap(),
        executables: BTreeSet::new(),
    };
    LayerPlan::new(&PublishOutput::read(&testdata(case)).unwrap(), &rules)
}

fn digest(layer: &PlannedLayer) -> Digest {
    let cache = tempfile::tempdir().unwrap();
    let store = Store::open(cache.path()).unwrap();
    let entries = layer
        .files
        .iter()
        .map(|file| Entry::file(file.path.clone(), &file.source).with_mode(file.mode));
    let builder: LayerBuilder = entries.collect();
    let written = builder.write(&store, &Cancel::default()).unwrap();
    written.descriptor.digest
}

/// Each layer with its digest, the mode and path of each of its files; then what is left out and
/// why.
fn text_of(plan: &LayerPlan) -> String {
    let mut lines = Vec::new();
    for layer in &plan.layers {
        lines.push(format!("{} {}", layer.group, digest(layer)));
        for file in &layer.files {
            let path = String::from_utf8_lossy(&file.path);
            lines.push(format!("  {:04o} {path}", file.mode));
        }
    }
    lines.push("left out".to_owned());
    for file in &plan.left_out {
        lines.push(format!("  {}: {}", file.path, file.reason));
    }
    lines.join("\n") + "\n"
}

/// Compares with `golden/<case>.txt`, whose digests change with the format of layers or with the
/// stored folder and with nothing else.
#[track_caller]
fn check(case: &str, platform: &str) {
    let got = text_of(&plan(case, platform));
    let golden = testdata(&format!("golden/{case}.txt"));
    if fs::read_to_string(&golden).unwrap_or_default() != got {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{case}.txt"));
        fs::write(&new, got).unwrap();
        let (new, golden) = (new.display(), golden.display());
        panic!("other layers than before; if that is meant: cp {new} {golden}");
    }
}

#[test]
fn a_portable_publish_splits_by_change_rate() {
    check("portable", "linux/amd64");
}

#[test]
fn two_platforms_of_a_portable_publish_share_all_layers_but_the_one_with_natives() {
    let [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(|name| plan("portable", name).layers);
    let differ: Vec<_> = amd64
        .iter()
        .zip(&arm64)
        .filter(|(one, other)| digest(one) != digest(other))
        .map(|(one, _)| one.group.name())
        .collect();
    assert_eq!(differ, ["packages"]);
}

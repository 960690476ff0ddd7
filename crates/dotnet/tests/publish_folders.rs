//! From stored publish folders to layers with literal digests.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_dotnet::{
    DebugSymbols, Launch, LayerPlan, LayerRules, Libc, PlannedLayer, PublishError, PublishOutput,
    RuntimeIdentifier,
};
use mizzen_image::{Entry, LayerBuilder};
use mizzen_oci::Digest;
use mizzen_store::{Cancel, Store};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/publish")
        .join(name)
}

fn plan(case: &str, platform: &str) -> LayerPlan {
    plan_of(&testdata(case), platform)
}

fn plan_of(folder: &Path, platform: &str) -> LayerPlan {
    let platform = platform.parse().unwrap();
    let runtime_identifier = RuntimeIdentifier::of(&platform, Libc::Glibc).unwrap();
    let rules = LayerRules::new("app/", runtime_identifier);
    LayerPlan::new(&PublishOutput::read(folder).unwrap(), &rules)
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
        lines.push(format!("{} {}", layer.name, digest(layer)));
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
fn a_publish_for_one_runtime_has_its_natives_among_the_packages() {
    check("rid", "linux/amd64");
}

#[test]
fn a_self_contained_publish_has_its_runtime_at_the_bottom() {
    check("self-contained", "linux/amd64");
}

#[test]
fn a_ready_to_run_publish_splits_as_a_self_contained_one() {
    check("ready-to-run", "linux/amd64");
}

#[test]
fn a_trimmed_publish_splits_as_a_self_contained_one() {
    check("trimmed", "linux/amd64");
}

#[test]
fn a_single_file_publish_keeps_what_is_beside_the_file_in_its_groups() {
    check("single-file", "linux/amd64");
}

#[test]
fn a_single_file_that_needs_frameworks_is_read_from_inside() {
    check("single-file-framework-dependent", "linux/amd64");
}

#[test]
fn without_deps_json_only_the_rules_for_paths_apply() {
    check("no-deps-json", "linux/amd64");
}

#[test]
fn static_assets_of_a_blazor_application_and_its_libraries_share_a_layer() {
    check("blazor", "linux/amd64");
}

#[test]
fn views_of_net_core_3_1_are_the_applications() {
    check("netcoreapp3.1", "linux/amd64");
}

#[test]
fn managed_files_for_other_systems_are_left_out() {
    check("net5.0", "linux/amd64");
}

#[test]
fn natives_for_named_distributions_stay() {
    check("net6.0-worker", "linux/amd64");
}

#[test]
fn files_that_nothing_lists_are_the_applications() {
    check("net7.0-content", "linux/amd64");
}

#[test]
fn fsharp_core_is_a_package() {
    check("net8.0-fsharp", "linux/amd64");
}

#[test]
fn a_client_in_webassembly_is_static_assets() {
    check("net8.0-blazor-webassembly", "linux/amd64");
}

#[test]
fn previews_are_apart_from_stable_packages() {
    check("net9.0", "linux/amd64");
}

#[test]
fn local_paths_are_followed() {
    check("net11.0-local-path", "linux/amd64");
}

#[test]
fn a_native_application_is_its_program() {
    check("native-aot", "linux/amd64");
}

#[test]
fn a_static_program_is_one() {
    check("native-aot-static", "linux/amd64");
}

#[test]
fn a_publish_for_arm64_is_planned_on_any_machine() {
    check("rid-arm64", "linux/arm64");
}

/// Copies a folder with other modes and times, its files made in the opposite order.
fn copied(from: &Path, to: &Path, mode: u32) {
    fs::create_dir_all(to).unwrap();
    let mut entries: Vec<_> = fs::read_dir(from)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries.into_iter().rev() {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copied(&path, &target, mode);
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
            fs::set_permissions(&target, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

#[test]
fn modes_times_and_the_order_of_making_do_not_change_a_layer() {
    for case in ["portable", "self-contained", "blazor"] {
        let want = text_of(&plan(case, "linux/amd64"));
        for mode in [0o600, 0o744, 0o777] {
            let folder = tempfile::tempdir().unwrap();
            copied(&testdata(case), folder.path(), mode);
            assert!(
                text_of(&plan_of(folder.path(), "linux/amd64")) == want,
                "{case} {mode:o}"
            );
        }
    }
}

#[test]
fn the_publish_of_a_library_is_refused() {
    let error = PublishOutput::read(&testdata("library")).unwrap_err();
    assert!(matches!(error, PublishError::NotRunnable { .. }), "{error}");
}

/// The file that starts each, what it needs, and what publish did to shared files.
#[test]
fn what_starts_an_application_and_what_it_needs_is_read() {
    let read = |case: &str| {
        let output = PublishOutput::read(&testdata(case)).unwrap();
        let frameworks = output.runtime_config.frameworks.iter();
        let names: Vec<_> = frameworks.map(|framework| &framework.name[10..]).collect();
        let (Launch::Dll(file) | Launch::Program(file)) = &output.launch;
        format!("{file} {} {:?}", names.join("+"), output.tailored)
    };
    assert_eq!(
        read("portable"),
        "Web.Api.dll NETCore.App+AspNetCore.App None"
    );
    assert_eq!(read("self-contained"), "Web.Api  None");
    assert_eq!(read("ready-to-run"), "Web.Api  Some(ReadyToRun)");
    assert_eq!(read("trimmed"), "Web.Api  Some(Trimmed)");
    assert_eq!(read("single-file"), "Web.Api  Some(SingleFile)");
    let bundle = "Web.Api NETCore.App+AspNetCore.App Some(SingleFile)";
    assert_eq!(read("single-file-framework-dependent"), bundle);
    assert_eq!(read("netcoreapp3.1"), "Shop.dll AspNetCore.App None");
    assert_eq!(read("native-aot"), "Shop  Some(Native)");
}

#[test]
fn the_runtime_identifier_is_the_publishes_or_the_programs() {
    let read = |case: &str| {
        let output = PublishOutput::read(&testdata(case)).unwrap();
        output.runtime_identifier().map(str::to_owned)
    };
    assert_eq!(read("portable"), None);
    assert_eq!(read("no-deps-json"), None);
    for case in [
        "rid",
        "self-contained",
        "single-file",
        "native-aot",
        "native-aot-static",
    ] {
        assert_eq!(read(case).as_deref(), Some("linux-x64"), "{case}");
    }
    assert_eq!(read("rid-arm64").as_deref(), Some("linux-arm64"));
}

#[test]
fn rules_keep_files_and_choose_symbols() {
    let planned = |keep: &[&str], debug_symbols| {
        let platform = "linux/amd64".parse().unwrap();
        let runtime_identifier = RuntimeIdentifier::of(&platform, Libc::Glibc).unwrap();
        let rules = LayerRules {
            keep: keep
                .iter()
                .map(|pattern| pattern.parse().unwrap())
                .collect(),
            debug_symbols,
            ..LayerRules::new("", runtime_identifier)
        };
        let output = PublishOutput::read(&testdata("net7.0-content")).unwrap();
        let plan = LayerPlan::new(&output, &rules);
        let paths = plan.layers.into_iter().flat_map(|layer| layer.files);
        let paths = paths.map(|file| String::from_utf8(file.path).unwrap());
        let is_extra = |path: &String| [".pdb", ".xml"].iter().any(|end| path.ends_with(end));
        paths.filter(is_extra).collect::<Vec<_>>()
    };
    let own = ["Grafana/dashboard.xml"];
    assert_eq!(planned(&[], DebugSymbols::Own), own);
    assert_eq!(planned(&[], DebugSymbols::None), own);
    let all = ["Quartz.pdb", "Grafana/dashboard.xml"];
    assert_eq!(planned(&[], DebugSymbols::All), all);
    assert_eq!(planned(&[], DebugSymbols::Separate), own);
    let kept = ["Quartz.pdb", "Quartz.xml", "Grafana/dashboard.xml"];
    assert_eq!(planned(&["Quartz.*"], DebugSymbols::None), kept);
}

#[test]
fn symbols_beside_the_image_are_all_that_were_published_for_its_platform() {
    let platform = "linux/amd64".parse().unwrap();
    let rules = LayerRules {
        debug_symbols: DebugSymbols::Separate,
        ..LayerRules::new(
            "app/",
            RuntimeIdentifier::of(&platform, Libc::Glibc).unwrap(),
        )
    };
    for (case, want) in [
        ("portable", &["app/Web.Api.pdb", "app/Web.Shared.pdb"][..]),
        ("net7.0-content", &["app/Quartz.pdb"]),
        ("native-aot", &["app/Shop.dbg"]),
    ] {
        let output = PublishOutput::read(&testdata(case)).unwrap();
        let plan = LayerPlan::new(&output, &rules);
        let symbols = plan.symbols.iter();
        let paths: Vec<_> = symbols
            .map(|file| String::from_utf8_lossy(&file.path))
            .collect();
        assert_eq!(paths, want);
    }
}

#[test]
fn two_platforms_of_a_portable_publish_share_all_layers_but_the_one_with_natives() {
    let [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(|name| plan("portable", name).layers);
    let differ: Vec<_> = amd64
        .iter()
        .zip(&arm64)
        .filter(|(one, other)| digest(one) != digest(other))
        .map(|(one, _)| &one.name[..])
        .collect();
    assert_eq!(differ, ["packages-native"]);
}

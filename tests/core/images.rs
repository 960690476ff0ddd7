//! The verbs that read images: inspect, diff, validate.

use crate::support::{Registry, User, copy, edit, prepared, testdata};
use fs_err as fs;

fn images(user: &User) -> [String; 2] {
    let folder = testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    for (name, more) in [
        ("one", &[][..]),
        ("two", &["--keep", "web.config", "-e", "A=1"]),
    ] {
        let output = format!("oci:{name}");
        let arguments = [
            "--from-publish",
            folder,
            "--base",
            "oci:base",
            "-o",
            &output,
        ];
        user.build(&[&arguments, more].concat()).success();
    }
    ["one", "two"].map(|name| format!("oci:{}", user.path(name).display()))
}

#[test]
fn inspect_prints_settings_layers_and_files_as_text_and_as_json() {
    let user = User::without_sdk();
    let [one, _] = images(&user);
    let text = user.run_bare(&["inspect", &one]).success().stdout;
    for part in [
        "platform    linux/amd64",
        "User        1654",
        "WorkingDir  /app",
        "layer       sha256:",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let files = user
        .run_bare(&["inspect", "--files", &one])
        .success()
        .stdout;
    assert!(
        files.contains("-0644       0:0") && files.contains(" /app/"),
        "{files}"
    );
    let json = user.run_bare(&["inspect", "--json", &one]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["config"]["config"]["WorkingDir"], "/app");
}

#[test]
fn diff_names_files_and_settings_and_is_silent_for_twins() {
    let user = User::without_sdk();
    let [one, two] = images(&user);
    let text = user.run_bare(&["diff", &one, &two]).success().stdout;
    assert!(
        text.contains("+ /app/web.config") && text.contains("config.Env"),
        "{text}"
    );
    assert_eq!(user.run_bare(&["diff", &one, &one]).success().stdout, "");
}

#[test]
fn diff_names_packages_with_their_versions() {
    let user = User::without_sdk();
    let base = user.path("base");
    mizzen_testkit::tiny_base(&base, "linux/amd64");
    copy(&testdata("publish/portable"), &user.path("bumped"));
    let deps = user.path("bumped/Web.Api.deps.json");
    edit(&deps, "Serilog/4.3.0", "Serilog/4.4.0-rc.1");
    let portable = testdata("publish/portable");
    for (folder, output) in [(portable, "oci:one"), (user.path("bumped"), "oci:two")] {
        let folder = folder.to_str().unwrap();
        let arguments = ["--from-publish", folder, "--base", "oci:base", "-o", output];
        user.build(&arguments).success();
    }
    let [one, two] = ["one", "two"].map(|name| format!("oci:{}", user.path(name).display()));
    let text = user.run_bare(&["diff", &one, &two]).success().stdout;
    let packages: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("package "))
        .collect();
    assert_eq!(packages, ["~ package Serilog 4.3.0 → 4.4.0-rc.1"]);
    let json = user
        .run_bare(&["diff", "--json", &one, &two])
        .success()
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let want = serde_json::json!([{ "name": "Serilog", "old": ["4.3.0"], "new": ["4.4.0-rc.1"] }]);
    assert_eq!(json["packages"], want);
}

/// A single-file application has its deps.json inside; the same list in a file of its own is not a change.
#[test]
fn diff_reads_packages_inside_a_single_file_application() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let single = testdata("publish/single-file-framework-dependent");
    copy(&single, &user.path("bumped"));
    let program = user.path("bumped/Web.Api");
    let mut bytes = fs::read(&program).unwrap();
    let (old, new) = (b"Serilog/4.3.0", b"Serilog/4.4.0");
    for at in 0..bytes.len() - old.len() {
        if bytes[at..].starts_with(old) {
            bytes[at..at + new.len()].copy_from_slice(new);
        }
    }
    fs::write(&program, bytes).unwrap();
    for (folder, output) in [
        (single, "oci:one"),
        (user.path("bumped"), "oci:two"),
        (testdata("publish/rid"), "oci:rid"),
    ] {
        let folder = folder.to_str().unwrap();
        let arguments = ["--from-publish", folder, "--base", "oci:base", "-o", output];
        user.build(&arguments).success();
    }
    let packages = |one: &str, two: &str| {
        let [one, two] = [one, two].map(|name| format!("oci:{}", user.path(name).display()));
        let text = user.run_bare(&["diff", &one, &two]).success().stdout;
        let lines = text.lines().filter(|line| line.contains("package "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(packages("one", "two"), ["~ package Serilog 4.3.0 → 4.4.0"]);
    assert_eq!(packages("rid", "one"), [""; 0]);
    let new = packages("base", "one");
    assert!(
        new.contains(&"+ package Serilog 4.3.0".to_owned()),
        "{new:?}"
    );
}

#[test]
fn validate_says_nothing_of_a_sound_image_and_exits_with_6_for_a_flipped_bit() {
    let user = User::without_sdk();
    let [one, _] = images(&user);
    let sound = user.run_bare(&["validate", &one]).success();
    assert_eq!((sound.stdout.as_str(), sound.stderr.as_str()), ("", ""));
    let mut blobs: Vec<_> = fs::read_dir(user.path("one/blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    blobs.sort_by_key(|blob| fs::metadata(blob).unwrap().len());
    let largest = blobs.last().unwrap();
    let mut bytes = fs::read(largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(largest).unwrap();
    fs::write(largest, bytes).unwrap();
    let run = user.run_bare(&["validate", &one]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(
        run.stderr.contains("is not valid") && run.stdout.is_empty(),
        "{}",
        run.stderr
    );
}

#[test]
fn a_registrys_image_is_read_as_one_on_disk_is() {
    let user = User::without_sdk();
    let registry = Registry::with_base(&prepared("MIZZEN_TEST_BASE").join("aspnet-3.1"));
    let text = user.run_bare(&["inspect", &registry.base]).success().stdout;
    assert!(text.contains("ASPNETCORE_HTTP_PORTS=8080"), "{text}");
    user.run_bare(&["validate", &registry.base]).success();
    let run = user.run_bare(&["inspect", &registry.reference("nothing:1")]);
    assert_eq!(run.code, 4, "{}", run.stderr);
}

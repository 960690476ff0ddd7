//! One application for several kinds of processors, variants included.

use crate::support::{User, testdata, validated};
use fs_err as fs;
use mizzen_image::{Image, Layout, Sink, Source, Taggable};
use mizzen_oci::{Index, MediaType, Platform};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

const PLATFORMS: [&str; 3] = ["linux/arm/v7", "linux/arm64/v8", "linux/amd64"];

/// Writes a base for all of them, as a registry has it: an index.
fn base(user: &User) {
    let image = |name: &str| {
        let platform: Platform = name.parse().unwrap();
        let folder = user.path(&name.replace('/', "-"));
        mizzen_testkit::tiny_base(&folder, name);
        Layout::new(folder, Some("latest"))
            .image(&platform)
            .unwrap()
    };
    let images: Vec<Image> = PLATFORMS.map(image).into();
    let entries = images.iter().zip(PLATFORMS).map(|(image, platform)| {
        let mut entry = image.manifest().descriptor().clone();
        entry.platform = Some(platform.parse().unwrap());
        entry
    });
    let index = Index::new(MediaType::ImageIndex, entries.collect(), &[].into());
    let what = Taggable::Index(Box::new(index), images);
    Layout::new(user.path("base"), None).write(&what).unwrap();
}

#[test]
fn an_index_names_each_variant_and_is_chosen_from_by_it() {
    let user = User::without_sdk();
    base(&user);
    let folder = testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    let arguments = [
        "--from-publish",
        folder,
        "--base",
        "oci:base",
        "-o",
        "oci:out:1",
    ];
    let platforms = PLATFORMS.join(",");
    let run = user
        .build(&[&arguments[..], &["--platform", &platforms]].concat())
        .success();
    validated(&user.path("out"), Some("1"));
    assert_eq!(run.image()["platforms"], json!(PLATFORMS));
    let digest = run.digest().replace(':', "/");
    let index = fs::read(user.path("out/blobs").join(digest)).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let named: Vec<&Value> = entries.iter().map(|entry| &entry["platform"]).collect();
    assert_eq!(
        named,
        [
            &json!({ "architecture": "arm", "os": "linux", "variant": "v7" }),
            &json!({ "architecture": "arm64", "os": "linux", "variant": "v8" }),
            &json!({ "architecture": "amd64", "os": "linux" }),
        ]
    );

    let layout = format!("oci:{}:1", user.path("out").display());
    for (architecture, variant) in [("arm", "v7"), ("arm64", "v8"), ("amd64", "")] {
        let mut arguments = vec!["--override-arch", architecture];
        if !variant.is_empty() {
            arguments.extend(["--override-variant", variant]);
        }
        arguments.extend(["inspect", "--config", &layout]);
        let config: Value = serde_json::from_str(&user.tool("skopeo", &arguments)).unwrap();
        assert_eq!(config["architecture"], architecture);
    }
    // Ours, by a name that says less and one that says more.
    for (wanted, architecture) in [("linux/arm", "arm"), ("linux/arm64", "arm64")] {
        let inspect = ["inspect", "--json", "--platform", wanted, &layout];
        let text = user.run_bare(&inspect).success().stdout;
        let image: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(image["config"]["architecture"], architecture);
    }
}

/// Writes a `name` that tells each call, answers `version` with this and loads everything.
fn engine(user: &User, name: &str, version: &str) {
    let program = user.path("bin").join(name);
    fs::create_dir_all(user.path("bin")).unwrap();
    let calls = user.path(&format!("{name}-calls")).display().to_string();
    let script = format!("#!/bin/sh\necho \"$1\" >> '{calls}'\n[ $1 != version ] || {version}\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn calls(user: &User, name: &str) -> String {
    let calls = user.path(&format!("{name}-calls"));
    let text = fs::read_to_string(&calls).unwrap_or_default();
    drop(fs::remove_file(calls));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_image_that_is_loaded_is_for_what_the_engine_runs_unless_somebody_says_more() {
    let mut user = User::without_sdk();
    base(&user);
    let path = format!("{}:/usr/bin:/bin", user.path("bin").display());
    user.environment.insert("PATH".to_owned(), path);
    engine(&user, "docker", "echo linux/arm64");
    engine(&user, "podman", "echo linux/arm");
    let folder = testdata("publish/portable");
    let arguments = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        "oci:base",
    ];
    let build = |more: &[&str]| user.build(&[&arguments[..], more].concat());
    let platforms = |more: &[&str]| build(more).success().image()["platforms"].clone();

    assert_eq!(platforms(&["-o", "docker:shop"]), json!(["linux/arm64"]));
    assert_eq!(calls(&user, "docker"), "version load");
    let both = ["-o", "oci:out", "-o", "podman:shop", "-o", "podman:other"];
    assert_eq!(platforms(&both), json!(["linux/arm"]));
    assert_eq!(calls(&user, "podman"), "version load load");
    // Who says for what it is, and who loads it nowhere, has no engine asked.
    let said = ["-o", "docker:shop", "--platform", "linux/amd64"];
    assert_eq!(platforms(&said), json!(["linux/amd64"]));
    assert_eq!(calls(&user, "docker"), "load");
    assert_eq!(platforms(&["-o", "oci:out"]), json!(["linux/amd64"]));
    assert_eq!(calls(&user, "docker") + &calls(&user, "podman"), "");

    let said = build(&["-o", "docker:shop", "-o", "podman:shop"]).failure(2);
    assert!(
        said.contains("`docker` runs `linux/arm64`, and `podman` runs `linux/arm`"),
        "{said}"
    );
    engine(&user, "docker", "echo windows/amd64");
    let said = build(&["-o", "docker:shop"]).failure(2);
    assert!(
        said.contains("`docker` runs containers of `windows/amd64`"),
        "{said}"
    );
    engine(&user, "docker", "{ echo no daemon >&2; exit 1; }");
    calls(&user, "docker");
    let said = build(&["-o", "docker:shop"]).failure(7);
    assert!(
        said.contains("`docker` does not say which platform it runs") && said.contains("no daemon"),
        "{said}"
    );
    assert!(
        said.contains("hint: start it, or choose a platform: --platform"),
        "{said}"
    );
    assert_eq!(calls(&user, "docker"), "version");
}

#[test]
fn what_an_engine_loads_is_told_with_its_name_and_the_port_it_listens_on() {
    let mut user = User::without_sdk();
    base(&user);
    let path = format!("{}:/usr/bin:/bin", user.path("bin").display());
    user.environment.insert("PATH".to_owned(), path);
    engine(&user, "podman", "echo linux/amd64");
    let folder = testdata("publish/portable");
    let arguments = ["--from-publish", folder.to_str().unwrap()];
    let more = ["--base", "oci:base", "--port", "8080", "-o", "podman:"];
    let run = user.build(&[&arguments[..], &more].concat()).success();
    let name = format!("{}:latest", run.image()["name"].as_str().unwrap());
    assert_eq!(run.stdout, format!("podman:{name}@{}\n", run.digest()));
    let last = run.stderr.lines().last().unwrap();
    assert_eq!(last, format!("podman run --rm -p 8080:8080 {name}"));
}

#[test]
fn an_image_that_went_nowhere_yet_is_offered_to_the_engine_that_is_here() {
    let mut user = User::without_sdk();
    base(&user);
    fs::create_dir(user.path("bin")).unwrap();
    let path = user.path("bin").display().to_string();
    user.environment.insert("PATH".to_owned(), path);
    let folder = testdata("publish/portable");
    let arguments = ["--from-publish", folder.to_str().unwrap()];
    let more = ["--base", "oci:base", "-o", "oci:out"];
    let offered = || {
        let run = user.build(&[&arguments[..], &more].concat()).success();
        run.stderr.lines().last().unwrap().to_owned()
    };
    assert_eq!(offered(), "mizzen inspect oci:out");
    engine(&user, "docker", "echo linux/amd64");
    let line = offered();
    assert_eq!(line, "mizzen push oci:out docker:web-api");
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let loaded = user.run_bare(&words).success().stdout;
    assert!(
        loaded.starts_with("docker:web-api:latest@sha256:"),
        "{loaded}"
    );
    assert_eq!(calls(&user, "docker"), "load");
}

#[test]
fn an_index_in_an_index_is_moved_whole_and_shown_before_one_of_its_images_is() {
    let user = User::without_sdk();
    base(&user);
    let layout = Layout::new(user.path("base"), None);
    let Taggable::Index(inner, images) = layout.read().unwrap() else {
        unreachable!("it is an index");
    };
    let entries = vec![inner.descriptor().clone()];
    let outer = Index::new(MediaType::ImageIndex, entries, &[].into()).with_inner(vec![*inner]);
    let digest = outer.descriptor().digest.to_string();
    let what = Taggable::Index(Box::new(outer), images);
    Layout::new(user.path("nested"), None).write(&what).unwrap();
    let registry = mizzen_testkit::MemoryRegistry::start();
    let [one, two] = ["one:1", "two:2"].map(|name| format!("{}/{name}", registry.host()));
    let moved = |verb: &[&str]| {
        let run = user.run_bare(verb).success();
        assert!(
            run.stdout.trim().ends_with(&digest),
            "{verb:?}: {}",
            run.stdout
        );
    };
    moved(&["push", "oci:nested", &one]);
    moved(&["copy", &one, &two]);
    moved(&["pull", &two, "oci:pulled"]);
    moved(&["pull", &two, "oci-archive:pulled.tar"]);
    moved(&[
        "push",
        "oci-archive:pulled.tar",
        &format!("{}/three:3", registry.host()),
    ]);
    for image in [two.as_str(), "oci:pulled", "oci-archive:pulled.tar"] {
        user.run_bare(&["validate", image]).success();
        let shown = user.run_bare(&["inspect", image]).success().stdout;
        assert!(
            shown.contains(&digest) && shown.contains("  an index "),
            "{shown}"
        );
        let one = ["inspect", image, "--platform", "linux/arm64"];
        let shown = user.run_bare(&one).success().stdout;
        assert!(shown.contains("platform    linux/arm64/v8"), "{shown}");
    }
    let shown = user.run_bare(&["inspect", "oci:base"]).success().stdout;
    for platform in PLATFORMS {
        assert!(
            shown.contains(&format!("  {platform:<17} sha256:")),
            "{shown}"
        );
    }
    let json = user
        .run_bare(&["inspect", "oci:base", "--json"])
        .success()
        .stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["manifests"][1]["platform"]["architecture"], "arm64");
    let files = user.run_bare(&["inspect", "oci:base", "--files"]);
    assert_eq!(files.code, 2, "{}", files.stdout);
    assert!(files.stderr.contains("--platform"), "{}", files.stderr);
}

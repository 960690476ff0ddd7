//! One application for several kinds of processors, variants included.

use crate::support::{User, testdata, validated};
use fs_err as fs;
use mizzen_image::{Image, Layout, Sink, Source, Taggable};
use mizzen_oci::{Index, MediaType, Platform};
use serde_json::{Value, json};

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

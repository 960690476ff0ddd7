//! What an image is made of is said beside it, completely, and always in the same words.

use crate::support::{Registry, Run, User, prepared, testdata};
use fs_err as fs;
use mizzen_testkit::registry::{Personality, Referrers};
use mizzen_testkit::{MemoryRegistry, tiny_base};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const SPDX: &str = "application/spdx+json";

fn build(user: &User, publish: &str, base: &str, arguments: &[&str]) -> Run {
    let folder = testdata(publish);
    let common = ["--from-publish", folder.to_str().unwrap(), "--base", base];
    user.build(&[&common[..], arguments].concat()).success()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(file: &Path) -> Value {
    json(&fs::read_to_string(file).unwrap())
}

/// Returns the names of all packages in a document.
fn packages(document: &Value) -> BTreeSet<&str> {
    let packages = document["packages"].as_array().unwrap().iter();
    packages.map(|it| it["name"].as_str().unwrap()).collect()
}

/// Options that write the image into `out`, and its bill beside.
const INTO_A_FILE: [&str; 6] = [
    "-o",
    "oci:out",
    "--sbom",
    "spdx",
    "--sbom-file",
    "sbom.json",
];

#[test]
fn every_file_of_the_layers_is_in_the_bill_with_its_digest_and_layer() {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    fs::write(user.path("extra.pem"), "certificate").unwrap();
    let added = ["--add", "extra.pem:/etc/ssl/", "--writable", "/data"];
    let arguments = [&added[..], &INTO_A_FILE].concat();
    let run = build(&user, "publish/portable", "oci:base", &arguments);
    let bill = read(&user.path("sbom.json"));
    let listed: BTreeSet<(String, String, String)> = bill["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let name = text(&file["fileName"])[1..].to_owned();
            let sha256 = text(&file["checksums"][1]["checksumValue"]);
            let layer = text(&file["comment"]);
            (name, sha256, layer.replace("in layer ", ""))
        })
        .collect();
    let inspected = user.run_bare(&["inspect", "--files", "--json", "oci:out"]);
    let inspected = json(&inspected.success().stdout);
    let layers = inspected["layers"].as_array().unwrap().iter();
    let own = layers.filter(|layer| {
        layer["createdBy"]
            .as_str()
            .is_some_and(|it| it.starts_with("mizzen"))
    });
    let mut in_layers = BTreeSet::new();
    for layer in own {
        for file in layer["files"].as_array().unwrap() {
            if file["kind"] == "file" {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let digest = text(&file["digest"])[7..].to_owned();
                in_layers.insert((text(&file["path"]), digest, text(&layer["digest"])));
            }
        }
    }
    assert_eq!(listed, in_layers);
    assert!(listed.iter().any(|(name, ..)| name == "/etc/ssl/extra.pem"));

    // It is the one beside the image, and it is not in it.
    let printed = user.run_bare(&["sbom", "oci:out"]).success();
    assert_eq!(json(&printed.stdout), bill);
    assert_eq!(run.image()["sbom"]["format"], "spdx");
    let without = [&added[..], &["-o", "oci:without"]].concat();
    let without = build(&user, "publish/portable", "oci:base", &without);
    assert_eq!(without.digest(), run.digest());
    assert_eq!(without.image()["sbom"], Value::Null);

    // On another machine, from another folder, it has the same bytes.
    let other = User::without_sdk();
    tiny_base(&other.path("elsewhere"), "linux/amd64");
    fs::write(other.path("extra.pem"), "certificate").unwrap();
    build(&other, "publish/portable", "oci:elsewhere", &arguments);
    let bytes = |user: &User| fs::read(user.path("sbom.json")).unwrap();
    assert_eq!(bytes(&user), bytes(&other));
}

#[test]
fn a_bill_from_the_layers_has_the_same_files_and_the_packages_of_the_base() {
    let user = User::without_sdk();
    let base = format!("oci:{}/aspnet-10.0", prepared("MIZZEN_TEST_BASE").display());
    let status = "Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\n";
    fs::write(user.path("status"), status).unwrap();
    let added = ["--add", "status:/var/lib/dpkg/"];
    let asked = [&INTO_A_FILE[..], &added].concat();
    build(&user, "publish/portable", &base, &asked);
    let beside = read(&user.path("sbom.json"));
    let made = user
        .run_bare(&["sbom", "--from-layers", "oci:out"])
        .success();
    let made = json(&made.stdout);
    assert_eq!(made["files"], beside["files"]);
    let (made, beside) = (packages(&made), packages(&beside));
    assert!(beside.contains("Humanizer.Core"), "{beside:?}");
    assert!(beside.contains("Microsoft.AspNetCore.App"), "{beside:?}");
    assert!(made.contains("libc6"), "{made:?}");
    assert!(!beside.contains("libc6"), "{beside:?}");

    let folder = testdata("publish/self-contained");
    let folder = folder.to_str().unwrap();
    let of_folder = user.run_bare(&["sbom", folder, "--format", "cyclonedx"]);
    let of_folder = json(&of_folder.success().stdout);
    assert_eq!(of_folder["specVersion"], "1.6");
    let layout = user.run_bare(&["sbom", user.path("out").to_str().unwrap()]);
    assert!(layout.failure(2).contains("write oci:"));
}

#[test]
fn what_is_pushed_has_one_that_goes_wherever_the_image_goes() {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    let registry = Registry::with_base(&user.path("base"));
    let at = |name: &str| registry.reference(name);
    let run = build(
        &user,
        "publish/portable",
        &registry.base,
        &["-t", &at("shop/api:1")],
    );
    let digest = run.image()["sbom"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(run.image()["sbom"]["artifactType"], SPDX);
    let bill = user.run_bare(&["sbom", &at("shop/api:1")]).success().stdout;
    assert!(bill.contains("Humanizer"), "{bill}");
    let layout = format!("oci:{}", user.path("here").display());
    for arguments in [
        ["copy", &at("shop/api:1"), &at("shop/copied:1")],
        ["pull", &at("shop/copied:1"), &layout],
        ["push", &layout, &at("shop/again:1")],
    ] {
        user.run_bare(&arguments).success();
        let there = user.run_bare(&["sbom", arguments[2]]).success();
        assert_eq!(there.stdout, bill, "{arguments:?}");
    }
    let index = fs::read_to_string(user.path("here/index.json")).unwrap();
    assert!(index.contains(&digest), "{index}");

    build(
        &user,
        "publish/portable",
        &registry.base,
        &["-t", &at("shop/bare:1"), "--sbom", "none"],
    );
    let made = user.run_bare(&["sbom", &at("shop/bare:1")]).success();
    assert!(
        made.stderr.contains("made from the layers"),
        "{}",
        made.stderr
    );
}

/// Returns the requests of a build that have to do with what lies beside the image, without those of the
/// image itself.
fn added(user: &User, registry: &MemoryRegistry, publish: &str) -> usize {
    let requests = |name: &str, sbom: &str| {
        let reference = format!("{}/{name}:1", registry.host());
        let run = build(
            user,
            publish,
            "oci:base",
            &["-t", &reference, "--sbom", sbom],
        );
        run.network("requests")
    };
    let (with, without) = (requests("with", "spdx"), requests("without", "none"));
    usize::try_from(with - without).unwrap()
}

#[test]
fn an_unchanged_push_asks_nothing_more_and_a_changed_one_four_times() {
    for (referrers, first, changed) in [(Referrers::Listed, 7, 4), (Referrers::Unknown, 8, 5)] {
        let registry = MemoryRegistry::start();
        registry.behave(Personality {
            referrers,
            ..Personality::BY_THE_BOOK
        });
        let user = User::without_sdk();
        tiny_base(&user.path("base"), "linux/amd64");
        assert_eq!(added(&user, &registry, "publish/portable"), first);
        assert_eq!(added(&user, &registry, "publish/portable"), 0);
        assert_eq!(added(&user, &registry, "publish/net9.0"), changed);
    }
}

#[test]
fn a_registry_that_takes_only_images_gets_the_image() {
    let registry = MemoryRegistry::start();
    registry.play(|_, request| {
        // The image itself is sent under its tag.
        let is_other = request.method == "PUT" && request.path.contains("/manifests/sha256:");
        is_other.then(|| mizzen_testkit::Fault::Status(400, Vec::new()))
    });
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    let reference = format!("{}/shop:1", registry.host());
    let run = build(&user, "publish/portable", "oci:base", &["-t", &reference]);
    assert!(run.stderr.contains("was not taken by"), "{}", run.stderr);
    user.run_bare(&["validate", &reference]).success();

    let folder = testdata("publish/portable");
    let asked = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        "oci:base",
    ];
    let asked = [&asked[..], &["-t", &reference, "--sbom", "spdx"]].concat();
    user.build(&asked).failure(4);
}

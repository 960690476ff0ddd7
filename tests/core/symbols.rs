//! Symbols that lie beside the image, where a debugger finds them.

use crate::support::{Registry, Run, User, testdata, validated};
use fs_err as fs;
use mizzen_testkit::{Fault, MemoryRegistry};
use serde_json::Value;

const TYPE: &str = "application/vnd.mizzen.symbols.v1";

fn build(user: &User, base: &str, arguments: &[&str]) -> Run {
    let folder = testdata("publish/portable");
    let common = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        base,
        "--debug-symbols",
        "separate",
    ];
    user.build(&[&common[..], arguments].concat())
}

fn json(file: &std::path::Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_layout_and_an_archive_hold_them_as_an_artifact_that_refers_to_the_image() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let outputs = ["-o", "oci:out", "-o", "oci-archive:out.tar"];
    let run = build(&user, "oci:base", &outputs).success();
    // Once more, as a build does again: it is there once.
    build(&user, "oci:base", &outputs).success();
    validated(&user.path("out"), None);

    let out = user.path("out");
    let entries = json(&out.join("index.json"))["manifests"].clone();
    let entries = entries.as_array().unwrap();
    assert_eq!(entries.len(), 2, "{entries:?}");
    let entry = entries
        .iter()
        .find(|entry| entry["artifactType"] == TYPE)
        .unwrap();
    let digest = entry["digest"].as_str().unwrap();
    assert_eq!(run.image()["symbols"]["digest"], digest);
    let blob = |digest: &str| out.join("blobs").join(digest.replace(':', "/"));
    let manifest = json(&blob(digest));
    assert_eq!(manifest["subject"]["digest"], run.digest());
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let unpack = ["-tzf", blob(layer).to_str().unwrap()].map(str::to_owned);
    let files = user.tool("tar", &unpack.each_ref().map(String::as_str));
    assert!(
        files.lines().any(|line| line == "app/Web.Api.pdb"),
        "{files}"
    );
    let layout = format!("oci:{}", out.display());
    let inspected = user.run_bare(&["inspect", "--files", &layout]).success();
    assert!(!inspected.stdout.contains(".pdb"), "{}", inspected.stdout);

    let listed = user.tool("tar", &["-tf", user.path("out.tar").to_str().unwrap()]);
    let name = format!("blobs/{}", digest.replace(':', "/"));
    assert!(listed.lines().any(|line| line == name), "{listed}");
    let archive = format!("oci-archive:{}", user.path("out.tar").display());
    user.run_bare(&["validate", &archive]).success();
}

#[test]
fn a_registry_lists_them_with_the_image() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let registry = Registry::with_base(&user.path("base"));
    let reference = registry.reference("shop/api:1");
    let run = build(&user, &registry.base, &["-t", &reference]).success();
    // This registry keeps no list: it is under the tag that stands for one.
    let list = registry.reference(&format!("shop/api:{}", run.digest().replace(':', "-")));
    let list = user.tool(
        "skopeo",
        &[
            "inspect",
            "--raw",
            "--tls-verify=false",
            &format!("docker://{list}"),
        ],
    );
    let list: Value = serde_json::from_str(&list).unwrap();
    // The bill of materials is in it, too.
    let manifests = list["manifests"].as_array().unwrap().iter();
    let of_symbols: Vec<_> = manifests.filter(|it| it["artifactType"] == TYPE).collect();
    let digest = run.image()["symbols"]["digest"].as_str().unwrap();
    assert_eq!(of_symbols.len(), 1);
    assert_eq!(of_symbols[0]["digest"], digest);
}

#[test]
fn what_docker_loads_has_no_place_for_them() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let said = build(&user, "oci:base", &["-o", "docker-archive:out.tar"]).failure(2);
    assert!(said.contains("cannot have separate symbols"), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

#[test]
fn they_go_wherever_the_image_is_pushed_pulled_and_copied() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let registry = Registry::with_base(&user.path("base"));
    let run = build(&user, &registry.base, &["-o", "oci:out"]).success();
    let symbols = run.image()["symbols"]["digest"].as_str().unwrap();
    let at = |path: &str| registry.reference(path);
    let layout = |name: &str| format!("oci:{}", user.path(name).display());
    let archive = format!("oci-archive:{}", user.path("there.tar").display());
    for arguments in [
        ["push", &layout("out"), &at("shop/api:1")],
        ["copy", &at("shop/api:1"), &at("shop/copied:1")],
        ["pull", &at("shop/copied:1"), &archive],
        ["push", &archive, &at("shop/again:1")],
        ["pull", &at("shop/again:1"), &layout("back")],
    ] {
        let moved = user.run_bare(&arguments).success();
        assert!(moved.stdout.contains(run.digest()), "{}", moved.stdout);
    }
    validated(&user.path("back"), None);
    let entries = json(&user.path("back/index.json"))["manifests"].clone();
    let is_symbols = |entry: &&Value| entry["artifactType"] == TYPE;
    let entry = entries.as_array().unwrap().iter().find(is_symbols).unwrap();
    assert_eq!(entry["digest"], symbols);
    let manifest = user.path("back/blobs").join(symbols.replace(':', "/"));
    let layer = json(&manifest)["layers"][0]["digest"].clone();
    let blob = user
        .path("back/blobs")
        .join(layer.as_str().unwrap().replace(':', "/"));
    let files = user.tool("tar", &["-tzf", blob.to_str().unwrap()]);
    assert!(files.contains("app/Web.Api.pdb"), "{files}");

    let docker = format!("docker-archive:{}", user.path("docker.tar").display());
    let pulled = user
        .run_bare(&["pull", &at("shop/again:1"), &docker])
        .success();
    assert!(pulled.stdout.contains(run.digest()), "{}", pulled.stdout);
}

#[test]
fn a_registry_that_denies_its_list_of_referrers_gives_the_image_with_a_warning() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let reference = format!("{}/shop:1", registry.host());
    let run = build(&user, "oci:base", &["-t", &reference]).success();
    let layout = format!("oci:{}", user.path("back").display());
    registry.play(|_, request| {
        let is_list = request.path.contains("/referrers/");
        is_list.then(|| Fault::Status(403, Vec::new()))
    });
    let pulled = user.run_bare(&["pull", &reference, &layout]).success();
    assert!(pulled.stdout.contains(run.digest()), "{}", pulled.stdout);
    let warning = "warning: what lies beside the image, if anything does, stays behind: ";
    assert!(pulled.stderr.contains(warning), "{}", pulled.stderr);
    validated(&user.path("back"), None);
}

//! How an image was made is said beside it, and tells no secret.

use crate::support::{Registry, User, edit, prepared};
use fs_err as fs;
use serde_json::Value;
use std::path::Path;

const TYPE: &str = "application/vnd.in-toto+json";
const SECRET: &str = "hunter2";

/// Returns the statement that lies beside the image of a layout.
fn statement(layout: &Path) -> (Vec<u8>, Value) {
    let read = |digest: &Value| {
        let digest = digest.as_str().unwrap().replace(':', "/");
        fs::read(layout.join("blobs").join(digest)).unwrap()
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let index = json(&fs::read(layout.join("index.json")).unwrap());
    let entries = index["manifests"].as_array().unwrap().iter();
    let entry = entries.clone().find(|entry| entry["artifactType"] == TYPE);
    let entry = entry.unwrap();
    let predicate = &entry["annotations"]["in-toto.io/predicate-type"];
    assert_eq!(predicate, "https://slsa.dev/provenance/v1");
    let bytes = read(&json(&read(&entry["digest"]))["layers"][0]["digest"]);
    let statement = json(&bytes);
    (bytes, statement)
}

#[test]
fn the_statement_names_everything_that_went_in_by_digest_and_no_secret() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let build = |folder: &str, machine: Option<&str>| {
        let output = format!("oci:{}", user.path(&format!("{folder}-out")).display());
        let secret = format!("-p:ApiKey={SECRET}");
        let asked = ["--provenance", "slsa", &secret];
        let arguments = [&[folder, "-o", &output, "--base", &base], &asked[..]].concat();
        let mut environment = user.elsewhere(machine.unwrap_or("here"));
        environment.insert("NUGET_TOKEN".to_owned(), SECRET.to_owned());
        user.build_as(&environment, &arguments).success()
    };
    user.workspace("hello-web", "one", None);
    user.workspace("hello-web", "two", None);
    let run = build("one", None);
    let (bytes, stated) = statement(&user.path("one-out"));
    assert!(!String::from_utf8_lossy(&bytes).contains(SECRET));
    assert_eq!(stated["_type"], "https://in-toto.io/Statement/v1");
    let digest = format!(
        "sha256:{}",
        stated["subject"][0]["digest"]["sha256"].as_str().unwrap()
    );
    assert_eq!(digest, run.digest());
    let definition = &stated["predicate"]["buildDefinition"];
    let external = &definition["externalParameters"];
    assert_eq!(external["project"], "hello-web.csproj");
    let internal = &definition["internalParameters"];
    assert_eq!(internal["reproducible"], true);
    let steps = internal["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["restore", "publish"]);
    for step in steps {
        assert!(step["key"].as_str().unwrap().starts_with("sha256:"));
        let command = step["command"].to_string();
        assert!(command.contains("ApiKey=…"), "{command}");
    }
    let materials = definition["resolvedDependencies"].as_array().unwrap();
    let names: Vec<&str> = materials
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["sources", ".NET SDK 3.1.102", "base image for linux/amd64"]
    );
    assert!(materials.iter().all(|it| it["digest"].is_object()));

    // From another folder of another machine it is the same, and after an edit another one.
    build("two", Some("there"));
    assert_eq!(statement(&user.path("two-out")).0, bytes);
    let again = build("one", None);
    assert_eq!(again.steps(), "restore=hit publish=hit");
    assert_eq!(again.image()["provenance"], run.image()["provenance"]);
    edit(&user.path("one/Program.cs"), "Hello", "Howdy");
    let edited = build("one", None);
    assert_ne!(edited.image()["provenance"], run.image()["provenance"]);
}

#[test]
fn a_push_of_what_is_there_brings_no_second_statement() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let registry = Registry::with_base(&user.path("base"));
    let reference = registry.reference("shop:1");
    let folder = crate::support::testdata("publish/portable");
    let build = |provenance: &str| {
        let folder = folder.to_str().unwrap();
        let common = ["--from-publish", folder, "--base", &registry.base];
        let asked = ["-t", &reference, "--provenance", provenance];
        user.build(&[&common[..], &asked].concat()).success()
    };
    build("slsa");
    let again = build("slsa");
    let without = build("none");
    assert_eq!(again.network("requests"), without.network("requests"));

    let engine = ["-o", "docker-archive:out.tar", "--provenance", "slsa"];
    let folder = [
        "--from-publish",
        folder.to_str().unwrap(),
        "--base",
        "oci:base",
    ];
    let said = user.build(&[&folder[..], &engine].concat()).failure(2);
    assert!(said.contains("cannot have provenance beside it"), "{said}");
}

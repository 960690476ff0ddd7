//! The documents are what the official schemas ask for, and leave out no file.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_attest::{Base, Bill, BillFile, BillFormat, Component, ComponentKind, Licence};
use mizzen_dotnet::PublishOutput;
use mizzen_oci::Digest;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

/// Panics with what the schema has against a document.
fn checked(format: BillFormat, bill: &Bill) -> Value {
    let document: Value = serde_json::from_slice(&format.write(bill)).unwrap();
    let mut compiler = boon::Compiler::new();
    let folder = testdata("schemas");
    let mut add = |url: &str, file: &str| {
        let schema = fs::read_to_string(folder.join(file)).unwrap();
        let schema = serde_json::from_str(&schema).unwrap();
        compiler.add_resource(url, schema).unwrap();
    };
    let top = match format {
        BillFormat::Spdx => "http://spdx.org/rdf/terms/2.3",
        BillFormat::CycloneDx => "http://cyclonedx.org/schema/bom-1.6.schema.json",
    };
    match format {
        BillFormat::Spdx => add(top, "spdx-2.3.schema.json"),
        BillFormat::CycloneDx => {
            add(top, "cyclonedx-1.6.schema.json");
            for file in ["jsf-0.82.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json"] {
                add(&format!("http://cyclonedx.org/schema/{file}"), file);
            }
        }
    }
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile(top, &mut schemas).unwrap();
    if let Err(error) = schemas.validate(&document, index) {
        panic!("{format}: {error:#}\n{document:#}");
    }
    document
}

/// Returns the files of a document, each with how many components it is of.
fn files(format: BillFormat, document: &Value) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    if format == BillFormat::CycloneDx {
        for component in list(&document["components"]) {
            for file in list(&component["components"]) {
                let name = file["name"].as_str().unwrap().to_owned();
                *found.entry(name).or_default() += 1;
            }
        }
        return found;
    }
    let packages: Vec<Value> = list(&document["packages"]);
    for file in list(&document["files"]) {
        let owners = list(&document["relationships"]).into_iter().filter(|it| {
            it["relationshipType"] == "CONTAINS"
                && it["relatedSpdxElement"] == file["SPDXID"]
                && packages
                    .iter()
                    .any(|package| package["SPDXID"] == it["spdxElementId"])
        });
        let name = file["fileName"].as_str().unwrap();
        let name = name.strip_prefix("./").unwrap().to_owned();
        found.insert(name, owners.count());
    }
    found
}

#[test]
fn every_kind_of_publish_gives_documents_that_name_each_of_its_files_once() {
    for entry in fs::read_dir(testdata("publish")).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(output) = PublishOutput::read(&folder) else {
            continue;
        };
        let bill = Bill::of_folder(&output).unwrap();
        let published: BTreeMap<String, usize> = output
            .files
            .iter()
            .map(|file| (String::from_utf8(file.path.clone()).unwrap(), 1))
            .collect();
        for format in BillFormat::ALL {
            let document = checked(format, &bill);
            assert_eq!(files(format, &document), published, "{}", folder.display());
            assert_eq!(format.write(&bill), format.write(&bill.clone()));
        }
    }
}

fn component(kind: ComponentKind, name: &str, licence: Option<Licence>) -> Component {
    Component {
        kind,
        name: name.to_owned(),
        version: Some("1.0.0-rc.1+a".to_owned()),
        package_url: Some(format!("pkg:nuget/{name}@1.0.0-rc.1%2Ba")),
        is_direct: Some(true),
        file_sha512: Some("z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==".to_owned()),
        content_sha512: Some("x==".to_owned()),
        licence,
        source: Some("https://api.nuget.org/v3/index.json".to_owned()),
        dependencies: BTreeSet::from(["Shop/1.0.0".to_owned(), "not listed/1".to_owned()]),
    }
}

#[test]
fn all_that_a_bill_can_say_is_in_both_documents() {
    let digest = Digest::of(b"");
    let licences = [
        Some(Licence::Expression("MIT".to_owned())),
        Some(Licence::Expression("MIT OR Apache-2.0".to_owned())),
        Some(Licence::Named("LICENSE.txt".to_owned())),
        Some(Licence::Url("https://example.com/licence".to_owned())),
        None,
    ];
    let mut components: BTreeMap<String, Component> = licences
        .into_iter()
        .enumerate()
        .map(|(number, licence)| {
            let name = format!("A ü {number}");
            let component = component(ComponentKind::Package, &name, licence);
            (format!("{name}/1.0.0-rc.1+a"), component)
        })
        .collect();
    for (key, kind) in [
        ("Shop/1.0.0", ComponentKind::Application),
        ("Shop.Catalog/1.0.0", ComponentKind::Project),
        (
            "Microsoft.NETCore.App/10.0.1 (linux-x64)",
            ComponentKind::Framework,
        ),
        ("deb:libc6/2.41", ComponentKind::System),
    ] {
        components.insert(key.to_owned(), component(kind, key, None));
    }
    let file = |path: &str| BillFile {
        path: path.to_owned(),
        layer: Some(digest),
        digest,
        sha1: "da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned(),
        component: "Shop/1.0.0".to_owned(),
    };
    let bill = Bill {
        name: "acme/shop".to_owned(),
        version: Some("1.0.0".to_owned()),
        digest: Some(digest),
        platforms: ["linux/amd64", "linux/arm64"]
            .map(|platform| (platform.to_owned(), digest))
            .into(),
        created: "2026-01-02T03:04:05.678Z".to_owned(),
        components,
        application: "Shop/1.0.0".to_owned(),
        files: vec![file("app/a b.dll"), file("app/ü.dll")],
        bases: vec![Base {
            name: Some("mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled".to_owned()),
            digest: Some(digest),
            platform: "linux/amd64".to_owned(),
        }],
    };
    for format in BillFormat::ALL {
        let text = checked(format, &bill).to_string();
        for said in [
            "2026-01-02T03:04:05Z",
            "MIT OR Apache-2.0",
            "LICENSE.txt",
            "https://example.com/licence",
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce",
            "https://api.nuget.org/v3/index.json",
            "x==",
            "aspnet:10.0-noble-chiseled",
            "repository_url=mcr.microsoft.com%2Fdotnet%2Faspnet",
            "linux/arm64",
        ] {
            assert!(text.contains(said), "{format} does not say `{said}`");
        }
        assert!(!text.contains("not listed"), "{format}");
    }
}

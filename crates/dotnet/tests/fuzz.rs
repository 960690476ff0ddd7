//! What `dotnet publish` writes, and solutions: nothing in them makes their readers panic, hang, or
//! believe a size.

use fs_err as fs;
use mizzen_dotnet::{Bundle, DepsJson, RuntimeConfig, Solution};
use mizzen_fuzz::{fuzz, mutated, mutated_json};
use std::path::Path;

fn stored(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    fs::read(folder.join(path)).expect("it is stored")
}

#[test]
fn fuzz_deps_json() {
    let seeds = ["portable", "rid", "self-contained"]
        .map(|name| stored(&format!("publish/{name}/Web.Api.deps.json")));
    let words = &[
        "runtimeTarget",
        "name",
        "targets",
        "libraries",
        "type",
        "package",
        "project",
        "runtimepack",
        "runtime",
        "native",
        "resources",
        "runtimeTargets",
        "localPath",
        "locale",
        "rid",
        "../..",
        "/etc/passwd",
        "Web.Api.dll",
        "",
        "/",
        "linux-x64",
    ];
    let seeds = seeds.each_ref().map(Vec::as_slice);
    fuzz("deps.json", mutated_json(&seeds, words), |bytes| {
        if let Ok(deps) = DepsJson::parse(&bytes, "Web.Api") {
            assert!(
                deps.assets
                    .values()
                    .all(|asset| asset.library.len() <= bytes.len())
            );
        }
    });
}

#[test]
fn fuzz_runtimeconfig() {
    let old = br#"{"runtimeOptions":{"tfm":"netcoreapp3.1","framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"}}}"#;
    let seeds = [
        stored("publish/portable/Web.Api.runtimeconfig.json"),
        stored("publish/self-contained/Web.Api.runtimeconfig.json"),
        old.to_vec(),
    ];
    let words = &[
        "runtimeOptions",
        "tfm",
        "framework",
        "frameworks",
        "includedFrameworks",
        "name",
        "version",
        "configProperties",
        "System.Globalization.Invariant",
        "true",
        "",
    ];
    let seeds = seeds.each_ref().map(Vec::as_slice);
    fuzz("runtimeconfig", mutated_json(&seeds, words), |bytes| {
        if let Ok(config) = RuntimeConfig::parse(&bytes) {
            assert_eq!(config.is_self_contained(), config.frameworks.is_empty());
        }
    });
}

/// An apphost with a bundle: nothing but the signature, the header and its two files.
fn bundle(version: u32) -> Vec<u8> {
    const SIGNATURE: [u8; 32] = [
        0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0,
        0x32, 0x13, 0xf5, 0xb9, 0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3,
        0x6a, 0xae,
    ];
    let mut bytes = [&[0; 8][..], &SIGNATURE, b"{\"runtimeOptions\":{}}", b"{}"].concat();
    let header = bytes.len() as u64;
    bytes[..8].copy_from_slice(&header.to_le_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0, 2, 0, 0, 0, 2, b'i', b'd']);
    if version >= 2 {
        bytes.extend_from_slice(&[0; 40]);
    }
    for (kind, name, at, size) in [
        (4, "App.runtimeconfig.json", 40_u64, 21_u64),
        (3, "App.deps.json", 61, 2),
    ] {
        bytes.extend_from_slice(&at.to_le_bytes());
        bytes.extend_from_slice(&size.to_le_bytes());
        if version >= 6 {
            bytes.extend_from_slice(&[0; 8]);
        }
        bytes.push(kind);
        bytes.push(u8::try_from(name.len()).expect("short"));
        bytes.extend_from_slice(name.as_bytes());
    }
    bytes
}

#[test]
fn fuzz_bundles() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("App");
    for version in [1, 2, 6] {
        fs::write(&file, bundle(version)).expect("a temporary folder");
        let read = Bundle::read(&file).expect("it is sound");
        assert_eq!(read.expect("it is a bundle").app, "App");
    }
    let mut seeds: Vec<Vec<u8>> = [1, 2, 6].map(bundle).into();
    seeds.push(stored("publish/single-file-framework-dependent/Web.Api"));
    let words = &["\u{7f}", ".runtimeconfig.json", "\0\0\0\0\0\0\0\0"];
    fuzz("bundles", mutated(seeds, words), |bytes| {
        fs::write(&file, &*bytes).expect("a temporary folder");
        if let Ok(Some(bundle)) = Bundle::read(&file) {
            assert!(bundle.runtime_config.len() <= bytes.len());
            assert!(bundle.app.len() <= bytes.len());
        }
    });
}

#[test]
fn fuzz_slnx() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("a")).expect("a temporary folder");
    for name in ["a/A.csproj", "a/ö.fsproj", "B.csproj"] {
        fs::write(folder.path().join(name), b"").expect("a temporary folder");
    }
    let seeds = [
        r#"<Solution><Folder Name="/a/"><Project Path="a/A.csproj" /></Folder><Project Path="B.csproj"><Build Solution="x" Project="false"/></Project></Solution>"#,
        r#"<?xml version="1.0" encoding="utf-8"?><!DOCTYPE x [<!ENTITY e "a">]><!-- c --><Solution><Project Path='a\&#xF6;.fsproj' Id="1"></Project><![CDATA[x]]></Solution>"#,
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    let words = &[
        "<Project Path=\"",
        "\"/>",
        "&amp;",
        "&#0;",
        "&#x110000;",
        "&e;",
        "&",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE a [<!ENTITY b \"",
        "xmlns:",
        "B.csproj",
        "../",
        "\\",
        "\u{feff}",
        "\0",
        "</",
    ];
    let file = folder.path().join("App.slnx");
    fuzz("slnx", mutated(seeds, words), |bytes| {
        fs::write(&file, &*bytes).expect("a temporary folder");
        if let Ok(solution) = Solution::read(&file) {
            assert!(solution.projects.iter().all(|project| project.is_file()));
        }
    });
}

/// Found by the target above, after some three million cases.
#[test]
fn what_nobody_asks_of_a_runtimeconfig_takes_no_memory() {
    let deep = format!("{}true{}", "[".repeat(100), "]".repeat(100));
    let deep = vec![deep; 10_000].join(",");
    let file = format!(
        r#"{{"runtimeOptions":{{"tfm":"net10.0","other":[{deep}],
        "configProperties":{{"System.GC.Server":[{deep}]}}}}}}"#
    );
    let memory = allocation_counter::measure(|| {
        let config = RuntimeConfig::parse(file.as_bytes()).unwrap();
        assert_eq!(config.target_framework.as_deref(), Some("net10.0"));
    });
    assert!(memory.bytes_max < 100_000, "{memory:?}");
}

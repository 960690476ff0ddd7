//! The cache folder: a slip in its name takes nothing, and nobody else can write into it.

use crate::support::{User, prepared};
use fs_err as fs;
use mizzen_testkit::{MemoryRegistry, tiny_base};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Every path below `root`, links not followed, with the bytes of files.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mut bytes = Vec::new();
            if metadata.is_dir() {
                folders.push(path.clone());
            } else if metadata.is_file() {
                bytes = fs::read(&path).unwrap();
            }
            all.insert(path, bytes);
        }
    }
    all
}

#[test]
fn a_folder_of_files_that_is_named_by_mistake_is_refused_by_every_verb_and_stays_as_it_is() {
    let user = User::without_sdk();
    let home = user.path("home-like");
    for file in [
        "docs/b.txt",
        "blobs/photos/d.jpg",
        "tmp/thesis.odt",
        ".bashrc",
    ] {
        let file = home.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    let before = tree(&home);
    let home = home.to_str().unwrap();
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/publish/portable");
    for verb in [
        &["cache", "dir"][..],
        &["cache", "size"],
        &["cache", "verify"],
        &["cache", "prune", "--max-age", "1"],
        &["cache", "clean"],
        &["inspect", "registry.example/shop:1"],
        &["validate", "registry.example/shop:1"],
        &["pull", "registry.example/shop:1", "oci:pulled"],
        &["build", "--from-publish", published],
    ] {
        let run = user.run_bare(&[verb, &["--cache-dir", home]].concat());
        let said = run.failure(2);
        assert!(said.contains("it is not mizzen's cache"), "{said}");
        assert!(said.contains("hint: "), "{said}");
    }
    assert_eq!(tree(Path::new(home)), before);
}

#[test]
fn who_only_looks_makes_nothing_and_takes_nothing() {
    let mut user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "hello", None);
    fs::create_dir(user.path("temporary")).unwrap();
    let temporary = user.path("temporary").display().to_string();
    user.environment.insert("TMPDIR".to_owned(), temporary);
    let registry = MemoryRegistry::start();
    tiny_base(&user.path("base"), "linux/amd64");
    let image = format!("{}/base:1", registry.host());
    user.run_bare(&["push", "oci:base", &image]).success();
    drop(fs::remove_dir_all(user.path("cache")));
    // The wrapper counts calls there, and `plan` makes none.
    let before = tree(&user.path(""));
    let verbs = [
        &["plan", "hello"][..],
        &["plan", "hello", "--config"],
        &["cache", "dir"],
        &["cache", "size"],
        &["cache", "verify"],
        &["cache", "prune", "--max-age", "1"],
        &["cache", "clean"],
        &["inspect", &image, "--files"],
        &["validate", &image],
        &["diff", &image, "oci:base"],
    ];
    for verb in verbs {
        user.run_bare(verb).success();
        assert_eq!(tree(&user.path("")), before, "{verb:?}");
    }
    // An empty folder is not made a cache, either.
    fs::create_dir(user.path("cache")).unwrap();
    for verb in verbs {
        user.run_bare(verb).success();
        assert_eq!(tree(&user.path("cache")).len(), 0, "{verb:?}");
    }
}

#[test]
fn the_cache_is_closed_to_others_whatever_the_umask() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    user.workspace("hello-web", "hello", None);
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    let arguments = ["hello", "-o", "oci:out", "--base", &base];
    user.build_under_umask(&user.environment, "000", &arguments)
        .success();
    let mut folders = 0;
    for path in tree(&user.path("cache"))
        .into_keys()
        .chain([user.path("cache")])
    {
        let metadata = fs::metadata(&path).unwrap();
        let wanted = if metadata.is_dir() { 0o077 } else { 0o022 };
        assert_eq!(metadata.mode() & wanted, 0, "{}", path.display());
        folders += usize::from(metadata.is_dir());
    }
    assert!(folders > 8, "{folders}");
}

#[test]
fn a_repository_has_nothing_written_or_taken_outside_of_itself() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let hello = user.workspace("hello-web", "hello", None);
    fs::create_dir(user.path("tmp")).unwrap();
    fs::write(user.path("tmp/thesis.odt"), "mine").unwrap();
    fs::write(user.path(".bashrc"), "mine").unwrap();
    for said in [
        "[cache]\ndir = \"..\"\n",
        "[build]\ncache-dir = \"..\"\n",
        "[build]\noutput = \"oci-archive:../.bashrc\"\n",
        "[build]\nmetadata-file = \"../.bashrc\"\n",
    ] {
        fs::write(hello.join("mizzen.toml"), said).unwrap();
        let before = tree(&user.path(""));
        for verb in ["plan", "build"] {
            let error = user.run_bare(&[verb, "hello"]).failure(2);
            assert!(error.contains("is not below that file's folder"), "{error}");
        }
        assert_eq!(tree(&user.path("")), before, "{said}");
    }
}

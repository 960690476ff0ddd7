//! The cache folder: a slip in its name takes nothing, and nobody else can write into it.

use crate::support::{User, prepared};
use fs_err as fs;
use mizzen_testkit::{MemoryRegistry, tiny_base};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
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

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/publish/portable");

/// Every verb that uses a cache, but for those that need an SDK.
const VERBS: [&[&str]; 11] = [
    &["cache", "dir"],
    &["cache", "size"],
    &["cache", "verify"],
    &["cache", "prune", "--max-age", "1"],
    &["cache", "clean"],
    &["inspect", "registry.example/shop:1"],
    &["validate", "registry.example/shop:1"],
    &["diff", "registry.example/shop:1", "registry.example/shop:2"],
    &["pull", "registry.example/shop:1", "oci:pulled"],
    &["copy", "registry.example/shop:1", "registry.example/shop:2"],
    &["build", "--from-publish", PUBLISHED],
];

/// Checks that every verb refuses the cache in `folder`, and why; and that all of it stays as it is.
fn refused(user: &User, folder: &Path, why: &str) {
    let state = || {
        let found = tree(folder).into_iter().map(|(path, bytes)| {
            let metadata = fs::symlink_metadata(&path).unwrap();
            (path, bytes, metadata.mode(), metadata.uid())
        });
        (
            found.collect::<Vec<_>>(),
            fs::metadata(folder).unwrap().mode(),
        )
    };
    let before = state();
    for verb in VERBS {
        let run = user.run_bare(&[verb, &["--cache-dir", folder.to_str().unwrap()]].concat());
        let said = run.failure(2);
        assert!(
            said.contains(why) && said.contains("hint: "),
            "{verb:?}: {said}"
        );
        assert!(state() == before, "{verb:?} changed it");
    }
}

/// Returns an empty folder that belongs to another user: one that is made so, or one of the system's,
/// where this user can make none.
fn folder_of_another_user(user: &User) -> PathBuf {
    if rustix::process::geteuid().is_root() {
        let folder = user.path("theirs");
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::chown(&folder, Some(4242), Some(4242)).unwrap();
        return folder;
    }
    let mut systems = ["/mnt", "/srv", "/media", "/opt", "/boot"]
        .map(PathBuf::from)
        .into_iter();
    let found = systems
        .find(|folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()));
    found.expect("one of the system's folders is empty")
}

#[test]
fn a_cache_of_another_user_is_refused_by_every_verb() {
    let user = User::without_sdk();
    let theirs = folder_of_another_user(&user);
    refused(&user, &theirs, "it belongs to user ");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // A whole cache of theirs, and one of ours in which a folder is theirs.
    let ours = user.path("ours");
    let ours = ours.to_str().unwrap();
    tiny_base(&user.path("base"), "linux/amd64");
    let build = ["build", "--from-publish", PUBLISHED, "--base", "oci:base"];
    user.run_bare(&[&build[..], &["--cache-dir", ours]].concat())
        .success();
    let own = |path: &Path, uid| std::os::unix::fs::chown(path, Some(uid), None).unwrap();
    for path in tree(Path::new(ours))
        .into_keys()
        .filter(|path| path.is_dir())
    {
        if path.parent() == Some(Path::new(ours)) && path.file_name().unwrap() != "out" {
            own(&path, 4242);
            refused(&user, Path::new(ours), "it belongs to user 4242");
            own(&path, 0);
        }
    }
    own(Path::new(ours), 4242);
    refused(&user, Path::new(ours), "it belongs to user 4242");
}

#[test]
fn a_cache_that_others_can_write_into_is_refused_by_every_verb() {
    let user = User::without_sdk();
    tiny_base(&user.path("base"), "linux/amd64");
    let build = ["build", "--from-publish", PUBLISHED, "--base", "oci:base"];
    user.run_bare(&build).success();
    let cache = user.path("cache");
    let set =
        |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    for mode in [0o777, 0o770, 0o702, 0o1777] {
        set(&cache, mode);
        refused(&user, &cache, "other users can write into it");
    }
    // Where others can enter, a folder below counts as well.
    set(&cache, 0o755);
    set(&cache.join("blobs"), 0o777);
    refused(&user, &cache, "other users can write into it");
    set(&cache, 0o700);
    user.run_bare(&build).success();
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
    for verb in VERBS {
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

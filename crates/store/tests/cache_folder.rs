//! A cache takes only what it wrote, from folders that are its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use mizzen_oci::Digest;
use mizzen_store::{
    ActionCache, ActionResult, Cancel, FsActionCache, Limits, Output, Store, StoreError,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every path below `root` with what is there; links are not followed.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, kind) = {
                let entry = entry.unwrap();
                (entry.path(), entry.file_type().unwrap())
            };
            let what = if kind.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if kind.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else {
                fs::read_to_string(&path).unwrap()
            };
            let name = path.strip_prefix(root).unwrap().display().to_string();
            all.insert(name, what);
        }
    }
    all
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Does everything to the cache that can take something away.
fn sweep_verify_prune_and_clean(root: &Path) {
    let store = Store::open(root).unwrap();
    let alone = store.housekeeping(&Cancel::default()).unwrap();
    alone.verify(&Cancel::default()).unwrap();
    let nothing = Limits {
        max_age: Some(Duration::ZERO),
        max_bytes: Some(0),
    };
    alone.prune(nothing).unwrap();
    alone.clean().unwrap();
}

/// Keeps a record of one blob.
fn fill(store: &Store) {
    let digest = store.put(b"layer").unwrap();
    let output = Output {
        digest,
        size_bytes: 5,
    };
    let result = ActionResult {
        outputs: BTreeMap::new(),
        inputs: output,
        facts: Value::Null,
        origin: None,
    };
    FsActionCache(store)
        .put("publish", &Digest::of(b"key"), &result)
        .unwrap();
    store
        .write_note("kind", &Digest::of(b"name"), b"note")
        .unwrap();
}

#[test]
fn a_folder_with_files_and_no_marker_is_refused_and_stays_as_it_is() {
    for files in [
        &[
            "docs/b.txt",
            "blobs/photos/d.jpg",
            ".bashrc",
            "tmp/thesis.odt",
        ][..],
        &["tmp/thesis.odt"],
        &["blobs/sha256/photo.jpg"],
        &[".lock", "tmp/thesis.odt"],
        &["notes-v1/shopping/list"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            write(&folder.path().join(file), "mine");
        }
        let before = tree(folder.path());
        assert!(Store::open(folder.path()).is_err(), "{files:?}");
        assert_eq!(tree(folder.path()), before);
    }
}

#[test]
fn in_a_cache_too_only_files_of_the_caches_own_form_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cache");
    fill(&Store::open(&root).unwrap());
    let hex = Digest::of(b"not mine").hex();
    let files = [
        "thesis.odt".to_owned(),
        "tmp/thesis.odt".to_owned(),
        "tmp/folder/thesis.odt".to_owned(),
        "blobs/sha256/photo.jpg".to_owned(),
        "blobs/photos/d.jpg".to_owned(),
        format!("blobs/sha512/{hex}"),
        "actions-v1/README".to_owned(),
        "actions-v1/publish/README".to_owned(),
        format!("actions-v1/publish/deeper/{hex}"),
        format!("notes-v1/{hex}"),
        "stat-v1/x".to_owned(),
        format!("out/{hex}"),
        "out/shop/index.json".to_owned(),
        format!("others/{hex}"),
    ];
    for file in &files {
        write(&root.join(file), "mine");
    }
    sweep_verify_prune_and_clean(&root);
    let left = tree(&root);
    for file in &files {
        assert_eq!(left.get(file).map(String::as_str), Some("mine"), "{file}");
    }
    let own = left
        .keys()
        .filter(|name| name.ends_with(&Digest::of(b"layer").hex()));
    assert_eq!(own.count(), 0);
}

#[test]
fn a_link_is_neither_followed_nor_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (root, home) = (folder.path().join("cache"), folder.path().join("home"));
    let hex = Digest::of(b"not mine").hex();
    write(&home.join(&hex), "mine");
    write(&home.join("deep/thesis.odt"), "mine");
    let before = tree(&home);
    for link in [
        "tmp/.mizzen-abcdef",
        "tmp/link",
        "out/shop",
        &format!("blobs/sha256/{hex}"),
    ] {
        drop(Store::open(&root).unwrap());
        fs::create_dir_all(root.join(link).parent().unwrap()).unwrap();
        drop(fs::os::unix::fs::symlink(&home, root.join(link)));
        sweep_verify_prune_and_clean(&root);
        assert_eq!(tree(&home), before, "{link}");
    }
    let file = root.join("blobs/sha256").join(Digest::of(b"other").hex());
    fs::os::unix::fs::symlink(home.join(&hex), &file).unwrap();
    sweep_verify_prune_and_clean(&root);
    assert!(file.is_symlink());

    // A folder of the cache's own that is a link leads to another place, and nothing is used there.
    for name in [
        "blobs",
        "blobs/sha256",
        "tmp",
        "actions-v1",
        "actions-v1/publish",
        "stat-v1",
        ".lock",
    ] {
        let root = folder.path().join("other");
        fill(&Store::open(&root).unwrap());
        fs::rename(root.join(name), folder.path().join("moved")).unwrap();
        fs::os::unix::fs::symlink(&home, root.join(name)).unwrap();
        assert!(Store::open(&root).is_err(), "{name}");
        assert_eq!(tree(&home), before, "{name}");
        fs::remove_dir_all(&root).unwrap();
        let moved = folder.path().join("moved");
        drop(fs::remove_dir_all(&moved).or_else(|_| fs::remove_file(&moved)));
    }
}

#[test]
fn a_folder_that_others_can_write_is_closed_if_empty_and_refused_if_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cache");
    for open in [0o777, 0o770, 0o703] {
        fs::create_dir(&root).unwrap();
        set_mode(&root, open);
        fill(&Store::open(&root).unwrap());
        assert_eq!(mode(&root), 0o700, "{open:o}");
        set_mode(&root, open);
        assert!(Store::open(&root).is_err(), "{open:o}");
        // Its own folders, too.
        set_mode(&root, 0o711);
        set_mode(&root.join("actions-v1"), open);
        assert!(Store::open(&root).is_err(), "{open:o}");
        fs::remove_dir_all(&root).unwrap();
    }
    // Others could read, which forges nothing: it is closed.
    fill(&Store::open(&root).unwrap());
    set_mode(&root, 0o755);
    set_mode(&root.join("blobs"), 0o755);
    drop(Store::open(&root).unwrap());
    assert_eq!((mode(&root), mode(&root.join("blobs"))), (0o700, 0o700));
}

#[test]
fn the_marker_tells_a_cache_from_another_programs_and_from_a_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("CACHEDIR.TAG");
    drop(Store::open(folder.path()).unwrap());
    let text = fs::read_to_string(&marker).unwrap();
    assert!(
        text.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"),
        "{text}"
    );
    let why = |text: &str| {
        fs::write(&marker, text).unwrap();
        match Store::open(folder.path()) {
            Err(StoreError::Folder { why, .. }) => why.to_string(),
            other => format!("{other:?}"),
        }
    };
    let later = text.replace("version: 1\n", "version: 2\n");
    assert!(why(&later).contains("version 2"), "{}", why(&later));
    let cargos = text.lines().next().unwrap().to_owned() + "\n# of cargo\n";
    assert!(
        why(&cargos).contains("another program's"),
        "{}",
        why(&cargos)
    );
    assert!(
        why("mine").contains("not mizzen's cache"),
        "{}",
        why("mine")
    );
    fs::write(&marker, text).unwrap();
    drop(Store::open(folder.path()).unwrap());
    // A process that was killed before it had written it.
    let blank = tempfile::tempdir().unwrap();
    write(&blank.path().join("CACHEDIR.TAG"), "");
    fill(&Store::open(blank.path()).unwrap());
    fill(&Store::open(blank.path()).unwrap());
}

#[test]
fn a_cache_from_before_there_was_a_marker_gets_one_if_everything_in_it_is_the_caches() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let marker = root.join("CACHEDIR.TAG");
    fill(&Store::open(root).unwrap());
    write(&root.join("out/shop/oci-layout"), "{}");
    write(&root.join("tmp/.tmpaB3dE9"), "half");
    for foreign in [
        "thesis.odt",
        "tmp/thesis.odt",
        "blobs/sha256/photo.jpg",
        "out/shop.txt",
        "notes-v1/list",
    ] {
        fs::remove_file(&marker).unwrap();
        write(&root.join(foreign), "mine");
        let before = tree(root);
        assert!(Store::open(root).is_err(), "{foreign}");
        assert_eq!(tree(root), before);
        fs::remove_file(root.join(foreign)).unwrap();
        let store = Store::open(root).unwrap();
        let record = FsActionCache(&store).get("publish", &Digest::of(b"key"));
        assert!(record.unwrap().is_some() && marker.exists());
    }
}

#[test]
fn who_only_looks_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cache");
    assert!(Store::open_existing(&root).unwrap().is_none());
    assert!(!root.exists());
    fs::create_dir(&root).unwrap();
    assert!(Store::open_existing(&root).unwrap().is_none());
    assert_eq!(tree(folder.path()).len(), 1);
    write(&root.join("thesis.odt"), "mine");
    assert!(Store::open_existing(&root).is_err());
    assert!(Store::open_existing(&root.join("thesis.odt")).is_err());
    let temporary = Store::temporary(folder.path()).unwrap();
    fill(&temporary);
    assert!(tree(folder.path()).len() > 10);
    drop(temporary);
    assert_eq!(tree(folder.path()).len(), 2);
}

#[test]
fn many_may_make_a_cache_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| fill(&Store::open(&folder.path().join("cache")).unwrap()));
            }
        });
    }
}

//! What goes from a cache when somebody looks after it, and what stays.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use mizzen_oci::Digest;
use mizzen_store::{
    ActionCache, ActionResult, Cancel, FsActionCache, Limits, Output, Store, Usage,
};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A cache of three records: each has a blob of its own, the last two share one; and a blob that
/// nothing names. The first was used an hour ago, the second and the lone blob half an hour ago.
fn cache(root: &Path) -> Store {
    let store = Store::open(root).unwrap();
    let blob = |text: &str| Output {
        digest: store.put(text.as_bytes()).unwrap(),
        size_bytes: text.len() as u64,
    };
    let shared = blob("shared by two");
    blob("named by none");
    for (key, shared) in [
        ("one", None),
        ("two", Some(shared)),
        ("three", Some(shared)),
    ] {
        let own = blob(key);
        let outputs = [("own", Some(own)), ("shared", shared)];
        let outputs = outputs
            .into_iter()
            .filter_map(|(name, output)| Some((name.to_owned(), output?)));
        let result = ActionResult {
            outputs: outputs.collect(),
            inputs: own,
            facts: Value::Null,
            origin: None,
        };
        FsActionCache(&store)
            .put("publish", &Digest::of(key.as_bytes()), &result)
            .unwrap();
    }
    let old = |path: String, minutes: u64| {
        let file = fs::File::open(root.join(path)).unwrap();
        let then = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(60 * minutes);
        file.set_modified(then).unwrap();
        assert!(then < SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40));
    };
    old(
        format!("actions-v1/publish/{}", Digest::of(b"one").hex()),
        60,
    );
    old(
        format!("actions-v1/publish/{}", Digest::of(b"two").hex()),
        30,
    );
    old(
        format!("blobs/sha256/{}", Digest::of(b"named by none").hex()),
        30,
    );
    store
}

fn known(store: &Store) -> Vec<&'static str> {
    let names = ["one", "two", "three", "shared by two", "named by none"];
    names
        .into_iter()
        .filter(|name| store.read(&Digest::of(name.as_bytes())).unwrap().is_some())
        .collect()
}

#[test]
fn what_was_used_longest_ago_goes_first_and_what_is_shared_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = cache(folder.path());
    let prune = |limits| {
        store
            .housekeeping(&Cancel::default())
            .unwrap()
            .prune(limits)
            .unwrap()
    };
    assert_eq!(prune(Limits::default()).files, 0);
    let age = Limits {
        max_age: Some(Duration::from_secs(60 * 45)),
        max_bytes: None,
    };
    assert_eq!(prune(age).files, 2);
    assert_eq!(
        known(&store),
        ["two", "three", "shared by two", "named by none"]
    );
    let size = Limits {
        max_age: None,
        max_bytes: Some(18),
    };
    prune(size);
    assert_eq!(known(&store), ["three", "shared by two"]);
    let record = FsActionCache(&store)
        .get("publish", &Digest::of(b"three"))
        .unwrap();
    assert!(record.is_some());
}

#[test]
fn damaged_files_are_found_and_everything_can_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = cache(folder.path());
    let alone = store.housekeeping(&Cancel::default()).unwrap();
    assert_eq!(alone.verify(&Cancel::default()).unwrap().files, 0);
    for path in [
        format!("blobs/sha256/{}", Digest::of(b"two").hex()),
        format!("actions-v1/publish/{}", Digest::of(b"one").hex()),
    ] {
        let path = folder.path().join(path);
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(path, "damaged").unwrap();
    }
    assert_eq!(alone.verify(&Cancel::default()).unwrap().files, 2);
    assert_eq!(
        known(&store),
        ["one", "three", "shared by two", "named by none"]
    );
    alone.clean().unwrap();
    assert_eq!(store.usage().unwrap(), Usage::default());
}

#[test]
fn an_image_that_was_written_into_the_folder_is_none_of_its_business() {
    let folder = tempfile::tempdir().unwrap();
    let store = cache(folder.path());
    let image = folder.path().join("out/shop");
    fs::create_dir_all(&image).unwrap();
    fs::write(image.join("index.json"), "{}").unwrap();
    let alone = store.housekeeping(&Cancel::default()).unwrap();
    assert_eq!(alone.verify(&Cancel::default()).unwrap().files, 0);
    let nothing = Limits {
        max_age: Some(Duration::ZERO),
        max_bytes: Some(0),
    };
    alone.prune(nothing).unwrap();
    alone.clean().unwrap();
    assert_eq!(fs::read(image.join("index.json")).unwrap(), b"{}");
}

#[test]
fn nothing_is_taken_while_another_process_uses_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _other) = (cache(folder.path()), Store::open(folder.path()).unwrap());
    let cancel = Cancel::default();
    cancel.cancel();
    assert!(store.housekeeping(&cancel).is_err());
}

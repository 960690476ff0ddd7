//! A file on a read-only file system is read each time: what its times say was chosen by whoever made it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fs_err as fs;
use mizzen_store::{FileState, StatCache, Store};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Scans `file` of the folder twice and returns how often it was read.
fn reads(store: &Store, folder: &Path) -> usize {
    let path = folder.join("file");
    let scan = || {
        let mut cache = StatCache::load(store, folder).unwrap();
        let state = FileState::of(&fs::metadata(&path).unwrap());
        cache.digest("file", &path, state).unwrap();
        let read = cache.files_read();
        cache.save(store).unwrap();
        read
    };
    scan() + scan()
}

/// Runs inside of the namespace that [`a_read_only_image_is_read_each_time_and_a_read_only_mount_is_not`]
/// makes.
#[test]
#[ignore = "run by the other test, where it may mount"]
fn inside() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("image")).unwrap();
    fs::create_dir(at("mounted")).unwrap();
    let mount = |arguments: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "a foreign tool")]
        let status = Command::new("mount")
            .args(arguments)
            .current_dir(folder.path())
            .status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    mount(&["-t", "tmpfs", "none", "image"]);
    fs::write(at("image/file"), "text").unwrap();
    std::thread::sleep(Duration::from_millis(120));
    let store = Store::open(&at("cache")).unwrap();
    assert_eq!(reads(&store, &at("image")), 1);
    mount(&["--bind", "image", "mounted"]);
    mount(&["-o", "remount,bind,ro", "mounted"]);
    assert_eq!(reads(&store, &at("mounted")), 1);
    mount(&["-o", "remount,ro", "image"]);
    assert_eq!(reads(&store, &at("image")), 2);
}

#[test]
fn a_read_only_image_is_read_each_time_and_a_read_only_mount_is_not() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test itself, where it may mount"
    )]
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

//! A damaged cache is healed by the build that finds it out, which says so.

use crate::support::{Run, User, edit, prepared};
use fs_err as fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn build(user: &User) -> Run {
    let base = prepared("MIZZEN_TEST_BASE").join("aspnet-3.1");
    let base = format!("oci:{}", base.display());
    drop(fs::remove_dir_all(user.path("out")));
    user.build(&["hello", "-o", "oci:out", "--base", &base])
        .success()
}

/// Returns the files below a folder that have any bytes, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::metadata(&path).unwrap().len() > 0 {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    found
}

/// Flips a bit in the middle of a file and returns what it now holds.
fn flip(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, &bytes).unwrap();
    bytes
}

/// Makes the cache what it was when `pristine` was copied.
fn reset(user: &User, pristine: &Path) {
    let cache = user.path("cache");
    fs::remove_dir_all(&cache).unwrap();
    user.tool(
        "cp",
        &["-a", pristine.to_str().unwrap(), cache.to_str().unwrap()],
    );
}

#[test]
fn a_flipped_bit_in_any_file_is_told_by_the_build_that_meets_it_which_gives_what_it_gave() {
    let user = User::with_sdk(&prepared("MIZZEN_TEST_SDK31"));
    let hello = user.workspace("hello-web", "hello", None);
    let first = build(&user);
    let (cache, pristine) = (user.path("cache"), user.path("pristine"));
    fs::rename(&cache, &pristine).unwrap();
    fs::create_dir(&cache).unwrap();
    let mut unmet = Vec::new();
    for stored in files(&pristine) {
        reset(&user, &pristine);
        let path = cache.join(stored.strip_prefix(&pristine).unwrap());
        let flipped = flip(&path);
        let healed = build(&user);
        assert_eq!(healed.digest(), first.digest(), "{}", path.display());
        let is_told = healed
            .stderr
            .contains(&format!("note: `{}`", path.display()));
        let is_left = fs::read(&path).is_ok_and(|bytes| bytes == flipped);
        assert_ne!(is_told, is_left, "{}: {}", path.display(), healed.stderr);
        if is_left {
            unmet.push(stored);
        }
    }
    // What no hit reads: the packages and the records of the steps.
    edit(&hello.join("Program.cs"), "Hello", "Howdy");
    reset(&user, &pristine);
    let edited = build(&user);
    let mut met = 0;
    for stored in unmet {
        reset(&user, &pristine);
        let path = cache.join(stored.strip_prefix(&pristine).unwrap());
        flip(&path);
        if path.starts_with(cache.join("actions-v1/publish")) {
            continue;
        }
        let healed = build(&user);
        assert_eq!(healed.digest(), edited.digest(), "{}", path.display());
        met += usize::from(
            healed
                .stderr
                .contains(&format!("note: `{}`", path.display())),
        );
    }
    // Restore's record, its files, and the table that the miss is compared with.
    assert!(met >= 3, "{met}");
}

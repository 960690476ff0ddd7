//! Nothing is written into a folder that is somebody's.

use crate::support::{User, testdata};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every file below a folder, by its path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            all.extend(files(&entry.path()));
        } else if kind.is_file() {
            all.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn a_folder_that_is_no_layout_or_leads_elsewhere_is_refused_and_left_as_it_is() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let publish = testdata("publish/portable");
    let publish = publish.to_str().unwrap();
    let build = |output: &str| {
        user.run_bare(&[
            "build",
            "--from-publish",
            publish,
            "--base",
            "oci:base",
            "-o",
            output,
        ])
    };
    // A folder of somebody's own, with names that a layout has, too.
    let mine = user.path("mine");
    fs::create_dir_all(mine.join("blobs/photos")).unwrap();
    fs::write(mine.join("index.json"), "mine").unwrap();
    fs::write(mine.join("blobs/photos/a.jpg"), "mine").unwrap();
    let before = files(&mine);
    let said = build("oci:mine").failure(2);
    assert!(
        said.contains("is not an OCI layout: it holds other files"),
        "{said}"
    );
    assert_eq!(files(&mine), before);
    fs::write(user.path("file"), "mine").unwrap();
    let said = build("oci:file").failure(2);
    assert!(said.contains("it is not a folder"), "{said}");

    // A layout whose folder of blobs, or marker, is somewhere else.
    build("oci:sound").success();
    for link in ["blobs", "oci-layout"] {
        let own = user.path("sound").join(link);
        fs::rename(&own, user.path("elsewhere")).unwrap();
        symlink(user.path("elsewhere"), &own).unwrap();
        let before = files(user.folder_path());
        let said = build("oci:sound").failure(2);
        assert!(said.contains("are links"), "{said}");
        assert_eq!(files(user.folder_path()), before);
        fs::remove_file(&own).unwrap();
        fs::rename(user.path("elsewhere"), own).unwrap();
    }
    // Neither is what one is for: an empty folder, a layout, and what a writer left that was killed.
    fs::write(user.path("sound").join(".tmpabc"), "").unwrap();
    build("oci:sound").success();
    fs::create_dir(user.path("empty")).unwrap();
    build("oci:empty").success();
    fs::create_dir(user.path("killed")).unwrap();
    fs::write(user.path("killed").join(".tmpabc"), "").unwrap();
    build("oci:killed").success();
}

#[test]
fn a_published_file_that_would_remove_others_is_bad_usage() {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    let publish = user.path("publish");
    crate::support::copy(&testdata("publish/portable"), &publish);
    let line = [
        "build",
        "--from-publish",
        "publish",
        "--base",
        "oci:base",
        "-o",
        "oci:out",
    ];
    for name in [
        ".wh.appsettings.json",
        ".wh..wh..opq",
        "wwwroot/.wh.x",
        ".wh.folder/a",
    ] {
        let file = publish.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        let said = user.run_bare(&line).failure(2);
        assert!(
            said.contains(".wh.") && said.contains("marks removed files"),
            "{said}"
        );
        assert!(!user.path("out").exists());
        fs::remove_file(&file).unwrap();
        drop(fs::remove_dir(file.parent().unwrap()));
    }
    let added = user.path(".wh.passwd");
    fs::write(&added, "x").unwrap();
    let add = [&line[..], &["--add", ".wh.passwd:/etc/.wh.passwd"]].concat();
    user.run_bare(&add).failure(2);
    user.run_bare(&line).success();
}

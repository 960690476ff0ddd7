//! Stored publish folders become images without any SDK.

use crate::support::{User, prepared, testdata, validated};

/// A change of this digest changes every image that mizzen makes: it needs a reason.
#[test]
fn a_stored_publish_folder_gives_a_pinned_image() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    let base = user.path("base");
    mizzen_testkit::tiny_base(&base, "linux/amd64");
    let base = format!("oci:{}", base.display());
    let run = user
        .build(&[
            "--from-publish",
            folder.to_str().unwrap(),
            "--base",
            &base,
            "-o",
            "oci:out",
        ])
        .success();
    validated(&user.path("out"), None);
    assert_eq!(
        run.digest(),
        "sha256:3054e199a76db0417c7703c8a784738462c12260c4f842ef92a869ee5c984389"
    );
}

#[test]
fn the_image_of_a_folder_has_no_steps_and_says_what_it_left_out() {
    let user = User::without_sdk();
    let folder = testdata("publish/portable");
    let base = format!(
        "oci:{}",
        prepared("MIZZEN_TEST_BASE").join("aspnet-3.1").display()
    );
    let run = user
        .build(&["--from-publish", folder.to_str().unwrap(), "--base", &base])
        .success();
    assert_eq!(run.steps(), "");
    assert!(
        run.image()["leftOut"]
            .as_array()
            .unwrap()
            .iter()
            .any(|file| file["path"] == "web.config")
    );
    let layout = user
        .path("cache/out")
        .join(run.image()["name"].as_str().unwrap());
    validated(&layout, None);
}

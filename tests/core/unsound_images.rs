//! An image that is not what it says is told apart from a disk that fails, by every verb.

use crate::support::{User, testdata};
use fs_err as fs;
use serde_json::Value;
use std::path::{Path, PathBuf};

const BAD: i32 = 6;

/// Makes a sound layout and returns the files of its manifest, its config and its first layer.
fn layout(user: &User, name: &str) -> [PathBuf; 3] {
    let folder = user.path(name);
    mizzen_testkit::tiny_base(&folder, "linux/amd64");
    let json = |file: &Path| -> Value { serde_json::from_slice(&fs::read(file).unwrap()).unwrap() };
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        folder.join("blobs").join(digest.replace(':', "/"))
    };
    let manifest = blob(&json(&folder.join("index.json"))["manifests"][0]);
    let document = json(&manifest);
    let config = blob(&document["config"]);
    let layer = blob(&document["layers"][0]);
    [manifest, config, layer]
}

fn codes(user: &User, image: &str) -> [i32; 5] {
    let publish = testdata("publish/portable");
    let publish = publish.to_str().unwrap();
    // What a layout has, nobody reads again.
    drop(fs::remove_dir_all(user.path("made")));
    let lines = [
        &["inspect", image][..],
        &["inspect", "--files", image],
        &["validate", image],
        &["diff", image, "oci:other"],
        &[
            "build",
            "--from-publish",
            publish,
            "--base",
            image,
            "-o",
            "oci:made",
        ],
    ];
    lines.map(|line| {
        let run = user.run_bare(line);
        assert!(
            run.code == 0 || run.stderr.contains("error: "),
            "{line:?}: {}",
            run.stderr
        );
        run.code
    })
}

#[test]
fn damage_of_an_image_is_a_check_that_says_no() {
    let user = User::without_sdk();
    // What it is compared with has more layers.
    layout(&user, "base");
    let publish = testdata("publish/portable");
    let build = ["build", "--from-publish", publish.to_str().unwrap()];
    let to = ["--base", "oci:base", "-o", "oci:other"];
    user.run_bare(&[&build[..], &to].concat()).success();
    assert_eq!(codes(&user, "oci:base"), [0; 5]);
    for (part, wants) in [
        (0, [BAD; 5]),
        (1, [BAD; 5]),
        // Its own layer is read by whoever lists files, and by whoever writes the image elsewhere.
        (2, [0, BAD, BAD, BAD, BAD]),
    ] {
        for (how, damage) in [
            ("gone", (|file| fs::remove_file(file).unwrap()) as fn(&Path)),
            ("cut", |file| {
                fs::write(file, &fs::read(file).unwrap()[1..]).unwrap();
            }),
            ("other", |file| fs::write(file, "{}").unwrap()),
            ("a folder", |file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }),
        ] {
            let name = format!("{part} {how}");
            let files = layout(&user, &name);
            damage(&files[part]);
            let got = codes(&user, &format!("oci:{}", user.path(&name).display()));
            assert_eq!(got, wants, "{name}");
        }
    }
}

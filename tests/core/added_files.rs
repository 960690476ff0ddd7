//! Files that are added to an image are a layer of their own.

use crate::support::{Run, User, testdata};
use fs_err as fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

fn user() -> User {
    let user = User::without_sdk();
    mizzen_testkit::tiny_base(&user.path("base"), "linux/amd64");
    for (path, text, mode) in [
        ("extra/sub/notes.txt", "one", 0o600),
        ("extra/run.sh", "#!/bin/sh", 0o700),
        ("cert.pem", "secret", 0o644),
    ] {
        let path = user.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    user
}

fn build(user: &User, added: &[&str]) -> Run {
    let folder = testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    let mut arguments = vec![
        "--from-publish",
        folder,
        "--base",
        "oci:base",
        "-o",
        "oci:out",
    ];
    for added in added {
        arguments.extend(["--add", added]);
    }
    user.build(&arguments)
}

/// Returns name, digest and outcome of each added layer.
fn layers(run: &Run) -> Vec<[String; 3]> {
    let layers = run.image()["layers"].as_array().unwrap().iter();
    let text = |layer: &serde_json::Value, name: &str| layer[name].as_str().unwrap().to_owned();
    layers
        .map(|layer| ["name", "digest", "outcome"].map(|name| text(layer, name)))
        .filter(|[name, ..]| name.starts_with("add "))
        .collect()
}

const ADDED: [&str; 2] = [
    "extra:/opt/extra:uid=1654,gid=7",
    "cert.pem:/etc/ssl/:mode=0400",
];

#[test]
fn a_folder_and_a_file_have_their_places_owners_and_modes() {
    let user = user();
    build(&user, &ADDED).success();
    let layout = format!("oci:{}", user.path("out").display());
    let files = user.run_bare(&["inspect", "--files", &layout]).success();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = files.stdout.lines().map(words).collect();
    let has = |what: &str, path: &str| {
        let found = lines
            .iter()
            .any(|line| line.contains(what) && line.ends_with(path));
        assert!(found, "{what} {path}: {}", files.stdout);
    };
    has("-0755 1654:7", " /opt/extra/run.sh");
    has("0644 1654:7", " /opt/extra/sub/notes.txt");
    has("0400 0:0", " /etc/ssl/cert.pem");
    let is_folder = |line: &&String| line.ends_with(" /opt/extra") || line.ends_with(" /etc/ssl");
    assert_eq!(lines.iter().find(is_folder), None);
}

#[test]
fn a_layer_is_made_again_only_where_a_file_of_it_is_another() {
    let user = user();
    let first = layers(&build(&user, &ADDED).success());
    assert!(first.iter().all(|[.., outcome]| outcome == "ran"));
    let blobs = user.cached_blobs();
    let again = layers(&build(&user, &ADDED).success());
    assert!(
        again.iter().all(|[.., outcome]| outcome == "hit"),
        "{again:?}"
    );
    assert_eq!(user.cached_blobs(), blobs);
    let digest = |layers: &[[String; 3]]| {
        layers
            .iter()
            .map(|[_, it, _]| it.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(digest(&again), digest(&first));

    // The same length at the same time.
    let notes = user.path("extra/sub/notes.txt");
    let time = fs::metadata(&notes).unwrap().modified().unwrap();
    fs::write(&notes, "two").unwrap();
    let file = fs::OpenOptions::new().write(true).open(&notes).unwrap();
    file.set_modified(time).unwrap();
    let edited = layers(&build(&user, &ADDED).success());
    assert_ne!(digest(&edited)[0], digest(&first)[0]);
    assert_eq!(edited[1], again[1]);

    // Back again, at another time and with other modes for everybody else.
    fs::write(&notes, "one").unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1))
        .unwrap();
    fs::set_permissions(&notes, std::fs::Permissions::from_mode(0o666)).unwrap();
    let elsewhere = user.elsewhere("other");
    let folder = testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    let common = [
        "--from-publish",
        folder,
        "--base",
        "oci:base",
        "-o",
        "oci:other",
    ];
    let arguments = [&common[..], &["--add", ADDED[0]]].concat();
    let run = user.build_under_umask(&elsewhere, "077", &arguments);
    assert_eq!(digest(&layers(&run.success()))[0], digest(&first)[0]);
}

#[test]
fn what_is_not_there_or_leads_elsewhere_is_refused() {
    let user = user();
    let said = build(&user, &["missing:/x"]).failure(2);
    assert!(
        said.contains("missing` cannot be added to the image: it does not exist"),
        "{said}"
    );
    symlink("/etc/passwd", user.path("extra/link")).unwrap();
    let said = build(&user, &["extra:/x"]).failure(2);
    assert!(said.contains("link that leaves the folder"), "{said}");
    fs::create_dir(user.path("empty")).unwrap();
    let said = build(&user, &["empty:/x"]).failure(2);
    assert!(said.contains("empty folder"), "{said}");
    assert!(build(&user, &["extra"]).failure(2).contains("SRC:/DEST"));
}

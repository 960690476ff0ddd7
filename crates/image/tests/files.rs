//! What a container sees of an image, what differs between two, and whom a name means.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use mizzen_image::{
    Addendum, Entry, FileTree, Image, ImageDiff, Inspection, Layer, LayerBuilder, NumericUser,
};
use mizzen_oci::{Descriptor, DiffId, Digest, History, MediaType};
use mizzen_store::{BytesBlob, Cancel, Store};
use serde_json::json;
use std::sync::Arc;
use tar::EntryType;

/// A layer as other tools make it, with whiteouts: path, type, content or link target.
fn layer(entries: &[(&str, EntryType, &str)]) -> Layer {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, text) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let is_file = *kind == EntryType::Regular;
        let content = if is_file { text.as_bytes() } else { b"" };
        if !is_file && !text.is_empty() {
            header.set_link_name(text).unwrap();
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    let bytes = tar.into_inner().unwrap();
    Layer {
        descriptor: Descriptor::of(MediaType::ImageLayer, &bytes),
        diff_id: DiffId(Digest::of(&bytes)),
        blob: Arc::new(BytesBlob(bytes.into())),
    }
}

const FILE: EntryType = EntryType::Regular;

fn image(layers: Vec<Layer>) -> Image {
    let scratch = Image::scratch(&"linux/amd64".parse().unwrap());
    layers.into_iter().fold(scratch, |image, layer| {
        let history = History {
            created_by: Some("a test".to_owned()),
            ..History::default()
        };
        image.append(Addendum { layer, history })
    })
}

/// Each path with its layer.
fn seen(image: &Image) -> Vec<String> {
    let tree = FileTree::of(image).unwrap();
    let line = |(path, file): (&[u8], &mizzen_image::TreeFile)| {
        format!("{} {}", String::from_utf8_lossy(path), file.layer)
    };
    tree.iter().map(line).collect()
}

#[test]
fn a_container_sees_the_topmost_file_and_nothing_that_was_removed() {
    let below = layer(&[
        ("a/", EntryType::Directory, ""),
        ("a/gone", FILE, "1"),
        ("a/kept", FILE, "1"),
        ("b/one", FILE, "1"),
        ("c/two", FILE, "1"),
        ("d", EntryType::Symlink, "a"),
        ("e/f", FILE, "1"),
    ]);
    let above = layer(&[
        ("a/.wh.gone", FILE, ""),
        ("a/kept", FILE, "2"),
        ("b/.wh..wh..opq", FILE, ""),
        ("b/new", FILE, "2"),
        (".wh.c", FILE, ""),
        ("e", FILE, "2"),
        ("hard", EntryType::Link, "a/kept"),
    ]);
    let image = image(vec![below, above]);
    assert_eq!(
        seen(&image),
        ["a 0", "a/kept 1", "b/new 1", "d 0", "e 1", "hard 1"]
    );
}

#[test]
fn a_whiteout_says_nothing_of_its_own_layer() {
    let below = layer(&[("a/x", FILE, "1")]);
    let above = layer(&[("a/x", FILE, "2"), ("a/.wh..wh..opq", FILE, "")]);
    assert_eq!(seen(&image(vec![below, above])), ["a/x 1"]);
}

#[test]
fn an_inspection_names_each_file_with_its_layer() {
    let image = image(vec![
        layer(&[("a", FILE, "1"), ("b", FILE, "1")]),
        layer(&[("a", FILE, "22")]),
    ]);
    assert_eq!(Inspection::of(&image).layers[0].files, None);
    let inspection = json!(Inspection::with_files(&image).unwrap());
    assert_eq!(inspection["platform"], "linux/amd64");
    assert_eq!(
        inspection["layers"][0]["files"].as_array().unwrap().len(),
        1
    );
    let file = &inspection["layers"][1]["files"][0];
    assert_eq!(file["path"], "/a");
    assert_eq!(file["sizeBytes"], 2);
    assert_eq!(file["digest"], json!(Digest::of(b"22")));
    assert_eq!(inspection["layers"][1]["createdBy"], "a test");
}

#[test]
fn a_diff_names_what_changed_and_what_must_be_fetched() {
    let base = layer(&[("base", FILE, "1")]);
    let old = image(vec![
        base.clone(),
        layer(&[("app/a", FILE, "1"), ("app/gone", FILE, "1")]),
    ]);
    let new = image(vec![
        base.clone(),
        layer(&[("app/a", FILE, "2"), ("app/new", FILE, "1")]),
    ])
    .with_config(|config| {
        config.set_env("A", "1");
        config.run_set("User", json!("1654"));
    });
    let diff = ImageDiff::of(&old, &new).unwrap();
    assert_eq!(diff.shared_layers, [base.descriptor.digest]);
    assert_eq!(
        diff.added_layer_bytes,
        new.layers()[1].descriptor.size_bytes
    );
    let files: Vec<_> = diff
        .files
        .iter()
        .map(|file| {
            (
                &file.path[..],
                file.old.is_some(),
                file.new.is_some(),
                &file.what[..],
            )
        })
        .collect();
    let want: [(&str, bool, bool, &[&str]); 3] = [
        ("/app/a", true, true, &["content"]),
        ("/app/gone", true, false, &[]),
        ("/app/new", false, true, &[]),
    ];
    assert_eq!(files, want);
    let settings: Vec<_> = diff
        .settings
        .iter()
        .map(|change| &change.name[..])
        .collect();
    assert_eq!(settings, ["config.Env.A", "config.User"]);
}

#[test]
fn two_images_of_the_same_layers_differ_in_settings_only() {
    let old = image(vec![layer(&[("a", FILE, "1")])]);
    assert!(ImageDiff::of(&old, &old).unwrap().is_empty());
    let reordered = |first: &str, second: &str| {
        old.clone()
            .with_config(|config| config.run_set("Env", json!([first, second])))
    };
    let diff = ImageDiff::of(&reordered("A=1", "B=2"), &reordered("B=2", "A=1")).unwrap();
    assert!(diff.is_empty(), "{diff:?}");
}

#[test]
fn a_compressed_layer_is_listed_like_a_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for compression in [
        mizzen_image::Compression::Gzip,
        mizzen_image::Compression::ZSTD,
    ] {
        let builder: LayerBuilder = [Entry::bytes("app/x", &b"x"[..])].into_iter().collect();
        let layer = builder
            .compressed_by(compression)
            .write(&store, &Cancel::default())
            .unwrap();
        assert_eq!(seen(&image(vec![layer])), ["app/x 0"]);
    }
}

const PASSWD: &str =
    "root:x:0:0::/:\nnobody:x:65534:65534::/:\napp:x:1654:1654::/home/app:/bin/false\n";

#[test]
fn users_by_name_become_numbers_of_the_topmost_accounts() {
    let accounts = layer(&[
        ("etc/passwd", FILE, PASSWD),
        ("etc/group", FILE, "web:x:33:\n"),
    ]);
    let base = image(vec![accounts]);
    let resolve =
        |user: &str, image: &Image| NumericUser::resolve(user, image).map(|user| user.to_string());
    assert_eq!(resolve("app", &base).unwrap(), "1654");
    assert_eq!(resolve("app:web", &base).unwrap(), "1654:33");
    assert_eq!(resolve("7:8", &image(vec![])).unwrap(), "7:8");
    assert!(NumericUser::resolve("root", &base).unwrap().is_root());
    let error = resolve("ap", &base).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the image has no user `ap` in `/etc/passwd`"
    );
    let above = layer(&[("etc/passwd", FILE, "app:x:2000:2000::/:\n")]);
    let changed = base.clone().append(Addendum {
        layer: above,
        history: History::default(),
    });
    assert_eq!(resolve("app", &changed).unwrap(), "2000");
    assert!(resolve("nobody", &changed).is_err());
    let removed = layer(&[("etc/.wh.passwd", FILE, "")]);
    let removed = base.append(Addendum {
        layer: removed,
        history: History::default(),
    });
    assert!(resolve("app", &removed).is_err());
}

#[test]
fn a_diff_believes_no_config_that_claims_the_layers_of_another_image() {
    let mut forged = layer(&[("a", FILE, "other")]);
    let old = image(vec![layer(&[("a", FILE, "1")])]);
    forged.diff_id = old.layers()[0].diff_id;
    let new = image(vec![forged]);
    assert_eq!(old.config().diff_ids(), new.config().diff_ids());
    let diff = ImageDiff::of(&old, &new).unwrap();
    assert_eq!(diff.files.len(), 1, "{diff:?}");
    assert_eq!(diff.files[0].what, ["content"]);
}

#[test]
fn the_sizes_that_a_document_can_name_add_up() {
    // As large as is taken, and more of them than a document has room for.
    let most = 1_u64 << 47;
    let mut huge = layer(&[("a", FILE, "1")]);
    huge.descriptor.size_bytes = most;
    let named = |size: u64| {
        let mut descriptor = json!(huge.descriptor);
        descriptor["size"] = json!(size);
        serde_json::from_value::<Descriptor>(descriptor)
    };
    assert!(named(most).is_ok() && named(most + 1).is_err() && named(u64::MAX).is_err());
    let of_one = Inspection::of(&image(vec![huge.clone()])).size_bytes;
    assert!(of_one > most);
    // A hundred thousand values, of which a descriptor takes seven.
    assert!(of_one.checked_mul(100_000 / 7).is_some());
    let few = image(vec![huge; 100]);
    assert!(Inspection::of(&few).size_bytes > 100 * most);
    let diff = ImageDiff::of(&image(Vec::new()), &few);
    assert_eq!(diff.unwrap().added_layer_bytes, 100 * most);
}

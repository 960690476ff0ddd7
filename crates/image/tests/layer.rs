//! The bytes of layers, and what changes them.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_image::{Compression, Entry, Layer, LayerBuilder, LayerError};
use mizzen_oci::MediaType;
use mizzen_store::{Cancel, Store};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn write(folder: &Path, entries: Vec<Entry>) -> Result<Layer, LayerError> {
    let store = Store::open(&folder.join("cache")).unwrap();
    let builder: LayerBuilder = entries.into_iter().collect();
    builder.write(&store, &Cancel::default())
}

fn sample() -> Vec<Entry> {
    vec![
        Entry::bytes("app/Shop.Api.dll", &b"code"[..]),
        Entry::bytes("app-b", &b""[..]),
        Entry::bytes("app/Shop.Api", &b"#!"[..]).with_mode(0o755),
        Entry::directory("app/data").owned_by(1654, 1654),
        Entry::symlink("app/current", "data"),
    ]
}

/// Each line: mode, owner, time, size, type, path and link target.
fn listing(layer: &Layer) -> Vec<String> {
    let mut bytes = Vec::new();
    let blob = layer.blob.open().unwrap();
    flate2::read::MultiGzDecoder::new(blob)
        .read_to_end(&mut bytes)
        .unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let link = entry.link_name().unwrap().unwrap_or_default();
        format!(
            "{:04o} {}:{} {} {} {}{}",
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
            entry.size(),
            String::from_utf8_lossy(&entry.path_bytes()),
            if link.as_os_str().is_empty() {
                String::new()
            } else {
                format!(" -> {}", link.display())
            },
        )
    });
    entries.collect()
}

/// A change of these digests changes every image: it needs a new [`LayerBuilder::FORMAT`].
#[test]
fn the_bytes_of_a_layer_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let layer = write(folder.path(), sample()).unwrap();
    assert_eq!(
        listing(&layer),
        [
            "0644 0:0 639794452 0 app-b",
            "0755 0:0 322618020 2 app/Shop.Api",
            "0644 0:0 531833546 4 app/Shop.Api.dll",
            "0777 0:0 315532800 0 app/current -> data",
            "0755 1654:1654 315532800 0 app/data/",
        ]
    );
    assert_eq!(
        layer.diff_id.to_string(),
        "sha256:49bade4dbd941ed39a760f6db07f1d6c1287de81144879eda9320e6bfba5eea5"
    );
    assert_eq!(
        layer.descriptor.digest.to_string(),
        "sha256:0a0c95fba4884d3c820769999020c45842ed94e9a85c1b27bd4bd5fd7e485502"
    );
}

#[test]
fn the_bytes_of_a_zstd_layer_are_pinned_and_the_tar_inside_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    let builder: LayerBuilder = sample().into_iter().collect();
    let builder = builder.compressed_by(Compression::ZSTD);
    let layer = builder.write(&store, &Cancel::default()).unwrap();
    assert_eq!(
        layer.diff_id,
        write(folder.path(), sample()).unwrap().diff_id
    );
    assert_eq!(layer.descriptor.media_type, MediaType::ImageLayerZstd);
    assert_eq!(
        layer.descriptor.digest.to_string(),
        "sha256:79ef86d2a66108575d06ea9befdaaf43a242fdf57f160568f702e4d4780127e0"
    );
}

#[test]
fn order_source_and_file_times_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::write(&source, b"code").unwrap();
    let mut entries = sample();
    entries[0] = Entry::file("app/Shop.Api.dll", source);
    entries.reverse();
    let one = write(folder.path(), entries).unwrap();
    let other = write(folder.path(), sample()).unwrap();
    assert_eq!(one.descriptor, other.descriptor);
}

#[test]
fn a_file_that_does_not_fit_into_memory_is_the_same_layer() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("large");
    let bytes: Vec<u8> = (0..9_000_001u32)
        .map(|number| (number % 251) as u8)
        .collect();
    fs::write(&source, &bytes).unwrap();
    let one = write(folder.path(), vec![Entry::file("app/large", source)]).unwrap();
    let other = write(folder.path(), vec![Entry::bytes("app/large", bytes)]).unwrap();
    assert_eq!(one.descriptor, other.descriptor);
    assert_eq!(one.diff_id, other.diff_id);
}

/// One member of each effort that [`LayerBuilder`] puts into them: what is compressed already, what is
/// full of zeros, and text; made by arithmetic, so that nothing but the compressor can change them.
#[test]
fn the_bytes_of_members_of_every_effort_are_pinned() {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    let random: Vec<u8> = (0..1_500_000).map(|_| next()).collect();
    let zeros: Vec<u8> = random.iter().flat_map(|byte| [*byte, 0, 0]).collect();
    let text: Vec<u8> = random.iter().map(|byte| b'a' + byte % 16).collect();
    let folder = tempfile::tempdir().unwrap();
    let entries = vec![
        Entry::bytes("app/random", random.clone()),
        Entry::bytes("app/text", text),
        Entry::bytes("app/zeros", zeros),
    ];
    let layer = write(folder.path(), entries).unwrap();
    assert_eq!(
        layer.descriptor.digest.to_string(),
        "sha256:42ffbcee8fe2b4bc70bd5f07e63e7e5bc47bb4f62a8a01eb9e03b0abc219ade3"
    );
    let alone = write(folder.path(), vec![Entry::bytes("app/random", random)]).unwrap();
    // Stored: five bytes for each 64 KiB at most, and the members' own.
    assert!(alone.descriptor.size_bytes < 1_502_000);
}

/// Files that have members of their own, one that has several and some that share one.
fn many(edit: usize) -> Vec<Entry> {
    let file = |number: usize| {
        let count = [100, 300_000, 3_000_000][number % 3];
        let salt = if number == edit { 7 } else { number };
        let bytes: Vec<u8> = (0..count).map(|at| (at * salt).to_le_bytes()[1]).collect();
        Entry::bytes(format!("app/{number}"), bytes)
    };
    (0..9).map(file).collect()
}

#[test]
fn a_layer_that_takes_over_from_an_earlier_one_has_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    let cancel = Cancel::default();
    for compression in [Compression::Gzip, Compression::ZSTD] {
        let write = |edit, name: Option<&str>| {
            let mut builder: LayerBuilder = many(edit).into_iter().collect();
            builder = builder.compressed_by(compression);
            if let Some(name) = name {
                builder = builder.remembered_as(name);
            }
            builder.write(&store, &cancel).unwrap()
        };
        for edit in [0, 1, 2, 2, 8] {
            let taken_over = write(edit, Some("packages"));
            let alone = write(edit, None);
            assert_eq!(taken_over.descriptor, alone.descriptor);
            assert_eq!(taken_over.diff_id, alone.diff_id);
        }
    }
}

/// Counted by damage: what is taken over is not compressed, so a sound layer of wrong members
/// would show; the earlier layer is read whole before.
#[test]
fn nothing_is_taken_over_from_a_layer_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    let write = |edit| {
        let builder: LayerBuilder = many(edit).into_iter().collect();
        let builder = builder.remembered_as("packages");
        builder.write(&store, &Cancel::default()).unwrap()
    };
    let earlier = write(0);
    let path = earlier.blob.path().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
    let builder: LayerBuilder = many(1).into_iter().collect();
    let other = Store::open(&folder.path().join("other")).unwrap();
    let sound = builder.write(&other, &Cancel::default()).unwrap();
    assert_eq!(write(1).descriptor, sound.descriptor);
}

#[test]
fn what_no_layer_can_hold_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |paths: &[&str]| {
        let entries = paths.iter().map(|path| Entry::bytes(*path, &b""[..]));
        write(folder.path(), entries.collect()).unwrap_err()
    };
    for path in [
        "", "/app", "app/", "app//x", "./x", "a/../x", "a/.wh.x", "a\0",
    ] {
        let error = refused(&[path]);
        assert!(matches!(error, LayerError::Path { .. }), "{path}: {error}");
    }
    let error = refused(&["b", "a", "b"]);
    assert!(matches!(error, LayerError::DuplicatePath { path } if path == "b"));
    let error = refused(&["a/b/c", "a-", "a"]);
    assert!(matches!(error, LayerError::NotADirectory { parent, .. } if parent == "a"));
    let missing = vec![Entry::file("app/x", folder.path().join("none"))];
    let error = write(folder.path(), missing).unwrap_err();
    assert!(matches!(error, LayerError::Read { path, .. } if path == "app/x"));
}

#[test]
fn a_cancelled_layer_leaves_no_blob() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let cancel = Cancel::default();
    cancel.cancel();
    let builder: LayerBuilder = sample().into_iter().collect();
    let error = builder.write(&store, &cancel).unwrap_err();
    assert!(matches!(error, LayerError::Cancelled(_)));
    let blobs = fs::read_dir(folder.path().join("blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 0);
}

//! Images in one tar file: written, read back, and refused where they are hostile.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_image::{
    Addendum, Archive, ArchiveError, Entry, Image, LayerBuilder, Sink, Source, Taggable, validate,
};
use mizzen_oci::{Digest, History, Index, MediaType, Platform};
use mizzen_store::{Cancel, Store};
use std::path::{Path, PathBuf};
use tar::EntryType;

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

fn image(folder: &Path, for_platform: &str) -> Image {
    let store = Store::open(&folder.join("cache")).unwrap();
    let entries = [Entry::bytes("app/x", for_platform.as_bytes())];
    let builder: LayerBuilder = entries.into_iter().collect();
    Image::scratch(&platform(for_platform)).append(Addendum {
        layer: builder.write(&store, &Cancel::default()).unwrap(),
        history: History::default(),
    })
}

fn taggable(image: &Image) -> Taggable {
    Taggable::Image(Box::new(image.clone()))
}

fn names() -> Vec<String> {
    vec!["acme/shop:1.4".to_owned()]
}

#[test]
fn what_was_written_is_read_back_and_sound() {
    let folder = tempfile::tempdir().unwrap();
    let made = image(folder.path(), "linux/amd64");
    let file = folder.path().join("image.tar");
    for archive in [
        Archive::oci(&file, Some("1.4")),
        Archive::docker(&file, &names()),
    ] {
        archive.write(&taggable(&made)).unwrap();
        let read = archive.image(&platform("linux/amd64")).unwrap();
        assert_eq!(read.manifest(), made.manifest());
        assert_eq!(validate(&read, None), Ok(()));
    }
}

#[test]
fn the_same_image_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let made = image(folder.path(), "linux/amd64");
    let digests = ["one.tar", "two.tar"].map(|name| {
        let file = folder.path().join(name);
        Archive::docker(&file, &names())
            .write(&taggable(&made))
            .unwrap();
        Digest::of(&fs::read(file).unwrap())
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn an_index_goes_into_an_oci_archive_and_not_into_one_for_docker() {
    let folder = tempfile::tempdir().unwrap();
    let images = ["linux/amd64", "linux/arm64"].map(|name| image(folder.path(), name));
    let entries = images.iter().map(|image| {
        let mut descriptor = image.manifest().descriptor().clone();
        descriptor.platform = Some(image.config().platform());
        descriptor
    });
    let index = Index::new(MediaType::ImageIndex, entries.collect(), &[].into());
    let what = Taggable::Index(Box::new(index), images.to_vec());
    let archive = Archive::oci(folder.path().join("image.tar"), None);
    archive.write(&what).unwrap();
    assert_eq!(archive.read().unwrap().images().len(), 2);
    let arm = archive.image(&platform("linux/arm64")).unwrap();
    assert_eq!(arm.manifest(), images[1].manifest());
    let file = folder.path().join("docker.tar");
    let error = Archive::docker(&file, &names()).write(&what).unwrap_err();
    assert!(
        error.to_string().contains("holds one image, got 2"),
        "{error}"
    );
    assert!(!file.exists());
}

#[test]
fn a_file_that_cannot_be_completed_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let made = image(folder.path(), "linux/amd64");
    let archive = Archive::oci(folder.path().join("image.tar"), None);
    fs::write(archive.file(), b"old").unwrap();
    let blobs = folder.path().join("cache/blobs/sha256");
    fs::remove_file(blobs.join(made.layers()[0].descriptor.digest.hex())).unwrap();
    archive.write(&taggable(&made)).unwrap_err();
    assert_eq!(fs::read(archive.file()).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A tar of these entries: path, type, link target, content.
fn tar_of(folder: &Path, entries: &[(&str, EntryType, &str, &[u8])]) -> PathBuf {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, link, content) in entries {
        let mut header = tar::Header::new_ustar();
        let ustar = header.as_ustar_mut().unwrap();
        ustar.name[..path.len()].copy_from_slice(path.as_bytes());
        ustar.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    let file = folder.join("made.tar");
    fs::write(&file, tar.into_inner().unwrap()).unwrap();
    file
}

const FILE: EntryType = EntryType::Regular;

/// What `docker save` wrote before it wrote OCI layouts: a layer that is there already is a link.
#[test]
fn an_archive_without_layout_is_read_by_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let layer = {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        tar.append_data(&mut header, "etc/x", &b"x"[..]).unwrap();
        tar.into_inner().unwrap()
    };
    let diff_id = Digest::of(&layer);
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{diff_id}","{diff_id}"]}}}}"#
    );
    let manifest = br#"[{"Config":"c.json","RepoTags":["acme/shop:1.4"],"Layers":["a/layer.tar","b/layer.tar"]}]"#;
    let file = tar_of(
        folder.path(),
        &[
            ("a/", EntryType::Directory, "", b""),
            ("a/layer.tar", FILE, "", &layer),
            ("b/layer.tar", EntryType::Symlink, "../a/layer.tar", b""),
            ("c.json", FILE, "", config.as_bytes()),
            ("manifest.json", FILE, "", manifest),
        ],
    );
    for tag in [None, Some("1.4"), Some("acme/shop:1.4")] {
        let archive = Archive::oci(&file, tag);
        let image = archive.image(&platform("linux/amd64")).unwrap();
        assert_eq!(&image.config_bytes()[..], config.as_bytes());
        assert_eq!(validate(&image, None), Ok(()));
    }
    let error = Archive::oci(&file, Some("2.0")).read().unwrap_err();
    assert!(
        error.to_string().contains("only `acme/shop:1.4`"),
        "{error}"
    );
}

#[test]
fn hostile_archives_are_refused_by_the_name_of_the_entry() {
    let folder = tempfile::tempdir().unwrap();
    let hostile: [(&str, EntryType, &str); 9] = [
        ("../x", FILE, ""),
        ("a/../../x", FILE, ""),
        ("/etc/passwd", FILE, ""),
        ("dev/sda", EntryType::Block, ""),
        ("dev/tty", EntryType::Char, ""),
        ("pipe", EntryType::Fifo, ""),
        ("link", EntryType::Symlink, "../x"),
        ("link", EntryType::Link, "/etc/passwd"),
        ("link", EntryType::Symlink, "/etc/passwd"),
    ];
    for (path, kind, link) in hostile {
        let file = tar_of(
            folder.path(),
            &[("index.json", FILE, "", b"{}"), (path, kind, link, b"")],
        );
        let error = Archive::oci(file, None).read().unwrap_err();
        assert!(
            matches!(&error, ArchiveError::Entry { entry, .. } if entry == path),
            "{path}: {error}"
        );
    }
    let twice = [
        ("index.json", FILE, "", &b"{}"[..]),
        ("./index.json", FILE, "", b"[]"),
    ];
    let error = Archive::oci(tar_of(folder.path(), &twice), None)
        .read()
        .unwrap_err();
    assert!(error.to_string().contains("appears twice"), "{error}");
}

#[test]
fn what_is_no_archive_of_an_image_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| {
        let file = folder.path().join("x.tar");
        fs::write(&file, bytes).unwrap();
        Archive::oci(file, None).read().unwrap_err()
    };
    assert!(matches!(
        read(b"\x1f\x8b\x08"),
        ArchiveError::Compressed { .. }
    ));
    assert!(matches!(
        read(b"\x28\xb5\x2f\xfd"),
        ArchiveError::Compressed { .. }
    ));
    assert!(matches!(
        read(&b"no tar ".repeat(100)),
        ArchiveError::Malformed { .. }
    ));
    assert!(matches!(read(b""), ArchiveError::NoImage { .. }));
    let looped = [
        ("index.json", EntryType::Symlink, "b", &b""[..]),
        ("b", EntryType::Symlink, "index.json", b""),
    ];
    let error = Archive::oci(tar_of(folder.path(), &looped), None).read();
    assert!(matches!(error.unwrap_err(), ArchiveError::NoImage { .. }));
    let names_nothing = [(
        "manifest.json",
        FILE,
        "",
        &br#"[{"Config":"c.json","Layers":[]}]"#[..],
    )];
    let error = Archive::oci(tar_of(folder.path(), &names_nothing), None).read();
    assert!(matches!(error.unwrap_err(), ArchiveError::Missing { entry, .. } if entry == "c.json"));
    let whole = fs::read(tar_of(
        folder.path(),
        &[("index.json", FILE, "", &[b' '; 2000])],
    ))
    .unwrap();
    let error = read(&whole[..1000]);
    assert!(error.to_string().contains("is cut off"), "{error}");
}

/// A size that no file has must not be asked of memory.
#[test]
fn a_size_beyond_the_archive_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = tar_of(folder.path(), &[("index.json", FILE, "", b"{}")]);
    let mut bytes = fs::read(&file).unwrap();
    let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
    header.set_size(1 << 62);
    header.set_cksum();
    bytes[..512].copy_from_slice(header.as_bytes());
    fs::write(&file, bytes).unwrap();
    let error = Archive::oci(file, None).read().unwrap_err();
    assert!(error.to_string().contains("is cut off"), "{error}");
}

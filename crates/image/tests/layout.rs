//! Layouts: many writers, names, artifacts, and what is refused.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_image::{
    Addendum, Artifact, Entry, Image, LayerBuilder, Layout, LayoutError, Sink, Source, Taggable,
};
use mizzen_oci::{Digest, History, Index, MediaType, Platform};
use mizzen_store::{Cancel, Store};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

fn image(cache: &Path, for_platform: &str, content: &str) -> Image {
    let store = Store::open(cache).unwrap();
    let entries = [Entry::bytes("app/x", content.as_bytes())];
    let builder: LayerBuilder = entries.into_iter().collect();
    Image::scratch(&platform(for_platform)).append(Addendum {
        layer: builder.write(&store, &Cancel::default()).unwrap(),
        history: History::default(),
    })
}

fn taggable(image: &Image) -> Taggable {
    Taggable::Image(Box::new(image.clone()))
}

#[test]
fn what_was_written_is_read_back_with_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let made = image(&folder.path().join("cache"), "linux/amd64", "one");
    let layout = Layout::new(folder.path().join("layout"), Some("1.4"));
    layout.write(&taggable(&made)).unwrap();
    let read = layout.image(&platform("linux/amd64")).unwrap();
    assert_eq!(read.manifest(), made.manifest());
    assert_eq!(read.config_bytes(), made.config_bytes());
    let mut bytes = [Vec::new(), Vec::new()];
    for (image, bytes) in [&read, &made].into_iter().zip(&mut bytes) {
        image.layers()[0]
            .blob
            .open()
            .unwrap()
            .read_to_end(bytes)
            .unwrap();
    }
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn an_index_is_read_by_platform() {
    let folder = tempfile::tempdir().unwrap();
    let images =
        ["linux/amd64", "linux/arm64"].map(|name| image(&folder.path().join("cache"), name, name));
    let entries = images.iter().map(|image| {
        let mut descriptor = image.manifest().descriptor().clone();
        descriptor.platform = Some(image.config().platform());
        descriptor
    });
    let index = Index::new(MediaType::ImageIndex, entries.collect(), &[].into());
    let layout = Layout::new(folder.path().join("layout"), None);
    let what = Taggable::Index(Box::new(index.clone()), images.to_vec());
    assert_eq!(
        layout.write(&what).unwrap().digest,
        index.descriptor().digest
    );
    let arm = layout.image(&platform("linux/arm64")).unwrap();
    assert_eq!(arm.manifest(), images[1].manifest());
    let error = layout.image(&platform("linux/s390x")).unwrap_err();
    assert!(
        error.to_string().contains("linux/amd64, linux/arm64"),
        "{error}"
    );
    let Taggable::Index(read, images) = layout.read().unwrap() else {
        panic!("an index was written");
    };
    assert_eq!((*read, images.len()), (index, 2));
}

#[test]
fn many_writers_at_once_lose_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let layout = |tag: Option<&str>| Layout::new(folder.path().join("layout"), tag);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (layout, cache) = (&layout, folder.path().join("cache"));
            scope.spawn(move || {
                let text = number.to_string();
                let image = image(&cache, "linux/amd64", &text);
                layout(Some(&text)).write(&taggable(&image)).unwrap();
            });
        }
    });
    for number in 0..16 {
        let layout = layout(Some(&number.to_string()));
        layout.image(&platform("linux/amd64")).unwrap();
    }
}

#[test]
fn a_name_points_at_the_last_image_written_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let layout = |tag: Option<&str>| Layout::new(folder.path().join("layout"), tag);
    let [one, two] =
        ["one", "two"].map(|text| image(&folder.path().join("cache"), "linux/amd64", text));
    for tag in [None, Some("1.4")] {
        layout(tag).write(&taggable(&one)).unwrap();
        layout(tag).write(&taggable(&two)).unwrap();
    }
    for tag in [None, Some("1.4")] {
        let read = layout(tag).image(&platform("linux/amd64")).unwrap();
        assert_eq!(read.manifest(), two.manifest());
    }
    let error = layout(Some("1.5")).read().unwrap_err();
    assert!(matches!(error, LayoutError::NoTag { tags, .. } if tags == ["1.4"]));
}

#[test]
fn blobs_are_copies_and_an_incomplete_image_gets_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let image = image(&cache, "linux/amd64", "one");
    let layout = Layout::new(folder.path().join("layout"), None);
    let blobs = |root: &Path| root.join("blobs/sha256");
    let name = image.layers()[0].descriptor.digest.hex();
    let cached = blobs(&cache).join(&name);
    fs::rename(&cached, folder.path().join("away")).unwrap();
    layout.write(&taggable(&image)).unwrap_err();
    assert!(!folder.path().join("layout/index.json").exists());
    fs::rename(folder.path().join("away"), &cached).unwrap();
    layout.write(&taggable(&image)).unwrap();
    let written = blobs(layout.folder()).join(name);
    assert_eq!(fs::metadata(written).unwrap().nlink(), 1);
}

#[test]
fn a_folder_that_is_no_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let read = || Layout::new(folder.path(), None).read().unwrap_err();
    assert!(matches!(read(), LayoutError::NotALayout { .. }));
    fs::write(folder.path().join("oci-layout"), b"{}").unwrap();
    assert!(matches!(read(), LayoutError::NotALayout { .. }));
}

#[test]
fn a_damaged_blob_is_replaced_and_a_sound_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let made = image(&folder.path().join("cache"), "linux/amd64", "one");
    let store = Arc::new(Store::open(&folder.path().join("cache")).unwrap());
    let layer = &made.layers()[0].descriptor;
    for remembers in [false, true] {
        let name = format!("layout-{remembers}");
        let mut layout = Layout::new(folder.path().join(name), None);
        if remembers {
            layout = layout.remembered_in(store.clone());
        }
        let blob = layout
            .folder()
            .join("blobs/sha256")
            .join(layer.digest.hex());
        let write = || {
            layout.write(&taggable(&made)).unwrap();
            fs::metadata(&blob).unwrap().ino()
        };
        let first = write();
        assert_eq!([write(), write()], [first, first]);
        let mut bytes = fs::read(&blob).unwrap();
        bytes[20] ^= 1;
        fs::write(&blob, bytes).unwrap();
        write();
        assert_eq!(Digest::of(&fs::read(&blob).unwrap()), layer.digest);
    }
}

const NOTES: &str = "application/vnd.example.notes";

#[test]
fn an_artifact_is_listed_once_beside_the_image_and_never_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path().join("layout"), None);
    let entries = || {
        let index = fs::read(layout.folder().join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
        index["manifests"].as_array().unwrap().len()
    };
    let mut last = None;
    for text in ["one", "two"] {
        let image = image(&folder.path().join("cache"), "linux/amd64", text);
        let subject = image.manifest().descriptor();
        let artifact = Artifact::new(NOTES, subject, Vec::new(), &[].into());
        layout.write(&taggable(&image)).unwrap();
        layout.attach(&artifact).unwrap();
        layout.attach(&artifact).unwrap();
        last = Some(image);
    }
    // The second image took the first one's place; what refers to the first stays.
    assert_eq!(entries(), 3);
    let of_last = last.as_ref().unwrap().manifest().descriptor().digest;
    let found = layout.artifacts(&of_last, &[NOTES]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].subject(), &of_last);
    assert_eq!(
        layout.artifacts(&of_last, &["text/plain"]).unwrap().len(),
        0
    );
    let read = layout.image(&platform("linux/amd64")).unwrap();
    assert_eq!(read.manifest(), last.unwrap().manifest());
}

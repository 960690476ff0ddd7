//! What is made here gets along with the tools that users have.

use fs_err as fs;
use mizzen_image::{Addendum, Entry, Image, LayerBuilder, Layout, Sink, Taggable, validate};
use mizzen_oci::{History, Platform};
use mizzen_store::{Cancel, Store};
use mizzen_testkit::{skopeo_copy, skopeo_inspect, umoci_unpack};
use std::os::unix::fs::PermissionsExt;

#[test]
fn skopeo_copies_and_umoci_unpacks_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    let mut builder = LayerBuilder::default();
    builder.add(Entry::bytes("app/run", &b"#!"[..]).with_mode(0o755));
    builder.add(Entry::symlink("app/current", "run"));
    let addendum = Addendum {
        layer: builder.write(&store, &Cancel::default()).unwrap(),
        history: History::default(),
    };
    let platform: Platform = "linux/amd64".parse().unwrap();
    let image = Image::scratch(&platform).append(addendum);
    validate(&image, Some(&platform)).unwrap();
    let layer = image.layers()[0].descriptor.digest.to_string();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    Layout::new(&ours, Some("demo"))
        .write(&Taggable::Image(Box::new(image)))
        .unwrap();

    let copy = format!("oci:{}:copy", theirs.display());
    skopeo_copy(&format!("oci:{}:demo", ours.display()), &copy);
    let bundle = folder.path().join("bundle");
    umoci_unpack(&theirs, "copy", &bundle);

    assert_eq!(skopeo_inspect(&copy)["Layers"][0], layer);
    let run = bundle.join("rootfs/app/run");
    assert_eq!(fs::read(&run).unwrap(), b"#!");
    assert_eq!(
        fs::metadata(&run).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(
        fs::read_link(bundle.join("rootfs/app/current"))
            .unwrap()
            .as_os_str(),
        "run"
    );
}

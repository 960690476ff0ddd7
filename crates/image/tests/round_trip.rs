//! Any tree becomes a layer and comes back; any document keeps its bytes.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use mizzen_image::{Addendum, Entry, Image, LayerBuilder, Layout, Sink, Taggable, validate};
use mizzen_oci::{History, ImageConfig, Manifest, Platform};
use mizzen_store::{BytesBlob, Cancel, Store};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// What an entry is, but for its path.
#[derive(Clone, PartialEq, Debug)]
enum Node {
    File { content: Vec<u8>, mode: u32 },
    Directory { owner: u32 },
    Link { target: Vec<u8> },
}

type Tree = BTreeMap<Vec<u8>, Node>;

// The reader here, the crate `tar`, ends PAX records at line feeds, whatever their length says.
fn readable(bytes: Vec<u8>) -> Vec<u8> {
    let clean = |byte| if byte == b'\n' { b'_' } else { byte };
    bytes.into_iter().map(clean).collect()
}

fn node() -> impl Strategy<Value = Node> {
    let content = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000),
        1 => (any::<u8>(), 60_000..1_200_000usize).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop_oneof![
        4 => (content, 0..0o1_0000u32).prop_map(|(content, mode)| Node::File { content, mode }),
        1 => (0..5_000_000u32).prop_map(|owner| Node::Directory { owner }),
        1 => prop::collection::vec(1..=255u8, 1..200).prop_map(|target| Node::Link { target: readable(target) }),
    ]
}

/// A name of any bytes that a file system takes, up to its limit.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![
        3 => prop::collection::vec(b'a'..=b'e', 1..4),
        1 => prop::collection::vec(1..=255u8, 1..20),
        1 => (1..=255u8, 90..255usize).prop_map(|(byte, count)| vec![byte; count]),
        1 => Just("größe 漢字".as_bytes().to_vec()),
    ];
    bytes.prop_map(|bytes| {
        let clean = |byte| if byte == b'/' { b'_' } else { byte };
        let clean: Vec<u8> = readable(bytes).into_iter().map(clean).collect();
        // `.` and `..` are not names, `.wh.` is refused.
        if clean.starts_with(b".") {
            [b"x", &clean[..]].concat()
        } else {
            clean
        }
    })
}

/// Paths below files are left out: they are refused.
fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(name(), 1..4).prop_map(|names| names.join(&b'/'));
    prop::collection::btree_map(path, node(), 0..12).prop_map(|tree| {
        let is_directory = |path: &[u8]| {
            tree.get(path)
                .is_none_or(|node| matches!(node, Node::Directory { .. }))
        };
        let is_free = |path: &[u8]| {
            let slashes = (0..path.len()).filter(|&place| path[place] == b'/');
            slashes.map(|place| &path[..place]).all(is_directory)
        };
        let free: Vec<_> = tree.iter().filter(|(path, _)| is_free(path)).collect();
        free.into_iter()
            .map(|(path, node)| (path.clone(), node.clone()))
            .collect()
    })
}

fn entries(tree: &Tree) -> Vec<Entry> {
    let entry = |(path, node): (&Vec<u8>, &Node)| match node {
        Node::File { content, mode } => {
            Entry::bytes(path.clone(), content.clone()).with_mode(*mode)
        }
        Node::Directory { owner } => Entry::directory(path.clone()).owned_by(*owner, *owner),
        Node::Link { target } => Entry::symlink(path.clone(), target.clone()),
    };
    tree.iter().map(entry).collect()
}

/// Reads a tar with the crate that wrote no header of it.
fn unpacked(tar: &[u8]) -> Tree {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut path = entry.path_bytes().into_owned();
        let node = match entry.header().entry_type() {
            tar::EntryType::Directory => {
                assert_eq!(path.pop(), Some(b'/'));
                let owner = u32::try_from(
                    pax(&mut entry, "uid").unwrap_or_else(|| entry.header().uid().unwrap()),
                );
                Node::Directory {
                    owner: owner.unwrap(),
                }
            }
            tar::EntryType::Symlink => Node::Link {
                target: entry.link_name_bytes().unwrap().into_owned(),
            },
            _ => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                Node::File {
                    content,
                    mode: entry.header().mode().unwrap(),
                }
            }
        };
        (path, node)
    });
    entries.collect()
}

fn pax(entry: &mut tar::Entry<'_, &[u8]>, keyword: &str) -> Option<u64> {
    let records = entry.pax_extensions().unwrap()?;
    let found = records
        .map(Result::unwrap)
        .find(|record| record.key() == Ok(keyword));
    found.map(|record| record.value().unwrap().parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_tree_becomes_a_layer_and_comes_back(tree in tree(), swap in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut entries = entries(&tree);
        if swap {
            entries.reverse();
        }
        let layer = entries.into_iter().collect::<LayerBuilder>().write(&store, &Cancel::default()).unwrap();
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(layer.blob.open().unwrap()).read_to_end(&mut tar).unwrap();
        prop_assert_eq!(unpacked(&tar), tree);
        let image = Image::scratch(&"linux/amd64".parse::<Platform>().unwrap())
            .append(Addendum { layer, history: History::default() });
        prop_assert_eq!(validate(&image, None), Ok(()));
    }
}

/// JSON of any shape, numbers that a float cannot hold included.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(".{0,8}", inner, 0..4).prop_map(|members| members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// A config of another tool, with members that no type here knows and white space of its own,
    /// is written as it was read; and an edit keeps every member.
    #[test]
    fn any_config_survives_a_round_trip_byte_for_byte(
        extra in prop::collection::btree_map("[A-Za-z.]{3,10}x", json(), 0..5),
        run in prop::collection::btree_map("[A-Za-z.]{3,10}x", json(), 0..5),
    ) {
        let mut config: serde_json::Map<_, _> = extra.clone().into_iter().collect();
        config.insert("os".into(), "linux".into());
        config.insert("architecture".into(), "amd64".into());
        config.insert("config".into(), run.clone().into_iter().collect::<serde_json::Map<_, _>>().into());
        config.insert("rootfs".into(), serde_json::json!({ "type": "layers", "diff_ids": [] }));
        let bytes = serde_json::to_vec_pretty(&config).unwrap();
        let descriptor = |media_type: &str, bytes: &[u8]| serde_json::json!({
            "mediaType": media_type, "digest": mizzen_oci::Digest::of(bytes), "size": bytes.len(),
        });
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &bytes),
            "layers": [],
        });
        let manifest = Manifest::parse(serde_json::to_vec_pretty(&manifest).unwrap(), None).unwrap();
        let image = Image::from_parts(manifest.clone(), &bytes, |_| Arc::new(BytesBlob([][..].into()))).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), None);
        layout.write(&Taggable::Image(Box::new(image.clone()))).unwrap();
        let Taggable::Image(read) = layout.read().unwrap() else { unreachable!("one image was written") };
        prop_assert_eq!(&read.config_bytes()[..], &bytes[..]);
        prop_assert_eq!(read.manifest().bytes(), manifest.bytes());

        let edited = image.with_config(|config| config.run_set("User", "1654".into()));
        let config = ImageConfig::parse(edited.config_bytes()).unwrap();
        for (name, value) in &extra {
            prop_assert_eq!(config.get(name), Some(value));
        }
        for (name, value) in run.iter().filter(|(_, value)| !value.is_null()) {
            prop_assert_eq!(config.run_get(name), Some(value));
        }
    }
}

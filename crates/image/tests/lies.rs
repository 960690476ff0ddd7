//! Every place where a layout or an archive names a digest or a size, and what a wrong one does there.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use fs_err as fs;
use mizzen_image::{
    Addendum, Archive, Entry, Image, LayerBuilder, Layout, Sink, SinkError, Taggable,
};
use mizzen_oci::{Descriptor, Digest, History, Index, Manifest, MediaType, canonical_json};
use mizzen_store::{Cancel, Store};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use tar::EntryType;

/// The files of a layout or an archive, and the image in it.
struct Scene {
    files: BTreeMap<String, Vec<u8>>,
    image: Image,
}

type Place = (&'static str, fn(&mut Scene));
type Outcome = Result<(), Box<dyn Error>>;

fn path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn layer_bytes(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut layer = image.layers()[0].blob.open().unwrap();
    std::io::Read::read_to_end(&mut layer, &mut bytes).unwrap();
    bytes
}

impl Scene {
    fn new(cache: &Path) -> Self {
        let store = Store::open(cache).unwrap();
        let builder: LayerBuilder = [Entry::bytes("app/x", b"one".as_slice())]
            .into_iter()
            .collect();
        let image = Image::scratch(&"linux/amd64".parse().unwrap()).append(Addendum {
            layer: builder.write(&store, &Cancel::default()).unwrap(),
            history: History::default(),
        });
        let mut scene = Self {
            files: BTreeMap::new(),
            image: image.clone(),
        };
        let marker = json!({ "imageLayoutVersion": "1.0.0" });
        scene.put("oci-layout", &canonical_json(&marker));
        scene.add(image.config_bytes());
        scene.add(&layer_bytes(&image));
        let manifest = scene.add(image.manifest().bytes());
        scene.name(Descriptor {
            size_bytes: image.manifest().bytes().len() as u64,
            ..Descriptor::new(MediaType::ImageManifest, manifest, 0)
        });
        scene
    }

    fn put(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.to_vec());
    }

    fn add(&mut self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.put(&path(&digest), bytes);
        digest
    }

    /// Makes `index.json` name this alone.
    fn name(&mut self, entry: Descriptor) {
        let index = Index::new(MediaType::ImageIndex, vec![entry], &BTreeMap::new());
        let bytes = index.bytes().to_vec();
        self.put("index.json", &bytes);
    }

    /// Has the image described by another manifest.
    fn describe(&mut self, change: fn(&mut Descriptor, &mut Descriptor)) {
        let mut config = self.image.manifest().config().clone();
        let mut layer = self.image.layers()[0].descriptor.clone();
        change(&mut config, &mut layer);
        let layers = vec![layer];
        let manifest = Manifest::new(MediaType::ImageManifest, config, layers, BTreeMap::new());
        let bytes = manifest.bytes().to_vec();
        self.add(&bytes);
        self.name(manifest.descriptor().clone());
    }

    fn save_for_docker(&mut self, config: &str, layer: &str) {
        self.files.remove("index.json");
        self.files.remove("oci-layout");
        let saved = json!([{ "Config": config, "RepoTags": ["a:1"], "Layers": [layer] }]);
        self.put("manifest.json", &canonical_json(&saved));
    }

    fn write_folder(&self, folder: &Path) {
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    fn write_tar(&self, file: &Path) {
        let mut tar = tar::Builder::new(fs::File::create(file).unwrap());
        for (path, bytes) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, &bytes[..]).unwrap();
        }
        tar.into_inner().unwrap();
    }
}

const LIES: &[Place] = &[
    ("the size of a manifest in index.json", |scene| {
        let mut entry = scene.image.manifest().descriptor().clone();
        entry.size_bytes += 1;
        scene.name(entry);
    }),
    ("the digest of a manifest in index.json", |scene| {
        let other = b"{\"schemaVersion\":2}";
        let path = path(&scene.image.manifest().descriptor().digest);
        scene.put(&path, other);
    }),
    ("the size of a manifest in an index", |scene| {
        let mut entry = scene.image.manifest().descriptor().clone();
        entry.platform = Some(scene.image.config().platform());
        entry.size_bytes -= 1;
        let index = Index::new(MediaType::ImageIndex, vec![entry], &BTreeMap::new());
        let bytes = index.bytes().to_vec();
        scene.add(&bytes);
        scene.name(index.descriptor().clone());
    }),
    ("the size of an index", |scene| {
        let mut entry = scene.image.manifest().descriptor().clone();
        entry.platform = Some(scene.image.config().platform());
        let index = Index::new(MediaType::ImageIndex, vec![entry], &BTreeMap::new());
        let bytes = index.bytes().to_vec();
        scene.add(&bytes);
        let mut named = index.descriptor().clone();
        named.size_bytes += 1;
        scene.name(named);
    }),
    ("the size of a config", |scene| {
        scene.describe(|config, _| config.size_bytes += 1);
    }),
    ("the digest of a config", |scene| {
        let path = path(&scene.image.manifest().config().digest);
        scene.put(&path, b"{}");
    }),
    ("the size of a layer, too large", |scene| {
        scene.describe(|_, layer| layer.size_bytes += 1);
    }),
    ("the size of a layer, too small", |scene| {
        scene.describe(|_, layer| layer.size_bytes -= 1);
    }),
    ("the digest of a layer", |scene| {
        let path = path(&scene.image.layers()[0].descriptor.digest);
        scene.put(&path, b"other bytes");
    }),
];

const DOCKER_LIES: &[Place] = &[
    ("the digest in a config's name", |scene| {
        let layer = path(&scene.image.layers()[0].descriptor.digest);
        let config: Value = serde_json::from_slice(scene.image.config_bytes()).unwrap();
        let mut other = config;
        other["author"] = json!("somebody else");
        let name = path(&scene.image.manifest().config().digest);
        scene.put(&name, &canonical_json(&other));
        scene.save_for_docker(&name, &layer);
    }),
    ("the digest in a config's old name", |scene| {
        let layer = path(&scene.image.layers()[0].descriptor.digest);
        let mut other: Value = serde_json::from_slice(scene.image.config_bytes()).unwrap();
        other["author"] = json!("somebody else");
        let name = format!("{}.json", scene.image.manifest().config().digest.hex());
        scene.put(&name, &canonical_json(&other));
        scene.save_for_docker(&name, &layer);
    }),
    ("the digest in a layer's name", |scene| {
        let config = path(&scene.image.manifest().config().digest);
        let name = path(&Digest::of(b"another layer"));
        let bytes = layer_bytes(&scene.image);
        scene.put(&name, &bytes);
        scene.save_for_docker(&config, &name);
    }),
    ("the diff id of a layer", |scene| {
        let config = path(&scene.image.manifest().config().digest);
        scene.put("layer.tar", b"no tar that anybody named");
        scene.save_for_docker(&config, "layer.tar");
    }),
];

/// Writes what was read to a layout and to an archive; `Ok` if one of them took it.
fn moved(what: &Taggable, folder: &Path) -> Result<(), SinkError> {
    let layout = Layout::new(folder.join("to"), None).write(what);
    let archive = Archive::oci(folder.join("to.tar"), None).write(what);
    layout.or(archive).map(drop)
}

#[test]
fn a_wrong_digest_or_size_is_seen_wherever_a_layout_names_one() {
    let mut believed = Vec::new();
    let honest: Place = ("nothing", |_| ());
    for (place, lie) in LIES.iter().chain([&honest]) {
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Scene::new(&folder.path().join("cache"));
        lie(&mut scene);
        let from = folder.path().join("from");
        scene.write_folder(&from);
        let layout = || -> Outcome { Ok(moved(&Layout::new(&from, None).read()?, folder.path())?) };
        let file = folder.path().join("from.tar");
        scene.write_tar(&file);
        let archive =
            || -> Outcome { Ok(moved(&Archive::oci(&file, None).read()?, folder.path())?) };
        for (kind, outcome) in [("layout", layout()), ("archive", archive())] {
            if outcome.is_ok() != (*place == "nothing") {
                believed.push(format!("{kind}, {place}: {outcome:?}"));
            }
        }
    }
    assert!(believed.is_empty(), "{}", believed.join("\n"));
}

#[test]
fn a_wrong_digest_is_seen_wherever_an_archive_of_dockers_names_one() {
    let mut believed = Vec::new();
    let honest: Place = ("nothing", |scene| {
        let config = path(&scene.image.manifest().config().digest);
        let layer = path(&scene.image.layers()[0].descriptor.digest);
        scene.save_for_docker(&config, &layer);
    });
    for (place, lie) in DOCKER_LIES.iter().chain([&honest]) {
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Scene::new(&folder.path().join("cache"));
        lie(&mut scene);
        let file = folder.path().join("from.tar");
        scene.write_tar(&file);
        let archive = Archive::docker(&file, &[]);
        let outcome = || -> Outcome { Ok(moved(&archive.read()?, folder.path())?) };
        let outcome = outcome();
        if outcome.is_ok() != (*place == "nothing") {
            believed.push(format!("{place}: {outcome:?}"));
        }
    }
    assert!(believed.is_empty(), "{}", believed.join("\n"));
}

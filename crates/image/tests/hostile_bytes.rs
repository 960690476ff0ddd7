//! No bytes make a reader panic or hang: not noise, and not sound files with a few bytes changed.

use fs_err as fs;
use mizzen_image::{Archive, FileTree, Image, Layer, NumericUser, validate, validate_all};
use mizzen_oci::{Descriptor, DiffId, Digest, ImageConfig, Index, Manifest, MediaType};
use mizzen_store::BytesBlob;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Where to change how, in a file of any length.
type Edits = Vec<(prop::sample::Index, u8)>;

fn edits() -> impl Strategy<Value = (Edits, prop::sample::Index)> {
    let edit = (any::<prop::sample::Index>(), any::<u8>());
    (
        prop::collection::vec(edit, 0..6),
        any::<prop::sample::Index>(),
    )
}

fn edited(bytes: &[u8], edits: &Edits, cut: prop::sample::Index) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, byte) in edits {
        let place = place.index(bytes.len());
        bytes[place] = *byte;
    }
    // One in four loses its end.
    if cut.index(4) == 0 {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

fn stored_images() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = files.map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "tar"));
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

fn read_layer(media_type: MediaType, bytes: Vec<u8>) {
    let layer = Layer {
        descriptor: Descriptor::of(media_type, &bytes),
        diff_id: DiffId(Digest::of(b"")),
        blob: Arc::new(BytesBlob(bytes.into())),
    };
    let platform = "linux/amd64".parse().expect("a platform");
    let history = mizzen_oci::History::default();
    let image = Image::scratch(&platform).append(mizzen_image::Addendum { layer, history });
    drop(validate(&image, None));
    drop(FileTree::of(&image));
    drop(NumericUser::resolve("app:app", &image));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn archives(number in any::<prop::sample::Index>(), (edits, cut) in edits()) {
        let images = stored_images();
        let bytes = edited(&images[number.index(images.len())], &edits, cut);
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), bytes).expect("a temporary file");
        if let Ok(image) = Archive::oci(file.path(), None).read() {
            drop(validate_all(&image));
        }
    }

    #[test]
    fn layers(
        noise in prop::collection::vec(any::<u8>(), 0..600),
        number in any::<prop::sample::Index>(),
        (edits, cut) in edits(),
    ) {
        let images = stored_images();
        let tar = edited(&images[number.index(images.len())], &edits, cut);
        for media_type in [MediaType::ImageLayer, MediaType::ImageLayerGzip, MediaType::ImageLayerZstd] {
            read_layer(media_type, noise.clone());
        }
        read_layer(MediaType::ImageLayer, tar);
    }

    #[test]
    fn documents(text in ".{0,200}", (edits, cut) in edits()) {
        let sound = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":[],"manifests":[],"annotations":{"a":"b"},"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"history":[{"created":"x"}]}"#;
        for bytes in [text.into_bytes(), edited(sound, &edits, cut)] {
            drop(Manifest::parse(bytes.clone(), None));
            drop(Index::parse(bytes.clone(), None));
            if let Ok(config) = ImageConfig::parse(&bytes) {
                drop((config.platform(), config.diff_ids(), config.history(), config.labels()));
                drop((config.user().map(str::to_owned), config.to_bytes()));
            }
        }
    }
}

use crate::Layer;
use mizzen_oci::{
    Descriptor, Digest, Family, History, ImageConfig, Manifest, MediaType, MediaTypeExt, Platform,
};
use mizzen_store::Blob;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image as an immutable value: its manifest, its config, its layers.
///
/// Every change gives a new image with a new manifest; an image that was read and not changed keeps
/// the manifest and config bytes that it was read with.
#[derive(Clone, Debug)]
pub struct Image {
    manifest: Manifest,
    config: ImageConfig,
    config_bytes: Arc<[u8]>,
    layers: Vec<Layer>,
}

/// What [`Image::append`] puts on top.
#[derive(Clone, Debug)]
pub struct Addendum {
    /// The layer.
    pub layer: Layer,
    /// Its line in the history.
    pub history: History,
}

/// Parts that do not make an image together.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The config's bytes are others than the manifest names.
    #[error("config of manifest {manifest} is corrupt: got {got}, want {want}")]
    ConfigDigest {
        /// The manifest.
        manifest: Digest,
        /// The digest of the bytes at hand.
        got: Digest,
        /// The digest that the manifest names.
        want: Digest,
    },
    /// The config's bytes are not a config.
    #[error(transparent)]
    Config(#[from] mizzen_oci::ConfigError),
    /// Manifest and config count layers differently.
    #[error("manifest {manifest} has {layers} layers, its config {diff_ids}")]
    LayerCount {
        /// The manifest.
        manifest: Digest,
        /// How many layers it names.
        layers: usize,
        /// How many diff ids the config holds.
        diff_ids: usize,
    },
}

impl Image {
    /// Returns the image that has nothing in it.
    pub fn scratch(platform: &Platform) -> Self {
        Self::assemble(
            Family::Oci,
            ImageConfig::scratch(platform),
            Vec::new(),
            BTreeMap::new(),
        )
    }

    /// Puts an image together from bytes that were read; `blob` says where the bytes of a layer can
    /// be had.
    ///
    /// # Errors
    /// [`ImageError`] if the config is not the manifest's, no config, or has another number of
    /// layers.
    pub fn from_parts(
        manifest: Manifest,
        config_bytes: &[u8],
        mut blob: impl FnMut(&Descriptor) -> Arc<dyn Blob>,
    ) -> Result<Self, ImageError> {
        let digest = manifest.descriptor().digest;
        let (got, want) = (Digest::of(config_bytes), manifest.config().digest);
        if got != want {
            return Err(ImageError::ConfigDigest {
                manifest: digest,
                got,
                want,
            });
        }
        let config = ImageConfig::parse(config_bytes)?;
        let diff_ids = config.diff_ids();
        if diff_ids.len() != manifest.layers().len() {
            let (layers, diff_ids) = (manifest.layers().len(), diff_ids.len());
            return Err(ImageError::LayerCount {
                manifest: digest,
                layers,
                diff_ids,
            });
        }
        let layers = manifest
            .layers()
            .iter()
            .zip(diff_ids)
            .map(|(descriptor, diff_id)| Layer {
                descriptor: descriptor.clone(),
                diff_id,
                blob: blob(descriptor),
            });
        Ok(Self {
            layers: layers.collect(),
            config_bytes: config_bytes.into(),
            config,
            manifest,
        })
    }

    /// Returns this image with a layer on top. The layer's media type becomes one of the image's
    /// family.
    #[must_use]
    pub fn append(mut self, addendum: Addendum) -> Self {
        self.config
            .push_layer(addendum.layer.diff_id, &addendum.history);
        self.layers.push(addendum.layer);
        self.rewritten()
    }

    /// Returns this image with `edit` done to its config.
    #[must_use]
    pub fn with_config(mut self, edit: impl FnOnce(&mut ImageConfig)) -> Self {
        edit(&mut self.config);
        self.rewritten()
    }

    /// Returns this image with exactly these annotations on its manifest.
    #[must_use]
    pub fn with_annotations(self, annotations: BTreeMap<String, String>) -> Self {
        Self::assemble(self.family(), self.config, self.layers, annotations)
    }

    /// Returns this image with every media type in `family`; digests and sizes of layers stay.
    #[must_use]
    pub fn in_family(self, family: Family) -> Self {
        let annotations = self.manifest.annotations().clone();
        Self::assemble(family, self.config, self.layers, annotations)
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the config.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// Returns the bytes of the config that the manifest names.
    pub fn config_bytes(&self) -> &Arc<[u8]> {
        &self.config_bytes
    }

    /// Returns the layers, bottom first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    fn family(&self) -> Family {
        let media_type = &self.manifest.descriptor().media_type;
        if *media_type == media_type.in_family(Family::Oci) {
            Family::Oci
        } else {
            Family::Docker
        }
    }

    fn rewritten(self) -> Self {
        let annotations = self.manifest.annotations().clone();
        Self::assemble(self.family(), self.config, self.layers, annotations)
    }

    fn assemble(
        family: Family,
        config: ImageConfig,
        mut layers: Vec<Layer>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let config_bytes: Arc<[u8]> = config.to_bytes().into();
        for layer in &mut layers {
            layer.descriptor.media_type = layer.descriptor.media_type.in_family(family);
        }
        let manifest = Manifest::new(
            MediaType::ImageManifest.in_family(family),
            Descriptor::of(MediaType::ImageConfig.in_family(family), &config_bytes),
            layers
                .iter()
                .map(|layer| layer.descriptor.clone())
                .collect(),
            annotations,
        );
        Self {
            manifest,
            config,
            config_bytes,
            layers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Addendum, Image, ImageError};
    use crate::Layer;
    use mizzen_oci::{Descriptor, DiffId, Digest, Family, History, Manifest, MediaType, Platform};
    use mizzen_store::BytesBlob;
    use std::sync::Arc;

    fn addendum(bytes: &'static [u8]) -> Addendum {
        Addendum {
            layer: Layer {
                descriptor: Descriptor::of(MediaType::ImageLayer, bytes),
                diff_id: DiffId(Digest::of(bytes)),
                blob: Arc::new(BytesBlob(bytes.into())),
            },
            history: History {
                created_by: Some("a test".to_owned()),
                ..History::default()
            },
        }
    }

    fn scratch() -> Image {
        Image::scratch(&"linux/amd64".parse::<Platform>().unwrap())
    }

    #[test]
    fn appending_gives_a_new_image_and_leaves_the_old_one() {
        let base = scratch();
        let image = base
            .clone()
            .append(addendum(b"one"))
            .append(addendum(b"two"));
        assert_eq!((base.layers().len(), image.layers().len()), (0, 2));
        assert_eq!(
            image.config().diff_ids(),
            [DiffId(Digest::of(b"one")), DiffId(Digest::of(b"two"))]
        );
        assert_eq!(image.config().history().len(), 2);
        assert_eq!(
            image.manifest().config().digest,
            Digest::of(image.config_bytes())
        );
    }

    #[test]
    fn layers_of_a_base_without_a_history_get_a_line_each() {
        let short = serde_json::json!([{ "created_by": "one" }, { "empty_layer": true }]);
        for (history, lines) in [(serde_json::Value::Null, 3), (short, 4)] {
            let base = scratch()
                .append(addendum(b"one"))
                .append(addendum(b"two"))
                .with_config(|config| config.set("history", history));
            let image = base.append(addendum(b"three"));
            let history = image.config().history();
            assert_eq!(history.len(), lines);
            let explained = history.iter().filter(|line| !line.empty_layer);
            assert_eq!(explained.count(), image.layers().len());
            assert_eq!(history[lines - 1].created_by.as_deref(), Some("a test"));
        }
    }

    #[test]
    fn families_are_never_mixed() {
        let image = scratch()
            .append(addendum(b"one"))
            .in_family(Family::Docker)
            .append(addendum(b"two"));
        let text = String::from_utf8_lossy(image.manifest().bytes()).into_owned();
        assert!(!text.contains("vnd.oci"), "{text}");
        let image = image.in_family(Family::Oci);
        assert!(!String::from_utf8_lossy(image.manifest().bytes()).contains("vnd.docker"));
    }

    #[test]
    fn an_image_that_was_read_keeps_its_bytes() {
        let made = scratch().append(addendum(b"one"));
        let spaced = [&made.manifest().bytes()[..], b"\n"].concat();
        let manifest = Manifest::parse(spaced.clone(), None).unwrap();
        let blob = |_: &Descriptor| -> Arc<dyn mizzen_store::Blob> {
            Arc::new(BytesBlob(b"one"[..].into()))
        };
        let read = Image::from_parts(manifest.clone(), made.config_bytes(), blob).unwrap();
        assert_eq!(&read.manifest().bytes()[..], spaced);
        let error = Image::from_parts(manifest, b"{}", blob).unwrap_err();
        assert!(matches!(error, ImageError::ConfigDigest { .. }));
    }
}

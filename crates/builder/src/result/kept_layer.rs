use crate::report::Outcome;
use crate::result::app::AppLayer;
use mizzen_image::{Compression, Layer};
use mizzen_oci::{Descriptor, DiffId, Digest};
use mizzen_store::{ActionCache, Output};
use serde::{Deserialize, Serialize};

/// A layer as records and notes have it: everything but its bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct KeptLayer {
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
    pub(crate) diff_id: DiffId,
    pub(crate) files: usize,
}

impl KeptLayer {
    /// Returns what is kept of `layer`.
    pub(crate) fn of(layer: &AppLayer) -> Self {
        Self {
            name: layer.name.clone(),
            digest: layer.layer.descriptor.digest,
            size_bytes: layer.layer.descriptor.size_bytes,
            diff_id: layer.layer.diff_id,
            files: layer.files,
        }
    }

    /// Returns the name of its bytes.
    pub(crate) fn output(&self) -> Output {
        Output {
            digest: self.digest,
            size_bytes: self.size_bytes,
        }
    }

    /// Returns the layer as the cache has it; `None` if it has lost it.
    pub(crate) fn find(
        &self,
        compression: Compression,
        cache: &dyn ActionCache,
    ) -> Option<AppLayer> {
        let blob = cache.blob(&self.output())?;
        let media_type = compression.media_type();
        Some(AppLayer {
            name: self.name.clone(),
            layer: Layer {
                descriptor: Descriptor::new(media_type, self.digest, self.size_bytes),
                diff_id: self.diff_id,
                blob,
            },
            files: self.files,
            outcome: Outcome::Hit,
        })
    }
}

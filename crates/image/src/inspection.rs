use crate::Image;
use crate::entry::lossy;
use crate::file_tree::{FileTree, FileTreeError, TreeFile};
use mizzen_oci::{DiffId, Digest, MediaType};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that an image says of itself, as one value to print.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The digest of the manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// What the image runs on.
    pub platform: String,
    /// What there is to fetch: manifest, config and layers, compressed.
    pub size_bytes: u64,
    /// What the manifest says beside its parts.
    pub annotations: BTreeMap<String, String>,
    /// The config, as it is.
    pub config: Value,
    /// The layers, bottom first.
    pub layers: Vec<InspectedLayer>,
}

/// A layer of an image.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedLayer {
    /// The digest of the compressed bytes.
    pub digest: Digest,
    /// The digest of the tar inside.
    pub diff_id: DiffId,
    /// Its media type.
    pub media_type: MediaType,
    /// How many compressed bytes.
    pub size_bytes: u64,
    /// What made it, by the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// What is in it, by the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What of it a container sees, sorted by path; only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<InspectedFile>>,
}

/// A file in a layer.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedFile {
    /// Its path, with a slash in front; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub file: TreeFile,
}

impl Inspection {
    /// Describes an image by its manifest and config; no layer is read.
    pub fn of(image: &Image) -> Self {
        let manifest = image.manifest();
        let history = image.config().history();
        let mut lines = history.iter().filter(|line| !line.empty_layer);
        let layers: Vec<InspectedLayer> = image
            .layers()
            .iter()
            .map(|layer| {
                let line = lines.next();
                InspectedLayer {
                    digest: layer.descriptor.digest,
                    diff_id: layer.diff_id,
                    media_type: layer.descriptor.media_type.clone(),
                    size_bytes: layer.descriptor.size_bytes,
                    created_by: line.and_then(|line| line.created_by.clone()),
                    comment: line.and_then(|line| line.comment.clone()),
                    files: None,
                }
            })
            .collect();
        let layer_bytes: u64 = layers.iter().map(|layer| layer.size_bytes).sum();
        Self {
            digest: manifest.descriptor().digest,
            media_type: manifest.descriptor().media_type.clone(),
            platform: image.config().platform().to_string(),
            size_bytes: manifest.descriptor().size_bytes
                + image.config_bytes().len() as u64
                + layer_bytes,
            annotations: manifest.annotations().clone(),
            config: serde_json::from_slice(image.config_bytes()).unwrap_or_default(),
            layers,
        }
    }

    /// Describes an image with every file that a container sees; all layers are read.
    ///
    /// # Errors
    /// [`FileTreeError`] names the layer that cannot be read.
    pub fn with_files(image: &Image) -> Result<Self, FileTreeError> {
        let mut inspection = Self::of(image);
        for layer in &mut inspection.layers {
            layer.files = Some(Vec::new());
        }
        for (path, file) in FileTree::of(image)?.into_files() {
            let files = inspection.layers[file.layer].files.get_or_insert_default();
            files.push(InspectedFile {
                path: format!("/{}", lossy(&path)),
                file,
            });
        }
        Ok(inspection)
    }
}

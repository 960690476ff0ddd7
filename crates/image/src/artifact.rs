use mizzen_oci::{Descriptor, Manifest, MediaType, canonical_json};
use mizzen_store::{Blob, BytesBlob};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that refers to an image: symbols, a signature, a bill of materials.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// What it is, as a media type.
    pub artifact_type: String,
    /// What it refers to.
    pub subject: Descriptor,
    /// What it holds.
    pub blobs: Vec<(Descriptor, Arc<dyn Blob>)>,
    /// What is to be known of it without reading it.
    pub annotations: BTreeMap<String, String>,
}

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";
const ARTIFACT_TYPE: &str = "artifactType";

impl Artifact {
    /// Returns the manifest: an image manifest that every registry takes.
    ///
    /// Source: OCI image-spec, manifest.md, "Guidelines for Artifact Usage".
    pub fn manifest(&self) -> Manifest {
        // Some registries refuse a subject that says more.
        let subject = &self.subject;
        let subject = Descriptor::new(
            subject.media_type.clone(),
            subject.digest,
            subject.size_bytes,
        );
        let empty = empty();
        let mut layers: Vec<&Descriptor> = self.blobs.iter().map(|(layer, _)| layer).collect();
        if layers.is_empty() {
            layers.push(&empty);
        }
        let mut value = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest,
            ARTIFACT_TYPE: self.artifact_type,
            "config": empty,
            "layers": layers,
            "subject": subject,
        });
        if !self.annotations.is_empty() {
            value["annotations"] = json!(self.annotations);
        }
        Manifest::parse(canonical_json(&value), None).expect("it was made one")
    }

    /// Returns everything that the manifest names: what it holds, and its empty config.
    pub fn parts(&self) -> Vec<(Descriptor, Arc<dyn Blob>)> {
        let config: Arc<dyn Blob> = Arc::new(BytesBlob(EMPTY_BYTES.into()));
        let blobs = self.blobs.iter().cloned();
        blobs.chain([(empty(), config)]).collect()
    }

    /// Returns the artifact's entry in a list: type and annotations are pulled up from its manifest.
    pub fn entry(&self, manifest: &Manifest) -> Descriptor {
        let mut entry = manifest.descriptor().clone();
        entry.annotations.clone_from(&self.annotations);
        entry
            .other
            .insert(ARTIFACT_TYPE.to_owned(), json!(self.artifact_type));
        entry
    }
}

/// Tells whether an entry of a list is an artifact's and no image's.
pub(crate) fn is_artifact(entry: &Descriptor) -> bool {
    let artifact_type = entry.other.get(ARTIFACT_TYPE);
    // Some tools give an image the type of its config.
    artifact_type.is_some_and(|it| {
        [MediaType::ImageConfig, MediaType::ImageIndex]
            .iter()
            .all(|image| it != &json!(image))
    })
}

fn empty() -> Descriptor {
    Descriptor::of(MediaType::from(EMPTY), EMPTY_BYTES)
}

use mizzen_oci::{Descriptor, Digest, Manifest, MediaType, canonical_json};
use mizzen_store::{Blob, BytesBlob};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that refers to an image: symbols, a signature, a bill of materials.
///
/// One that was read is written as the bytes that were read.
#[derive(Clone, Debug)]
pub struct Artifact {
    kind: String,
    subject: Digest,
    manifest: Manifest,
    parts: Vec<(Descriptor, Arc<dyn Blob>)>,
    is_optional: bool,
    is_of_push: bool,
}

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";
const ARTIFACT_TYPE: &str = "artifactType";

/// What makes a manifest an artifact's that refers to something.
#[derive(Deserialize)]
struct View {
    #[serde(rename = "artifactType")]
    artifact_type: String,
    subject: Descriptor,
}

impl Artifact {
    /// Makes what refers to `subject`, is of this type (a media type) and holds these blobs;
    /// `annotations` say what is to be known of it without reading it.
    ///
    /// Its manifest is an image manifest, which every registry takes.
    /// Source: OCI image-spec, manifest.md, "Guidelines for Artifact Usage".
    pub fn new(
        artifact_type: &str,
        subject: &Descriptor,
        blobs: Vec<(Descriptor, Arc<dyn Blob>)>,
        annotations: &BTreeMap<String, String>,
    ) -> Self {
        // Some registries refuse a subject that says more.
        let subject = Descriptor::new(
            subject.media_type.clone(),
            subject.digest,
            subject.size_bytes,
        );
        let empty = Descriptor::of(MediaType::from(EMPTY), EMPTY_BYTES);
        let mut layers: Vec<&Descriptor> = blobs.iter().map(|(layer, _)| layer).collect();
        if layers.is_empty() {
            layers.push(&empty);
        }
        let mut value = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest,
            ARTIFACT_TYPE: artifact_type,
            "config": empty,
            "layers": layers,
            "subject": subject,
        });
        if !annotations.is_empty() {
            value["annotations"] = json!(annotations);
        }
        let manifest = Manifest::parse(canonical_json(&value), None).expect("it was made one");
        let config: Arc<dyn Blob> = Arc::new(BytesBlob(EMPTY_BYTES.into()));
        Self {
            kind: artifact_type.to_owned(),
            subject: subject.digest,
            manifest,
            parts: blobs.into_iter().chain([(empty, config)]).collect(),
            is_optional: false,
            is_of_push: false,
        }
    }

    /// Returns the artifact that a manifest describes, its parts as `blob` gives them; `None` if it
    /// has no type of its own or refers to nothing.
    pub fn read(manifest: Manifest, blob: impl Fn(&Descriptor) -> Arc<dyn Blob>) -> Option<Self> {
        let view: View = serde_json::from_slice(manifest.bytes()).ok()?;
        let named = manifest.layers().iter().chain([manifest.config()]);
        let parts: BTreeMap<Digest, &Descriptor> = named.map(|it| (it.digest, it)).collect();
        let part = |descriptor: &Descriptor| (descriptor.clone(), blob(descriptor));
        Some(Self {
            kind: view.artifact_type,
            subject: view.subject.digest,
            parts: parts.into_values().map(part).collect(),
            manifest,
            is_optional: false,
            is_of_push: false,
        })
    }

    /// Has a push go on without it where a registry refuses it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Has it go along only where a push brings the image, and not where the image is there.
    #[must_use]
    pub fn of_push(mut self) -> Self {
        self.is_of_push = true;
        self
    }

    /// Returns whether it goes along only where a push brings the image.
    pub fn is_of_push(&self) -> bool {
        self.is_of_push
    }

    /// Returns whether a push goes on without it.
    pub fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// Returns what it is, as a media type.
    pub fn artifact_type(&self) -> &str {
        &self.kind
    }

    /// Returns what it refers to.
    pub fn subject(&self) -> &Digest {
        &self.subject
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns everything that the manifest names: what it holds, and its config.
    pub fn parts(&self) -> &[(Descriptor, Arc<dyn Blob>)] {
        &self.parts
    }

    /// Returns what it is about: the first of the blobs that it holds.
    pub fn content(&self) -> Option<&Arc<dyn Blob>> {
        let first = self.manifest.layers().first()?;
        let mut parts = self.parts.iter();
        let part = parts.find(|(descriptor, _)| descriptor.digest == first.digest);
        part.map(|(_, blob)| blob)
    }

    /// Returns its entry in a list: type and annotations are pulled up from its manifest.
    pub fn entry(&self) -> Descriptor {
        let mut entry = self.manifest.descriptor().clone();
        entry.annotations.clone_from(self.manifest.annotations());
        entry
            .other
            .insert(ARTIFACT_TYPE.to_owned(), json!(self.kind));
        entry
    }
}

/// Returns whether an entry of a list is an artifact's and no image's.
pub(crate) fn is_artifact(entry: &Descriptor) -> bool {
    let artifact_type = entry.other.get(ARTIFACT_TYPE);
    // Some tools give an image the type of its config.
    artifact_type.is_some_and(|it| {
        [MediaType::ImageConfig, MediaType::ImageIndex]
            .iter()
            .all(|image| it != &json!(image))
    })
}

/// Returns whether an entry of a list says that it is of one of these types.
pub(crate) fn is_of_type(entry: &Descriptor, artifact_types: &[&str]) -> bool {
    let has = entry.other.get(ARTIFACT_TYPE).and_then(|it| it.as_str());
    has.is_some_and(|has| artifact_types.contains(&has))
}

use crate::{
    Descriptor, Digest, MediaType, MediaTypeExt, canonical_json, descriptor::null_is_empty,
    json_bounds,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image manifest: the bytes that carry its digest, and a view of them.
///
/// Bytes that were read are kept as they are.
/// Source: OCI image-spec, manifest.md; Docker's "Image Manifest Version 2, Schema 2".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    bytes: Arc<[u8]>,
    descriptor: Descriptor,
    config: Descriptor,
    layers: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
}

/// Bytes that are not the manifest or index they should be.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are not JSON of the expected shape.
    #[error("{what} {digest} is malformed")]
    Malformed {
        /// What the bytes should be.
        what: &'static str,
        /// Their digest.
        digest: Digest,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The bytes are another kind of thing.
    #[error("{digest} is {got}, not {want}")]
    Kind {
        /// The digest of the bytes.
        digest: Digest,
        /// What they say they are.
        got: String,
        /// What was asked for.
        want: &'static str,
    },
}

#[derive(Deserialize)]
struct View {
    #[serde(rename = "schemaVersion")]
    schema_version: u64,
    #[serde(rename = "mediaType")]
    media_type: Option<MediaType>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Writes a new manifest of the given parts, layers bottom first.
    pub fn new(
        media_type: MediaType,
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let mut value = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": config,
            "layers": layers,
        });
        if !annotations.is_empty() {
            value["annotations"] = json!(annotations);
        }
        let bytes = canonical_json(&value);
        Self {
            descriptor: Descriptor::of(media_type, &bytes),
            bytes: bytes.into(),
            config,
            layers,
            annotations,
        }
    }

    /// Reads a manifest of either family; `content_type` decides where the bytes do not say what
    /// they are.
    ///
    /// # Errors
    /// [`ManifestError::Kind`] for an index, an artifact without layers' config, or Docker's schema
    /// 1;
    /// [`ManifestError::Malformed`] for anything else that is not a manifest.
    pub fn parse(bytes: Vec<u8>, content_type: Option<MediaType>) -> Result<Self, ManifestError> {
        let digest = Digest::of(&bytes);
        let malformed = |source| ManifestError::Malformed {
            what: "manifest",
            digest,
            source,
        };
        // The view skips what it has no word for, however deep it is; `to_json` does not.
        json_bounds::check(&bytes).map_err(malformed)?;
        let view: View = serde_json::from_slice(&bytes).map_err(malformed)?;
        let kind = |got: String| ManifestError::Kind {
            digest,
            got,
            want: "an image manifest",
        };
        if view.schema_version == 1 {
            return Err(kind(
                "a Docker schema 1 manifest, which no current registry makes".to_owned(),
            ));
        }
        let media_type = view
            .media_type
            .or(content_type)
            .unwrap_or(MediaType::ImageManifest);
        let config = match view.config {
            Some(config) if media_type.is_manifest() => config,
            _ => return Err(kind(format!("`{media_type}`"))),
        };
        Ok(Self {
            descriptor: Descriptor::new(media_type, digest, bytes.len() as u64),
            bytes: bytes.into(),
            config,
            layers: view.layers,
            annotations: view.annotations,
        })
    }

    /// Returns the bytes that carry the digest.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Returns the bytes as a JSON value.
    pub fn to_json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("parse() has checked it")
    }

    /// Names the manifest itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Names the image's config.
    pub fn config(&self) -> &Descriptor {
        &self.config
    }

    /// Names the layers, bottom first.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// Returns what the manifest says beside its parts.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, ManifestError};
    use crate::{Descriptor, Digest, MediaType};
    use std::collections::BTreeMap;

    fn sample() -> Manifest {
        Manifest::new(
            MediaType::ImageManifest,
            Descriptor::of(MediaType::ImageConfig, b"{}"),
            vec![Descriptor::of(MediaType::ImageLayerGzip, b"layer")],
            BTreeMap::from([
                ("b".to_owned(), "2".to_owned()),
                ("a".to_owned(), "1".to_owned()),
            ]),
        )
    }

    #[test]
    fn the_same_parts_give_the_same_bytes() {
        assert_eq!(sample().bytes(), sample().bytes());
        assert!(
            String::from_utf8_lossy(sample().bytes())
                .starts_with(r#"{"annotations":{"a":"1","b":"2"},"config""#)
        );
    }

    #[test]
    fn bytes_that_were_read_are_kept_and_unknown_members_do_not_hurt() {
        let spaced = String::from_utf8_lossy(sample().bytes())
            .replacen('{', "{ \"future\": [1], ", 1)
            .into_bytes();
        let manifest = Manifest::parse(spaced.clone(), None).unwrap();
        assert_eq!(&manifest.bytes()[..], spaced);
        assert_eq!(manifest.layers(), sample().layers());
        assert_ne!(manifest.descriptor().digest, sample().descriptor().digest);
    }

    #[test]
    fn null_annotations_are_none() {
        let text =
            String::from_utf8_lossy(sample().bytes()).replace(r#"{"a":"1","b":"2"}"#, "null");
        assert!(
            Manifest::parse(text.into_bytes(), None)
                .unwrap()
                .annotations()
                .is_empty()
        );
    }

    #[test]
    fn an_index_and_schema_1_are_told_apart() {
        let index = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        assert!(matches!(
            Manifest::parse(index.to_vec(), None),
            Err(ManifestError::Kind { .. })
        ));
        let error =
            Manifest::parse(br#"{"schemaVersion":1,"fsLayers":[]}"#.to_vec(), None).unwrap_err();
        assert!(error.to_string().contains("schema 1"), "{error}");
    }

    #[test]
    fn what_is_nested_too_deeply_for_anybody_is_refused_wherever_it_stands() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"a/b","digest":"{}","size":0}},"x":{deep}}}"#,
            Digest::of(b"")
        );
        let error = Manifest::parse(text.into_bytes(), None).unwrap_err();
        assert!(matches!(error, ManifestError::Malformed { .. }), "{error}");
    }
}

use crate::RegistryError;
use mizzen_oci::{Descriptor, Index, Manifest, MediaType, MediaTypeExt};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What is behind a reference: one image, or several.
#[derive(Debug)]
pub(crate) enum Document {
    Manifest(Box<Manifest>),
    Index(Box<Index>),
}

impl Document {
    /// Reads either, by what the bytes say they are, else by the `Content-Type`, else by shape.
    pub(crate) fn parse(
        bytes: Vec<u8>,
        content_type: Option<MediaType>,
    ) -> Result<Self, RegistryError> {
        #[derive(Deserialize)]
        struct Sniff {
            #[serde(rename = "mediaType")]
            media_type: Option<MediaType>,
            manifests: Option<IgnoredAny>,
        }
        let sniff: Option<Sniff> = serde_json::from_slice(&bytes).ok();
        let known = |media_type: &MediaType| media_type.is_index() || media_type.is_manifest();
        let is_index = sniff.is_some_and(|sniff| {
            let said = sniff
                .media_type
                .or_else(|| content_type.clone().filter(known));
            said.map_or(sniff.manifests.is_some(), |media_type| {
                media_type.is_index()
            })
        });
        let content_type = content_type.filter(known);
        Ok(if is_index {
            Self::Index(Box::new(Index::parse(bytes, content_type)?))
        } else {
            Self::Manifest(Box::new(Manifest::parse(bytes, content_type)?))
        })
    }

    pub(crate) fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Manifest(manifest) => manifest.descriptor(),
            Self::Index(index) => index.descriptor(),
        }
    }
}

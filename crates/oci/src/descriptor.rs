use crate::{Digest, MediaType, Platform};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Names a blob: what it is, its digest, its size.
///
/// Members that mizzen has no word for are kept as they were read.
/// Source: OCI image-spec, descriptor.md.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Descriptor {
    /// What the blob is.
    #[serde(rename = "mediaType")]
    pub media_type: MediaType,
    /// The digest of the blob's bytes, as stored and sent.
    pub digest: Digest,
    /// The size of those bytes.
    #[serde(rename = "size", deserialize_with = "size")]
    pub size_bytes: u64,
    /// In an index: what the image runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Anything its maker wants to say.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Every other member.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Descriptor {
    /// Returns the descriptor of a blob that says nothing but what it is.
    pub fn new(media_type: MediaType, digest: Digest, size_bytes: u64) -> Self {
        Self {
            media_type,
            digest,
            size_bytes,
            platform: None,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        }
    }

    /// Returns the descriptor of `bytes`.
    pub fn of(media_type: MediaType, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }
}

/// 128 TiB: no blob is larger, and the sizes of all that a manifest can name add up.
const MOST_BYTES: u64 = 1 << 47;

fn size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size_bytes = u64::deserialize(deserializer)?;
    if size_bytes > MOST_BYTES {
        let message = format_args!("a size of {size_bytes} bytes is not possible");
        return Err(serde::de::Error::custom(message));
    }
    Ok(size_bytes)
}

// Go writes an absent map as `null` when its field has no `omitempty`; registries hold such
// manifests.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

use crate::descriptor::null_is_empty;
use crate::json_bounds;
use crate::{Descriptor, Digest, ManifestError, MediaType, MediaTypeExt, Platform, canonical_json};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image index (Docker: manifest list): the bytes that carry its digest, and a view of them.
///
/// Source: OCI image-spec, image-index.md.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Index {
    bytes: Arc<[u8]>,
    descriptor: Descriptor,
    manifests: Vec<Descriptor>,
    inner: Vec<Self>,
}

#[derive(Deserialize)]
struct View {
    #[serde(rename = "mediaType")]
    media_type: Option<MediaType>,
    #[serde(default, deserialize_with = "null_is_empty")]
    manifests: Vec<Descriptor>,
}

impl Index {
    /// Writes a new index of `manifests`, in the given order.
    pub fn new(
        media_type: MediaType,
        manifests: Vec<Descriptor>,
        annotations: &BTreeMap<String, String>,
    ) -> Self {
        let mut value =
            json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        if !annotations.is_empty() {
            value["annotations"] = json!(annotations);
        }
        let bytes = canonical_json(&value);
        Self {
            descriptor: Descriptor::of(media_type, &bytes),
            bytes: bytes.into(),
            manifests,
            inner: Vec::new(),
        }
    }

    /// Reads an index of either family; `content_type` decides where the bytes do not say what they
    /// are.
    ///
    /// # Errors
    /// [`ManifestError::Kind`] for anything that says it is not an index; [`ManifestError::Malformed`]
    /// for the rest.
    pub fn parse(bytes: Vec<u8>, content_type: Option<MediaType>) -> Result<Self, ManifestError> {
        let digest = Digest::of(&bytes);
        let malformed = |source| ManifestError::Malformed {
            what: "index",
            digest,
            source,
        };
        json_bounds::check(&bytes).map_err(malformed)?;
        let view: View = serde_json::from_slice(&bytes).map_err(malformed)?;
        let media_type = view
            .media_type
            .or(content_type)
            .unwrap_or(MediaType::ImageIndex);
        if !media_type.is_index() {
            return Err(ManifestError::Kind {
                digest,
                got: format!("`{media_type}`"),
                want: "an image index",
            });
        }
        Ok(Self {
            descriptor: Descriptor::new(media_type, digest, bytes.len() as u64),
            bytes: bytes.into(),
            manifests: view.manifests,
            inner: Vec::new(),
        })
    }

    /// Returns the same with the indexes that it names, each with its own.
    #[must_use]
    pub fn with_inner(mut self, inner: Vec<Self>) -> Self {
        self.inner = inner;
        self
    }

    /// Returns every index inside of this one, those that another names before it.
    pub fn inner(&self) -> Vec<&Self> {
        let inner = self.inner.iter();
        inner
            .flat_map(|index| [index.inner(), vec![index]].concat())
            .collect()
    }

    /// Returns what this index, or one inside of it, says of a manifest.
    pub fn entry(&self, digest: &Digest) -> Option<&Descriptor> {
        let all = self.inner().into_iter().chain([self]);
        let mut entries = all.flat_map(|index| index.manifests.iter());
        entries.find(|entry| entry.digest == *digest)
    }

    /// Returns the bytes that carry the digest.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Names the index itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Names the images, and whatever else the index holds.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// Returns the first image that runs on `platform`, if there are several the first of the usual
    /// variant; entries for `unknown/unknown` (attestations) never match.
    pub fn find(&self, platform: &Platform) -> Option<&Descriptor> {
        let fitting = self.manifests.iter().filter_map(|descriptor| {
            let has = descriptor.platform.as_ref()?;
            platform.accepts(has).then_some((descriptor, has))
        });
        let is_usual = |has: &Platform| has.usual_variant() == platform.usual_variant();
        let usual = fitting.clone().find(|(_, has)| is_usual(has));
        Some(usual.or(fitting.clone().next())?.0)
    }

    /// Returns the platforms on offer, for an error message; attestations left out.
    pub fn platforms(&self) -> Vec<String> {
        let platforms = self
            .manifests
            .iter()
            .filter_map(|descriptor| descriptor.platform.as_ref());
        platforms
            .map(ToString::to_string)
            .filter(|platform| platform != "unknown/unknown")
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Index;
    use crate::{Descriptor, MediaType};
    use std::collections::BTreeMap;

    #[test]
    fn variants_are_told_apart_and_the_usual_one_is_meant() {
        let index = |platforms: &[&str]| {
            let entry = |platform: &&str| Descriptor {
                platform: Some(platform.parse().unwrap()),
                ..Descriptor::of(MediaType::ImageManifest, platform.as_bytes())
            };
            let entries = platforms.iter().map(entry).collect();
            Index::new(MediaType::ImageIndex, entries, &BTreeMap::new())
        };
        let found = |index: &Index, wanted: &str| {
            let found = index.find(&wanted.parse().unwrap());
            found.map(|found| found.platform.as_ref().unwrap().to_string())
        };
        let all = index(&[
            "linux/arm/v6",
            "linux/arm/v7",
            "linux/arm64/v8",
            "linux/amd64",
        ]);
        for (wanted, want) in [
            ("linux/arm/v6", Some("linux/arm/v6")),
            ("linux/arm/v7", Some("linux/arm/v7")),
            ("linux/arm", Some("linux/arm/v7")),
            ("linux/arm/v5", None),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/arm64/v8", Some("linux/arm64/v8")),
            ("linux/amd64/v3", None),
        ] {
            assert_eq!(found(&all, wanted).as_deref(), want, "{wanted}");
        }
        let unnamed = index(&["linux/arm64", "linux/arm/v5"]);
        assert_eq!(
            found(&unnamed, "linux/arm64/v8").as_deref(),
            Some("linux/arm64")
        );
        assert_eq!(
            found(&unnamed, "linux/arm").as_deref(),
            Some("linux/arm/v5")
        );
    }

    #[test]
    fn the_platform_is_found_beside_attestations() {
        let entry = |platform: &str| Descriptor {
            platform: Some(platform.parse().unwrap()),
            ..Descriptor::of(MediaType::ImageManifest, platform.as_bytes())
        };
        let manifests = vec![
            entry("unknown/unknown"),
            entry("linux/arm64/v8"),
            entry("linux/amd64"),
        ];
        let index = Index::new(MediaType::ImageIndex, manifests, &BTreeMap::new());
        let read = Index::parse(index.bytes().to_vec(), None).unwrap();
        assert_eq!(read, index);
        assert_eq!(
            read.find(&"linux/arm64".parse().unwrap()),
            Some(&read.manifests()[1])
        );
        assert_eq!(read.find(&"linux/s390x".parse().unwrap()), None);
        assert_eq!(read.platforms(), ["linux/arm64/v8", "linux/amd64"]);
    }
}

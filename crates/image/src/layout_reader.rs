use crate::artifact::{Artifact, is_artifact, is_of_type};
use crate::{Image, LayoutError, Taggable};
use mizzen_oci::{
    Descriptor, Digest, Index, Manifest, MediaTypeExt, Platform, annotation, canonical_json,
    parse_bounded,
};
use mizzen_store::Blob;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Where a layout's blobs are: a folder, an archive.
pub(crate) trait BlobSource {
    /// Returns the folder or the archive, for messages.
    fn place(&self) -> &Path;
    /// Returns the verified bytes of a manifest, index or config.
    fn read_small(&self, descriptor: &Descriptor) -> Result<Vec<u8>, LayoutError>;
    /// Returns a blob, there or not.
    fn blob(&self, descriptor: &Descriptor) -> Arc<dyn Blob>;
}

/// Goes on if what was read is what `descriptor` names, by digest and by size.
pub(crate) fn check_blob(
    place: &Path,
    descriptor: &Descriptor,
    got: Digest,
    got_bytes: u64,
) -> Result<(), LayoutError> {
    let (digest, place) = (descriptor.digest, place.to_owned());
    if got != digest {
        let want = digest;
        return Err(LayoutError::Corrupt { place, got, want });
    }
    let want_bytes = descriptor.size_bytes;
    if got_bytes == want_bytes {
        return Ok(());
    }
    Err(LayoutError::Size {
        place,
        digest,
        got_bytes,
        want_bytes,
    })
}

/// How deep an index may lie in others.
const MOST_INNER: usize = 4;

/// Finds images by the `index.json` of a layout.
pub(crate) struct LayoutReader<'a> {
    blobs: &'a dyn BlobSource,
    /// What the tag means; without one what has no name, else everything.
    entries: Vec<Descriptor>,
}

impl<'a> LayoutReader<'a> {
    pub(crate) fn new(
        blobs: &'a dyn BlobSource,
        index: &[u8],
        tag: Option<&str>,
    ) -> Result<Self, LayoutError> {
        let mut entries = Index::parse(index.to_vec(), None)?.manifests().to_vec();
        entries.retain(|entry| !is_artifact(entry));
        let is_unnamed = |entry: &Descriptor| !entry.annotations.contains_key(annotation::REF_NAME);
        if let Some(tag) = tag {
            let tags = tags(&entries);
            entries.retain(|entry| {
                let name = entry.annotations.get(annotation::REF_NAME);
                name.is_some_and(|name| name == tag)
            });
            if entries.is_empty() {
                return Err(LayoutError::NoTag {
                    place: blobs.place().to_owned(),
                    tag: tag.to_owned(),
                    tags,
                });
            }
        } else if entries.iter().any(is_unnamed) {
            entries.retain(is_unnamed);
        }
        Ok(Self { blobs, entries })
    }

    /// Reads the one image, or the one index with every image in it.
    pub(crate) fn read(self) -> Result<Taggable, LayoutError> {
        let descriptor = self.choose(self.entries.clone())?;
        if !descriptor.media_type.is_index() {
            return Ok(Taggable::Image(Box::new(self.image(&descriptor)?)));
        }
        let (mut images, mut known) = (Vec::new(), BTreeSet::new());
        let index = self.everything(&descriptor, (&mut images, &mut known), MOST_INNER)?;
        Ok(Taggable::Index(Box::new(index), images))
    }

    /// Reads an index with those inside of it, `depth` deep, and adds the images of all.
    fn everything(
        &self,
        descriptor: &Descriptor,
        (images, known): (&mut Vec<Image>, &mut BTreeSet<Digest>),
        depth: usize,
    ) -> Result<Index, LayoutError> {
        let index = self.index(descriptor)?;
        let mut inner = Vec::new();
        for entry in index.manifests() {
            if entry.media_type.is_index() && depth > 0 {
                // One that is named again, and again inside of that, would never end.
                if known.insert(entry.digest) {
                    inner.push(self.everything(entry, (images, known), depth - 1)?);
                }
            } else {
                images.push(self.image(entry)?);
            }
        }
        Ok(index.with_inner(inner))
    }

    /// Reads the image for `platform`.
    pub(crate) fn find(self, platform: &Platform) -> Result<Image, LayoutError> {
        let mut entries = self.entries.clone();
        // Several unnamed images may be one for each platform.
        if entries.len() > 1 {
            entries.retain(|entry| {
                let entry = entry.platform.as_ref();
                entry.is_none_or(|entry| platform.accepts(entry))
            });
        }
        let mut descriptor = self.choose(entries)?;
        let unfit = |got| LayoutError::Platform {
            place: self.blobs.place().to_owned(),
            got,
            want: platform.to_string(),
        };
        if descriptor.media_type.is_index() {
            let index = self.index(&descriptor)?;
            descriptor = match index.find(platform) {
                Some(descriptor) => descriptor.clone(),
                None => match self.unsaid(&index, platform, MOST_INNER)? {
                    Some(image) => return Ok(image),
                    None => return Err(unfit(index.platforms())),
                },
            };
        }
        let image = self.image(&descriptor)?;
        let is = image.config().platform();
        if platform.accepts(&is) {
            Ok(image)
        } else {
            Err(unfit(vec![is.to_string()]))
        }
    }

    /// Returns the image for `platform` among those of which the index does not say what they run on, else
    /// in the indexes inside of it, `depth` deep.
    fn unsaid(
        &self,
        index: &Index,
        platform: &Platform,
        depth: usize,
    ) -> Result<Option<Image>, LayoutError> {
        let entries = index.manifests().iter();
        let unsaid =
            entries.filter(|entry| entry.media_type.is_manifest() && entry.platform.is_none());
        for entry in unsaid.filter(|entry| !is_artifact(entry)) {
            let image = self.image(entry)?;
            if platform.accepts(&image.config().platform()) {
                return Ok(Some(image));
            }
        }
        let inner = index.manifests().iter();
        for entry in inner.filter(|entry| entry.media_type.is_index() && depth > 0) {
            let inner = self.index(entry)?;
            let found = match inner.find(platform) {
                Some(descriptor) => Some(self.image(descriptor)?),
                None => self.unsaid(&inner, platform, depth - 1)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn index(&self, descriptor: &Descriptor) -> Result<Index, LayoutError> {
        let bytes = self.blobs.read_small(descriptor)?;
        Ok(Index::parse(bytes, Some(descriptor.media_type.clone()))?)
    }

    fn image(&self, descriptor: &Descriptor) -> Result<Image, LayoutError> {
        let bytes = self.blobs.read_small(descriptor)?;
        let manifest = Manifest::parse(bytes, Some(descriptor.media_type.clone()))?;
        let config = self.blobs.read_small(manifest.config())?;
        let blob = |descriptor: &Descriptor| self.blobs.blob(descriptor);
        Ok(Image::from_parts(manifest, &config, blob)?)
    }

    fn choose(&self, mut entries: Vec<Descriptor>) -> Result<Descriptor, LayoutError> {
        let tags = tags(&entries);
        entries.sort_by_key(|entry| entry.digest);
        entries.dedup_by(|one, other| one.digest == other.digest);
        match <[_; 1]>::try_from(entries) {
            Ok([descriptor]) => Ok(descriptor),
            Err(entries) => Err(LayoutError::Ambiguous {
                place: self.blobs.place().to_owned(),
                images: entries.len(),
                tags,
            }),
        }
    }
}

/// Reads what an `index.json` lists of these types and what refers to `subject`.
pub(crate) fn artifacts(
    blobs: &dyn BlobSource,
    index: &[u8],
    subject: &Digest,
    artifact_types: &[&str],
) -> Result<Vec<Artifact>, LayoutError> {
    let index = Index::parse(index.to_vec(), None)?;
    let mut found = Vec::new();
    let listed = index.manifests().iter();
    for entry in listed.filter(|entry| is_of_type(entry, artifact_types)) {
        let bytes = blobs.read_small(entry)?;
        let manifest = Manifest::parse(bytes, Some(entry.media_type.clone()))?;
        let artifact = Artifact::read(manifest, |descriptor| blobs.blob(descriptor));
        found.extend(artifact.filter(|artifact| {
            artifact.subject() == subject && artifact_types.contains(&artifact.artifact_type())
        }));
    }
    Ok(found)
}

/// Returns the descriptor that names `what` in `index.json`.
pub(crate) fn named(what: &Taggable, tag: Option<&str>) -> Descriptor {
    let mut descriptor = what.descriptor().clone();
    if let Taggable::Image(image) = what {
        descriptor.platform = Some(image.config().platform());
    }
    if let Some(tag) = tag {
        let name = annotation::REF_NAME.to_owned();
        descriptor.annotations.insert(name, tag.to_owned());
    }
    descriptor
}

/// Returns the bytes of the file `oci-layout`.
pub(crate) fn layout_marker() -> Vec<u8> {
    canonical_json(&json!({ "imageLayoutVersion": "1.0.0" }))
}

/// Goes on if these are the bytes of an `oci-layout` file that says version 1.
pub(crate) fn check_marker(place: &Path, marker: Option<&[u8]>) -> Result<(), LayoutError> {
    let not = |why| LayoutError::NotALayout {
        place: place.to_owned(),
        why,
    };
    let marker = marker.ok_or_else(|| not("no `oci-layout` file"))?;
    let marker: Value = parse_bounded(marker).unwrap_or_default();
    match marker["imageLayoutVersion"].as_str() {
        Some(version) if version.starts_with("1.") => Ok(()),
        _ => Err(not("`imageLayoutVersion` is not 1")),
    }
}

fn tags(entries: &[Descriptor]) -> Vec<String> {
    let names = entries
        .iter()
        .filter_map(|entry| entry.annotations.get(annotation::REF_NAME));
    names.cloned().collect()
}

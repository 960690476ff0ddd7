//! `manifest.json`, by which `docker load` finds an image in an archive.

use crate::archive_error::ArchiveError;
use crate::archive_reader::{ArchiveReader, blob_path};
use crate::{Image, LayoutError};
use mizzen_oci::{
    Descriptor, Digest, Family, HashingReader, ImageConfig, Manifest, MediaType, MediaTypeExt,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// An image in `manifest.json`.
///
/// Source: moby/docker-image-spec, v1.3, "Combined Image JSON + Filesystem Changeset Format".
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SavedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl SavedImage {
    pub(crate) fn of(image: &Image, names: Vec<String>) -> Self {
        let layers = image.layers().iter();
        Self {
            config: blob_path(&image.manifest().config().digest),
            repo_tags: Some(names),
            layers: layers
                .map(|layer| blob_path(&layer.descriptor.digest))
                .collect(),
        }
    }

    fn names(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }
}

/// Reads the image that has the name, or without one the only image.
///
/// Such an archive has no manifest; the one that is made names the layers as they are in it, most
/// often uncompressed.
pub(crate) fn read(archive: &ArchiveReader, name: Option<&str>) -> Result<Image, ArchiveError> {
    let place = || archive.file().to_owned();
    let Some(bytes) = archive.read("manifest.json")? else {
        return Err(ArchiveError::NoImage { file: place() });
    };
    let mut saved: Vec<SavedImage> =
        serde_json::from_slice(&bytes).map_err(|source| ArchiveError::DockerManifest {
            file: place(),
            source,
        })?;
    let tags: Vec<String> = saved
        .iter()
        .flat_map(|image| image.names().to_vec())
        .collect();
    if let Some(name) = name {
        saved.retain(|image| image.names().iter().any(|other| is_named(other, name)));
        if saved.is_empty() {
            let (place, tag) = (place(), name.to_owned());
            return Err(LayoutError::NoTag { place, tag, tags }.into());
        }
    }
    let saved = <[SavedImage; 1]>::try_from(saved).map_err(|saved| LayoutError::Ambiguous {
        place: place(),
        images: saved.len(),
        tags,
    });
    let [saved] = saved?;
    let missing = |entry: &str| ArchiveError::Missing {
        file: place(),
        entry: entry.to_owned(),
    };
    let config = archive
        .read(&saved.config)?
        .ok_or_else(|| missing(&saved.config))?;
    check_name(archive, &saved.config, Digest::of(&config))?;
    let diff_ids = ImageConfig::parse(&config)
        .map_err(crate::ImageError::from)?
        .diff_ids();
    let mut parts = BTreeMap::new();
    let mut layers = Vec::new();
    for (index, path) in saved.layers.iter().enumerate() {
        let (at, size_bytes) = archive.find(path).ok_or_else(|| missing(path))?;
        let (digest, media_type) = match compression(archive, at, size_bytes)? {
            // What the config says; it is verified when the bytes are read.
            None if index < diff_ids.len() => (diff_ids[index].0, MediaType::ImageLayer),
            kind => {
                let mut reader = HashingReader::new(archive.part(at, size_bytes)?);
                io::copy(&mut reader, &mut io::sink())?;
                (reader.finish().0, kind.unwrap_or(MediaType::ImageLayer))
            }
        };
        check_name(archive, path, digest)?;
        parts.insert(digest, at);
        layers.push(Descriptor::new(media_type, digest, size_bytes));
    }
    let family = Family::Oci;
    let manifest = Manifest::new(
        MediaType::ImageManifest.in_family(family),
        Descriptor::of(MediaType::ImageConfig.in_family(family), &config),
        layers,
        BTreeMap::new(),
    );
    Ok(Image::from_parts(manifest, &config, |descriptor| {
        let at = parts[&descriptor.digest];
        archive.blob_at(at, descriptor.size_bytes, descriptor.digest)
    })?)
}

/// Goes on unless the name of a file is another digest than its own: `blobs/sha256/<hex>`, or
/// `<hex>.json`, as a config was called before.
fn check_name(archive: &ArchiveReader, path: &str, got: Digest) -> Result<(), ArchiveError> {
    let hex = path
        .strip_prefix("blobs/sha256/")
        .or_else(|| path.strip_suffix(".json"));
    let named = hex.and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok());
    match named.filter(|want| *want != got) {
        None => Ok(()),
        Some(want) => Err(LayoutError::Corrupt {
            place: archive.file().to_owned(),
            got,
            want,
        }
        .into()),
    }
}

// `1.4` means `acme/shop:1.4`, too.
fn is_named(other: &str, name: &str) -> bool {
    other == name || other.rsplit_once(':').is_some_and(|(_, tag)| tag == name)
}

fn compression(
    archive: &ArchiveReader,
    at: u64,
    size_bytes: u64,
) -> Result<Option<MediaType>, ArchiveError> {
    let mut start = Vec::new();
    archive
        .part(at, size_bytes.min(4))?
        .read_to_end(&mut start)?;
    Ok(match &start[..] {
        [0x1f, 0x8b, ..] => Some(MediaType::ImageLayerGzip),
        [0x28, 0xb5, 0x2f, 0xfd] => Some(MediaType::ImageLayerZstd),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_tag_alone_names_an_image() {
        assert!(is_named("acme/shop:1.4", "1.4"));
        assert!(is_named("acme/shop:1.4", "acme/shop:1.4"));
        assert!(!is_named("acme/shop:1.4", "shop:1.4"));
    }
}

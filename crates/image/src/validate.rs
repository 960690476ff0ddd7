//! Recomputes everything that an image says about itself.

use crate::defect::Defect;
use crate::layer_check::{check_blob, check_layer};
use crate::{Image, Taggable, document_check};
use mizzen_oci::{Descriptor, Digest, Family, MediaTypeExt, Platform};

/// What the entries of an index for attestations say they run on.
pub(crate) const NO_PLATFORM: &str = "unknown/unknown";

/// Checks one image, reading every layer to its end: digests, sizes, diff ids, media types, the
/// entries of the layers, the members of manifest and config.
///
/// With `platform`, also that it is the image's.
///
/// # Errors
/// All defects found, in the order: manifest, config, layers bottom first.
pub fn validate(image: &Image, platform: Option<&Platform>) -> Result<(), Vec<Defect>> {
    let mut defects = Vec::new();
    check_image(image, platform, &mut defects);
    if defects.is_empty() {
        Ok(())
    } else {
        Err(defects)
    }
}

/// Checks what a tag points at: one image, or an index and every image in it.
///
/// # Errors
/// All defects found; those of the index first.
pub fn validate_all(what: &Taggable) -> Result<(), Vec<Defect>> {
    let mut defects = Vec::new();
    match what {
        Taggable::Image(image) => check_image(image, None, &mut defects),
        Taggable::Index(index, images) => {
            for inner in index.inner() {
                document_check::check_index(inner, &mut defects);
            }
            document_check::check_index(index, &mut defects);
            for image in images {
                let digest = image.manifest().descriptor().digest;
                let Some(entry) = index.entry(&digest) else {
                    defects.push(Defect::Member {
                        what: "index".to_owned(),
                        member: "manifests".to_owned(),
                        why: format!("does not name manifest {digest}"),
                    });
                    continue;
                };
                let bytes = image.manifest().bytes();
                check_bytes("manifest", bytes, entry, &mut defects);
                let platform = entry.platform.as_ref();
                if platform.is_some_and(|platform| platform.to_string() == NO_PLATFORM) {
                    check_attestation(image, &mut defects);
                } else {
                    check_image(image, platform, &mut defects);
                }
            }
        }
    }
    if defects.is_empty() {
        Ok(())
    } else {
        Err(defects)
    }
}

fn check_image(image: &Image, platform: Option<&Platform>, defects: &mut Vec<Defect>) {
    let manifest = image.manifest();
    check_bytes("manifest", manifest.bytes(), manifest.descriptor(), defects);
    document_check::check_manifest(manifest, defects);
    check_bytes("config", image.config_bytes(), manifest.config(), defects);
    document_check::check_config(image, defects);
    let got = image.config().platform();
    if let Some(want) = platform.filter(|want| !want.accepts(&got)) {
        defects.push(Defect::Platform {
            what: format!("image {}", manifest.descriptor().digest),
            got: got.to_string(),
            want: want.to_string(),
        });
    }
    let family = family_of(manifest.descriptor());
    for layer in image.layers() {
        check_layer(layer, family, defects);
    }
}

// What BuildKit puts beside images: a manifest of images' form whose layers are statements.
fn check_attestation(image: &Image, defects: &mut Vec<Defect>) {
    let manifest = image.manifest();
    check_bytes("config", image.config_bytes(), manifest.config(), defects);
    for layer in image.layers() {
        check_blob(layer, defects);
    }
}

fn check_bytes(what: &str, bytes: &[u8], descriptor: &Descriptor, defects: &mut Vec<Defect>) {
    let got = Digest::of(bytes);
    if got != descriptor.digest {
        defects.push(Defect::Digest {
            what: what.to_owned(),
            got,
            want: descriptor.digest,
        });
    }
    if bytes.len() as u64 != descriptor.size_bytes {
        defects.push(Defect::Size {
            what: what.to_owned(),
            got_bytes: bytes.len() as u64,
            want_bytes: descriptor.size_bytes,
        });
    }
}

/// The family that a manifest or index is written in; everything it names must be of the same.
pub(crate) fn family_of(descriptor: &Descriptor) -> Family {
    let media_type = &descriptor.media_type;
    if *media_type == media_type.in_family(Family::Oci) {
        Family::Oci
    } else {
        Family::Docker
    }
}

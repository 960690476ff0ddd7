use crate::ImageError;
use mizzen_oci::{Digest, ManifestError};
use std::io;
use std::path::PathBuf;

/// A layout, in a folder or an archive, that is none or does not hold what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It has no sound `oci-layout` file.
    #[error("`{}` is not an OCI layout: {why}", .place.display())]
    NotALayout {
        /// The folder or the archive.
        place: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// No image has the name.
    #[error("`{}` has no image `{tag}`, only `{}`", .place.display(), .tags.join("`, `"))]
    NoTag {
        /// The folder or the archive.
        place: PathBuf,
        /// What was asked for.
        tag: String,
        /// The names there are.
        tags: Vec<String>,
    },
    /// Without a name it is not clear which image is meant.
    #[error("`{}` holds {images} images, want one or a tag: `{}`", .place.display(), .tags.join("`, `"))]
    Ambiguous {
        /// The folder or the archive.
        place: PathBuf,
        /// How many images match.
        images: usize,
        /// The names there are.
        tags: Vec<String>,
    },
    /// The image runs on other platforms.
    #[error("the image in `{}` is for {}, want {want}", .place.display(), .got.join(", "))]
    Platform {
        /// The folder or the archive.
        place: PathBuf,
        /// The platforms on offer.
        got: Vec<String>,
        /// What was asked for.
        want: String,
    },
    /// `index.json` is not an index.
    #[error("`{}` is not an image index", .file.display())]
    IndexFile {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A blob is not what its name says.
    #[error("blob of `{}` is corrupt: got {got}, want {want}", .place.display())]
    Corrupt {
        /// The folder or the archive.
        place: PathBuf,
        /// The digest of the bytes.
        got: Digest,
        /// The digest in its name.
        want: Digest,
    },
    /// A document that is named is not there.
    #[error("`{}` has no blob {digest}, which it names", .place.display())]
    Missing {
        /// The folder or the archive.
        place: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// What names a blob gives it another size than it has.
    #[error("blob {digest} of `{}` has {got_bytes} bytes, want {want_bytes}", .place.display())]
    Size {
        /// The folder or the archive.
        place: PathBuf,
        /// The blob.
        digest: Digest,
        /// How many bytes it has.
        got_bytes: u64,
        /// How many its descriptor says it has.
        want_bytes: u64,
    },
    /// A manifest or index is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The parts do not make an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file cannot be read or written; the message names it.
    #[error("the OCI layout cannot be read or written")]
    Io(#[from] io::Error),
}

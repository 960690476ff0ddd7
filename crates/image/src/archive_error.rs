use crate::{ImageError, LayoutError};
use std::io;
use std::path::PathBuf;

/// A tar file that holds no sound image, or cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The whole file is compressed, so that nothing in it can be found.
    #[error("`{}` is compressed, want a plain tar", .file.display())]
    Compressed {
        /// The file.
        file: PathBuf,
    },
    /// The file is not a tar, or cut off.
    #[error("`{}` is not a complete tar", .file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What the reader says.
        #[source]
        source: io::Error,
    },
    /// An entry that no image archive has any use for, but an attacker may.
    #[error("entry `{entry}` of `{}` {why}", .file.display())]
    Entry {
        /// The file.
        file: PathBuf,
        /// The entry's path.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is neither `index.json` nor `manifest.json` in it.
    #[error("`{}` holds no image: neither `index.json` nor `manifest.json`", .file.display())]
    NoImage {
        /// The file.
        file: PathBuf,
    },
    /// `manifest.json` is not what `docker save` writes.
    #[error("`manifest.json` of `{}` is malformed", .file.display())]
    DockerManifest {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// `manifest.json` names a file that is not there.
    #[error("`{}` has no `{entry}`, which its `manifest.json` names", .file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// The entry that is not there.
        entry: String,
    },
    /// An archive for `docker load` holds one image.
    #[error("an archive for docker holds one image, got {images} for `{}`", .file.display())]
    OneImage {
        /// The file.
        file: PathBuf,
        /// How many there were.
        images: usize,
    },
    /// The layout in the archive is not sound, or lacks what was asked for.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The parts do not make an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file cannot be read or written; the message names it.
    #[error("the archive cannot be read or written")]
    Io(#[from] io::Error),
}

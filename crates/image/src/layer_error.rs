use mizzen_store::{Cancelled, StoreError};
use std::io;

/// Entries that cannot become a layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// No layer can hold the path.
    #[error("`{path}` cannot be in a layer: {why}")]
    Path {
        /// The path in the image.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two entries have one path.
    #[error("two files claim the path `{path}` in one layer")]
    DuplicatePath {
        /// The path in the image.
        path: String,
    },
    /// An entry lies below one that is not a directory.
    #[error("`{path}` is below `{parent}`, which is a file in the same layer")]
    NotADirectory {
        /// The file.
        parent: String,
        /// What lies below it.
        path: String,
    },
    /// A file cannot be read; the source names it on disk.
    #[error("cannot read the file for `{path}`")]
    Read {
        /// The path in the image.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file was written to while it was read.
    #[error("the file for `{path}` changed while it was read")]
    Changed {
        /// The path in the image.
        path: String,
    },
    /// The layer cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

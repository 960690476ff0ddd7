use crate::{Cancelled, UnfitFolder};
use mizzen_oci::Digest;
use std::io;
use std::path::PathBuf;

/// The cache folder cannot be used, or a blob is not what its name says.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of the cache could not be read or written; the message names it.
    #[error("the cache cannot be read or written")]
    Io(#[from] io::Error),
    /// The folder, or one in it, cannot be a cache's, and nothing in it was touched.
    #[error("`{}` cannot be used as the cache: {why}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What speaks against it.
        why: UnfitFolder,
    },
    /// The work was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Bytes arrived that are not what was announced.
    #[error("got {got} ({got_bytes} bytes), want {want}")]
    Mismatch {
        /// The digest of the bytes.
        got: Digest,
        /// How many there are.
        got_bytes: u64,
        /// The digest that was announced.
        want: Digest,
    },
}

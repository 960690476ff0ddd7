use crate::Cancelled;
use mizzen_oci::Digest;
use std::io;
use std::path::PathBuf;

/// The cache folder cannot be used, or a blob is not what its name says.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of the cache could not be read or written; the message names it.
    #[error("the cache cannot be read or written")]
    Io(#[from] io::Error),
    /// The folder belongs to somebody else, who could put anything into it.
    #[error("cache folder `{path}` belongs to user {owner}, not to user {user}")]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// The number of the user who runs this process.
        user: u32,
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

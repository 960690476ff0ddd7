//! Content-addressed blobs on disk, the records of finished actions and their format, and the trait
//! [`ActionCache`] that finds them.
//!
//! ```text
//! <cache>/                        0700, one user's
//! ├── CACHEDIR.TAG                says that this is a cache, and of which version
//! ├── blobs/sha256/<hex>          the bytes whose SHA-256 is the name; the shape of an OCI layout
//! ├── actions-v1/<step>/<hex>     one record a file: what the action with that key gave
//! ├── stat-v1/<hex>               which digest each file of a tree had when it was last read
//! ├── notes-v1/<kind>/<hex>       small things that save work and may be gone at any time
//! ├── tmp/                        everything is written here, then renamed
//! ├── value-key                   the secret under which values of variables are digested
//! └── .lock                       shared by every user of the cache; exclusive for who sweeps tmp/ or prunes
//! ```
//!
//! A blob appears under its digest by one rename of a file that is complete, checked and synced.
//! Every read is verified; what does not verify is removed, so that the next run makes it again.
//! Nothing else is removed, ever, than what has such a name in such a place and is not a link.

mod action_cache;
mod blob;
mod blob_writer;
mod cache_folder;
mod cancel;
mod causes;
mod damaged_blob;
mod error;
mod file_lock;
mod file_systems;
mod housekeeping;
mod own_files;
mod persist;
mod prune;
mod sealed_file;
mod shared_form;
mod stat_cache;
mod stat_table;
mod store;
mod stored_blob;
mod turn;
mod usage;
mod value_key;

pub use action_cache::{ActionCache, ActionResult, FsActionCache, Output};
pub use blob::{Blob, BytesBlob, copy_hashed, verified};
pub use blob_writer::BlobWriter;
pub use cache_folder::UnfitFolder;
pub use cancel::{Cancel, Cancelled};
pub use causes::cause;
pub use damaged_blob::DamagedBlob;
pub use error::StoreError;
pub use file_lock::lock_file;
pub use housekeeping::{Housekeeping, Removed};
pub use persist::persist;
pub use prune::Limits;
pub use shared_form::{Merge, SharedForm};
pub use stat_cache::{FileState, FoundFile, StatCache};
pub use store::Store;
pub use stored_blob::StoredBlob;
pub use turn::Turn;
pub use usage::Usage;
pub use value_key::ValueKey;

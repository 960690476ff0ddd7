//! Records of finished actions in repositories of OCI registries, beside those of this machine.
//!
//! A [`SharedCache`] is an [`ActionCache`](mizzen_store::ActionCache): it asks the machine's own records
//! first, then each repository in order, and keeps here what it finds there. What a build makes is sent
//! when the build is over. A repository that fails is left alone for the rest of the command, and told of
//! once: a shared cache makes a build faster or changes nothing.
//!
//! ```text
//! <repository>:<step>-<hex of the key>        one manifest a record
//! ├── annotation   the record, zstd, so that one request answers a look-up; a large one is the config
//! └── layers       the blobs that the record names: layers of images, packages; a hit need not fetch them
//! ```
//!
//! What a record says is believed as far as who may write into the repository is; what can be checked is:
//! the digest of every blob, and that a record is of the step and the key that it was asked for.
//! Source: OCI image-spec 1.1, manifest.md, "Guidelines for Artifact Usage".

mod lost_blob;
mod record_document;
mod remote;
mod remote_settings;
mod shared_blob;
mod shared_cache;

pub use lost_blob::LostBlob;
pub use remote_settings::remote_settings;
pub use shared_cache::{SharedCache, SharedPlaces};

//! The words of the OCI specs as plain values, and the one place where JSON that gets a digest is
//! written.
//!
//! Built on `oci-spec`, with one difference that matters: its `labels`, `annotations` and
//! `exposed_ports` are hash maps, so the same value serialises to another byte string each time.
//! Whatever gets a digest here is therefore a JSON value written by [`canonical_json()`]; the typed
//! structs are views of it.

mod canonical_json;
mod config;
mod content_time;
mod descriptor;
mod digest;
mod healthcheck;
mod index;
mod json_bounds;
mod manifest;
mod media_type;
mod platform;
mod reference;
mod reference_parts;

pub use canonical_json::canonical_json;
pub use config::{ConfigError, History, ImageConfig};
pub use content_time::ContentTime;
pub use descriptor::Descriptor;
pub use digest::{DiffId, Digest, DigestError, Hasher, HashingReader, HashingWriter};
pub use healthcheck::{Healthcheck, HealthcheckError};
pub use index::Index;
pub use json_bounds::parse_bounded;
pub use manifest::{Manifest, ManifestError};
pub use media_type::{Family, MediaType, MediaTypeExt};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError, Repository};

/// Names of the predefined annotations and labels, as image-spec's annotations.md has them.
pub mod annotation {
    pub use oci_spec::image::{
        ANNOTATION_BASE_IMAGE_DIGEST as BASE_DIGEST, ANNOTATION_BASE_IMAGE_NAME as BASE_NAME,
        ANNOTATION_CREATED as CREATED, ANNOTATION_REF_NAME as REF_NAME,
        ANNOTATION_REVISION as REVISION, ANNOTATION_SOURCE as SOURCE, ANNOTATION_TITLE as TITLE,
        ANNOTATION_VERSION as VERSION,
    };
}

use mizzen_oci::{Digest, MediaType};

/// A rule of the specs that an image breaks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Defect {
    /// A blob's bytes are others than its descriptor names.
    #[error("{what} is corrupt: got {got}, want {want}")]
    Digest {
        /// Which blob.
        what: String,
        /// The digest of the bytes.
        got: Digest,
        /// The digest in the descriptor.
        want: Digest,
    },
    /// A blob is longer or shorter than its descriptor says.
    #[error("{what} has {got_bytes} bytes, its descriptor says {want_bytes}")]
    Size {
        /// Which blob.
        what: String,
        /// How many bytes there are.
        got_bytes: u64,
        /// How many there should be.
        want_bytes: u64,
    },
    /// The tar inside a layer is not the one that the config names.
    #[error("{layer} holds the tar {got}, the config names {want}")]
    DiffId {
        /// The layer.
        layer: String,
        /// The digest of the tar.
        got: Digest,
        /// The diff id in the config.
        want: Digest,
    },
    /// A blob cannot be had.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// Which blob.
        what: String,
        /// What went wrong.
        why: String,
    },
    /// A media type is none that such a blob can have.
    #[error("{what} has the media type `{got}`, {why}")]
    MediaType {
        /// Which blob.
        what: String,
        /// Its media type.
        got: MediaType,
        /// What is wrong with that.
        why: &'static str,
    },
    /// The compressed bytes of a layer or the tar inside are damaged.
    #[error("{layer} cannot be unpacked: {why}")]
    Archive {
        /// The layer.
        layer: String,
        /// What went wrong.
        why: String,
    },
    /// An entry of a layer breaks a rule.
    #[error("entry `{path}` of {layer} {why}")]
    Entry {
        /// The layer.
        layer: String,
        /// The entry.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A member of the manifest, index or config breaks a rule.
    #[error("{what}: `{member}` {why}")]
    Member {
        /// Which document.
        what: String,
        /// The member, `config.Env`.
        member: String,
        /// What is wrong with it.
        why: String,
    },
    /// An image runs on another platform than is said or wanted.
    #[error("{what} is for {got}, want {want}")]
    Platform {
        /// Which image.
        what: String,
        /// The platform in its config.
        got: String,
        /// The platform that its descriptor says.
        want: String,
    },
}

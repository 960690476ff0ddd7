use crate::Reach;
use mizzen_image::ImageError;
use mizzen_oci::{Digest, ManifestError, Platform, Reference};
use mizzen_store::StoreError;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// What went wrong between here and a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry has no such image.
    #[error("`{0}` does not exist")]
    NotFound(Box<Reference>),
    /// The image exists, but not for this platform.
    #[error("`{reference}` has no image for {wanted}; it has {}", or_none(offered))]
    PlatformMissing {
        /// What was asked for.
        reference: Box<Reference>,
        /// The platform that was asked for.
        wanted: Box<Platform>,
        /// The platforms that the image has.
        offered: Vec<String>,
    },
    /// The registry wants credentials, or others than those that were found.
    #[error("registry `{registry}` denied access for {scope} ({tried})")]
    Unauthorized {
        /// The registry.
        registry: String,
        /// What was asked for, in the words of the token protocol.
        scope: String,
        /// Where credentials were looked for and what was found; never a secret.
        tried: String,
        /// What the registry said.
        #[source]
        answer: Box<Answer>,
    },
    /// The registry understood, and said no.
    #[error("registry `{registry}` refused {what} ({status}{})", with_space(code))]
    Refused {
        /// The registry.
        registry: String,
        /// What it refused: a manifest, a layer.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own code, such as `DENIED`; empty if it gave none.
        code: String,
        /// What it said.
        #[source]
        answer: Box<Answer>,
    },
    /// The registry could not be reached, or kept failing until the retries were spent.
    #[error("registry `{registry}` failed on {what} ({attempts} attempts)")]
    Failed {
        /// The registry.
        registry: String,
        /// What was asked of it.
        what: String,
        /// How often it was asked.
        attempts: u32,
        /// How it failed the last time.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The registry answered too slowly, or not at all, each time.
    #[error("registry `{registry}` is too slow with {what} ({attempts} attempts)")]
    Slow {
        /// The registry.
        registry: String,
        /// What was asked of it.
        what: String,
        /// How often it was asked.
        attempts: u32,
        /// How slow it was the last time.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The registry cannot be spoken to, and trying again would not help.
    #[error("registry `{registry}` cannot be reached for {what}: {reason}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What was asked of it.
        what: String,
        /// Why not.
        reason: Reach,
        /// What the connection, or the answer, said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The registry asks for more patience than there is.
    #[error(
        "registry `{registry}` asks to wait {}s before {what}, longer than the limit of {}s",
        asked.as_secs(), longest.as_secs()
    )]
    WaitTooLong {
        /// The registry.
        registry: String,
        /// What was asked of it.
        what: String,
        /// How long it says to wait.
        asked: Duration,
        /// How long is waited at most.
        longest: Duration,
    },
    /// The registry did what the protocol does not allow, or what is not safe to follow.
    #[error("registry `{registry}` gave an unusable answer for {what}: {reason}")]
    Unusable {
        /// The registry.
        registry: String,
        /// What was asked of it.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// What is there under a digest is something else, or is said to be.
    #[error("registry `{registry}` has other content for {what}: got {got}, want {want}")]
    OtherContent {
        /// The registry.
        registry: String,
        /// What was asked of it.
        what: String,
        /// The digest of what it has.
        got: Digest,
        /// The digest that was asked for.
        want: Digest,
    },
    /// What is there is longer or shorter than what names it says.
    #[error(
        "registry `{registry}` names a wrong size for {what}: got {got_bytes} bytes, want {want_bytes}"
    )]
    OtherSize {
        /// The registry.
        registry: String,
        /// What was read.
        what: String,
        /// How many bytes it has.
        got_bytes: u64,
        /// How many bytes it should have, by its descriptor.
        want_bytes: u64,
    },
    /// The bytes under a digest are not a manifest or index.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Manifest and config do not make an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A blob that should be sent could not be read.
    #[error("blob {digest} cannot be read")]
    Blob {
        /// The blob.
        digest: Digest,
        /// Why not; a [`RegistryError`] inside if it had to come from a registry.
        #[source]
        source: io::Error,
    },
    /// The cache could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network must not be used, and the answer is not known here.
    #[error("{what} of registry `{registry}` is not in the cache, but the network is off")]
    Offline {
        /// The registry.
        registry: String,
        /// What would have been asked for.
        what: String,
    },
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String, #[source] Option<Box<dyn Error + Send + Sync>>),
    /// Credentials could not be read.
    #[error(transparent)]
    Keychain(#[from] crate::KeychainError),
    /// The work was asked to stop.
    #[error("interrupted")]
    Cancelled,
}

/// Whose fault it is, and so how the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// Settings or arguments (exit code 2).
    Settings,
    /// The registry said no: auth, missing, denied (4).
    SaidNo,
    /// Network or registry failed after retries (5).
    Failed,
    /// Local disk or cache (7).
    Local,
    /// Interrupted (130).
    Cancelled,
}

/// What a registry answered, in its own words.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The method of the request.
    pub method: String,
    /// The URL of the request, without query.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// The codes and messages of the body, or its beginning.
    pub message: String,
}

impl RegistryError {
    /// Returns whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_)
            | Self::PlatformMissing { .. }
            | Self::Unauthorized { .. }
            | Self::OtherContent { .. }
            | Self::Refused { .. } => ErrorKind::SaidNo,
            Self::Failed { .. }
            | Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::WaitTooLong { .. }
            | Self::Unusable { .. }
            | Self::OtherSize { .. }
            | Self::Manifest(_)
            | Self::Image(_)
            | Self::Offline { .. } => ErrorKind::Failed,
            Self::Blob { source, .. } => Self::within(source).map_or(ErrorKind::Local, Self::kind),
            Self::Store(_) => ErrorKind::Local,
            Self::Settings(..) | Self::Keychain(_) => ErrorKind::Settings,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// Returns the registry's error that an [`io::Error`] of a blob carries, if it does.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<mizzen_store::Cancelled> for RegistryError {
    fn from(_: mizzen_store::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.url)?;
        if self.message.is_empty() {
            write!(f, "status {}", self.status)
        } else {
            f.write_str(&self.message)
        }
    }
}

impl Error for Answer {}

fn with_space(code: &str) -> String {
    if code.is_empty() {
        String::new()
    } else {
        format!(" {code}")
    }
}

fn or_none(offered: &[String]) -> String {
    if offered.is_empty() {
        "none".to_owned()
    } else {
        offered.join(", ")
    }
}

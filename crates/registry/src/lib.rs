//! The distribution protocol: pull, push, mount, authenticate, retry.
//!
//! A [`Registry`] is the one handle: it owns the connections, the tokens and the threads. From it
//! come an [`image::Source`](mizzen_image::Source) for a reference and an
//! [`image::Sink`](mizzen_image::Sink) for one. Both are sync; the async client stays inside.
//!
//! | what | decides |
//! |---|---|
//! | `client`, `exchange`, `host` | how one request is sent: places, time limits, redirects; whether a failure may pass |
//! | `auth` | who we are, and to whom we say it |
//! | `retry`, `pace` | how long to wait, how slow a host may be, and when to give up |
//! | `tls`, `trust`, `proxy`, `reach` | whom we trust, through whom we ask, why a host cannot be spoken to |
//! | `follow` | which URLs of an answer are not followed |
//! | `pull`, `download`, `places`, `source` | reads: manifests, configs, blobs; from mirrors first |
//! | `push`, `parts`, `upload`, `session`, `chunks`, `manifests`, `sink` | writes: what is missing, the manifests after it, the tag last |
//! | `tagged` | reads and writes what is no image |
//! | `progress`, `trace` | what is told of it all |
//! | `quirk` | what registries do beside the protocol |
//!
//! Source: OCI distribution-spec 1.1.

mod attach;
mod auth;
mod body;
mod chunks;
mod client;
mod clock;
mod document;
mod download;
mod endpoint;
mod error;
mod exchange;
mod follow;
mod host;
mod landing;
mod manifests;
mod pace;
mod parts;
mod places;
mod preflight;
mod progress;
mod proxy;
mod pull;
mod push;
mod quirk;
mod reach;
mod referrers;
mod registry;
mod registry_blob;
mod reply;
mod request;
mod retry;
mod session;
mod settings;
mod sink;
mod source;
mod sync;
mod tagged;
mod tls;
mod trace;
mod trust;
mod upload;
mod warnings;

pub use auth::{Credential, CredentialFile, Kept, Keychain, KeychainError};
pub use clock::{Clock, SystemClock};
pub use error::{Answer, ErrorKind, RegistryError};
pub use mizzen_image::Artifact;
pub use progress::{Counts, Silent, Transfer, TransferReporter};
pub use quirk::Quirk;
pub use reach::Reach;
pub use registry::Registry;
pub use retry::RetrySettings;
pub use settings::{HostSettings, Proxies, Settings};
pub use sink::RegistrySink;
pub use source::RegistrySource;
pub use trace::{Trace, Wait};

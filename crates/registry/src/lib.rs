//! The distribution protocol: pull, push, mount, authenticate, retry.
//!
//! A [`Registry`] is the one handle: it owns the connections, the tokens and the threads. From it
//! come an [`image::Source`](mizzen_image::Source) for a reference and an
//! [`image::Sink`](mizzen_image::Sink) for one. Both are sync; the async client stays inside.
//!
//! What happens on the wire is decided in four places, each of which knows nothing of the others:
//! `client` sends one request (authorization, redirects, time limits) and says whether a
//! failure may pass; `retry` says how long to wait and when to give up; `pull`,
//! `push` and `upload` know the protocol's verbs.
//!
//! Source: OCI distribution-spec 1.1.

mod auth;
mod body;
mod client;
mod endpoint;
mod error;
mod follow;
mod host;
mod places;
mod preflight;
mod progress;
mod pull;
mod push;
mod quirk;
mod referrers;
mod registry;
mod reply;
mod request;
mod retry;
mod settings;
mod sink;
mod source;
mod sync;
mod tls;
mod upload;

pub use auth::{Credential, CredentialFile, Kept, Keychain, KeychainError};
pub use error::{Answer, ErrorKind, RegistryError};
pub use progress::{Counts, Silent, Transfer, TransferReporter};
pub use quirk::Quirk;
pub use referrers::Artifact;
pub use registry::Registry;
pub use retry::{Clock, RetrySettings, SystemClock};
pub use settings::{HostSettings, Proxies, Settings};
pub use sink::RegistrySink;
pub use source::RegistrySource;

//! Who we are to a registry: where credentials come from, and what a challenge turns them into.

mod bearer;
mod challenge;
mod docker_config;
mod keychain;

pub(crate) use bearer::{Access, Authorizations};
pub use keychain::{Credential, Keychain, KeychainError};

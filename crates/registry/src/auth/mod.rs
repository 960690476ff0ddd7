//! Who we are to a registry: where credentials come from, and what a challenge turns them into.

mod bearer;
mod challenge;
mod credential_file;
mod credential_helper;
mod docker_config;
mod keychain;

pub(crate) use bearer::{Access, Authorizations};
pub use credential_file::{CredentialFile, Kept};
pub use keychain::{Credential, Keychain, KeychainError};

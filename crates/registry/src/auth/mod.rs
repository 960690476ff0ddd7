//! Who we are to a registry: where credentials come from, and what a challenge turns them into.

mod access;
mod bearer;
mod challenge;
mod credential_file;
mod credential_helper;
mod credential_scope;
mod docker_config;
mod keychain;
mod token;

pub(crate) use access::Access;
pub(crate) use bearer::Authorizations;
pub use credential_file::{CredentialFile, Kept};
pub use keychain::{Credential, Keychain, KeychainError};

//! The smaller tables of the file.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[cache]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheConfig {
    /// Where blobs and records live.
    pub(crate) dir: Option<PathBuf>,
}

/// `[env]`: variables of the user's that a build may see.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EnvConfig {
    /// They reach restore and publish, and are in every key by their value.
    pub(crate) pass: Vec<String>,
    /// They reach restore alone, and are in no key, record or line.
    pub(crate) secret: Vec<String>,
}

/// `[labels]`: what an image tells beside what it is told to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LabelsConfig {
    /// The commit, and where the sources are.
    pub(crate) git: bool,
}

/// `[inputs]`: what is staged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InputsConfig {
    /// The workspace's root.
    pub(crate) root: Option<PathBuf>,
    /// Files and folders that would be left out, or lie elsewhere.
    pub(crate) extra: Vec<String>,
    /// Patterns of what is left out, relative to the root.
    pub(crate) ignore: Vec<String>,
}

impl CacheConfig {
    pub(super) fn locate(&mut self, folder: &Path) {
        self.dir = self.dir.as_ref().map(|dir| folder.join(dir));
    }
}

impl InputsConfig {
    pub(super) fn locate(&mut self, folder: &Path) {
        self.root = self.root.as_ref().map(|root| folder.join(root));
    }
}

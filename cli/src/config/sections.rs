//! The smaller tables of the file.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[cache]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct CacheConfig {
    /// Where blobs and records live.
    pub(crate) dir: Option<PathBuf>,
    /// Where results of other machines are taken from.
    from: Vec<String>,
    /// Where results are left for others.
    to: Vec<String>,
    /// Whether results of steps are taken that nobody watched.
    accept_unwatched: Option<bool>,
}

/// `[env]`: variables of the user's that a build may see.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EnvConfig {
    /// They reach restore and publish, and are in every key by their value.
    pub(crate) pass: Vec<String>,
    /// They reach restore alone, and are in no key, record or line.
    pub(crate) secret: Vec<String>,
}

/// `[labels]`: what an image tells beside what it is told to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LabelsConfig {
    /// The commit, and where the sources are.
    pub(crate) git: bool,
}

/// `[inputs]`: what is staged.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
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

    /// Returns what the table says, as options of `build`: name and values.
    pub(super) fn options(&self) -> Vec<(&'static str, Vec<String>)> {
        let dir = self.dir.iter();
        let dir = dir.map(|dir| dir.to_string_lossy().into_owned());
        let accept = self.accept_unwatched.iter().map(bool::to_string);
        let all = [
            ("cache-dir", dir.collect()),
            ("cache-from", self.from.clone()),
            ("cache-to", self.to.clone()),
            ("accept-unwatched", accept.collect()),
        ];
        let is_said = |(_, values): &(_, Vec<String>)| !values.is_empty();
        all.into_iter().filter(is_said).collect()
    }
}

impl InputsConfig {
    pub(super) fn locate(&mut self, folder: &Path) {
        self.root = self.root.as_ref().map(|root| folder.join(root));
    }
}

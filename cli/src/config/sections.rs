//! The smaller tables of the file.

use mizzen_build::{FloatPolicy, GitPolicy, Policy};
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

/// `[policy]`: how what is not only a function of its inputs is handled.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyConfig {
    git: Git,
    network: bool,
    floats: Floats,
    level: Level,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Git {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Floats {
    #[default]
    Resolve,
    Error,
}

/// How much is staged. There is one level: the whole workspace.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "u8")]
struct Level;

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(level: u8) -> Result<Self, String> {
        match level {
            0 => Ok(Self),
            level => Err(format!(
                "level is {level}, want 0: the whole workspace is staged"
            )),
        }
    }
}

impl PolicyConfig {
    pub(crate) fn policy(self) -> Policy {
        let Level = self.level;
        Policy {
            git: match self.git {
                Git::Auto => GitPolicy::Auto,
                Git::Always => GitPolicy::Always,
                Git::Never => GitPolicy::Never,
            },
            network: self.network,
            floats: match self.floats {
                Floats::Resolve => FloatPolicy::Resolve,
                Floats::Error => FloatPolicy::Error,
            },
        }
    }

    /// Returns each setting with its value.
    pub(crate) fn settings(self) -> [(&'static str, String); 4] {
        [
            ("git", format!("{:?}", self.git).to_lowercase()),
            ("network", self.network.to_string()),
            ("floats", format!("{:?}", self.floats).to_lowercase()),
            ("level", "0".to_owned()),
        ]
    }
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

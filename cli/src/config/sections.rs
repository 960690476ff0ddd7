//! The smaller tables of the file.

use mizzen_builder::{FloatPolicy, GitPolicy, Policy, VolatilePolicy};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    volatile: Volatile,
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

/// `resolve`, `error`, or how long what was resolved stays good: `ttl:24h`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
enum Floats {
    #[default]
    Resolve,
    Error,
    Ttl(Duration),
}

impl TryFrom<String> for Floats {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match (text.as_str(), text.strip_prefix("ttl:")) {
            ("resolve", _) => Ok(Self::Resolve),
            ("error", _) => Ok(Self::Error),
            ("ttl", _) => Err("floats is `ttl`, want a time such as `ttl:24h`".to_owned()),
            (_, Some(ttl)) => match humantime::parse_duration(ttl) {
                Ok(ttl) => Ok(Self::Ttl(ttl)),
                Err(error) => Err(format!(
                    "floats is `{text}`, want a time such as `ttl:24h` ({error})"
                )),
            },
            // As the parser says it of words, for the hint that is made of that.
            _ => Err(format!(
                "unknown variant `{text}`, expected one of `resolve`, `error`, `ttl:24h`"
            )),
        }
    }
}

impl fmt::Display for Floats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve => f.write_str("resolve"),
            Self::Error => f.write_str("error"),
            Self::Ttl(ttl) => write!(f, "ttl:{}", humantime::format_duration(*ttl)),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Volatile {
    #[default]
    Warn,
    NeverCache,
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
                "level is {level}, want 0: what a target reads is known only once it ran, so the whole \
                 workspace is staged but for `[inputs] ignore`"
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
                Floats::Ttl(ttl) => FloatPolicy::Ttl(ttl),
            },
            volatile: match self.volatile {
                Volatile::Warn => VolatilePolicy::Warn,
                Volatile::NeverCache => VolatilePolicy::NeverCache,
                Volatile::Error => VolatilePolicy::Error,
            },
        }
    }

    /// Returns each setting with its value.
    pub(crate) fn settings(self) -> [(&'static str, String); 5] {
        let volatile = match self.volatile {
            Volatile::Warn => "warn",
            Volatile::NeverCache => "never-cache",
            Volatile::Error => "error",
        };
        [
            ("git", format!("{:?}", self.git).to_lowercase()),
            ("network", self.network.to_string()),
            ("floats", self.floats.to_string()),
            ("volatile", volatile.to_owned()),
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

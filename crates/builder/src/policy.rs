use mizzen_dotnet::PathPattern;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a build handles what is not a function of the workspace alone, in the words of a configuration
/// file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whether the stage shows git's own files.
    pub git: GitPolicy,
    /// Whether publish may reach the network; then nothing that it gives is kept by a key.
    pub network: bool,
    /// What becomes of projects whose package versions float.
    pub floats: FloatPolicy,
    /// What becomes of projects that make something else each time.
    pub volatile: VolatilePolicy,
    /// Whether it is watched what the steps look up. Without that a record is found only where nothing
    /// of the workspace changed.
    pub watch: bool,
    /// Whether publish may leave out what is known to change nothing. What it gives is the same.
    pub shortcuts: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            git: GitPolicy::default(),
            network: false,
            floats: FloatPolicy::default(),
            volatile: VolatilePolicy::default(),
            watch: true,
            shortcuts: true,
        }
    }
}

/// Whether the stage shows git's own files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitPolicy {
    /// Where a package asks for them that is known to.
    #[default]
    Auto,
    /// All of them.
    Always,
    /// None.
    Never,
}

/// What becomes of projects whose package versions float: `resolve`, `error`, `ttl:24h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum FloatPolicy {
    /// They are restored each time.
    #[default]
    Resolve,
    /// They are restored once the packages that were resolved are as old as this.
    Ttl(Duration),
    /// They are an error.
    Error,
}

/// What becomes of projects that make something else each time: of the clock, of a random number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolatilePolicy {
    /// What was made is reused, and warned of.
    #[default]
    Warn,
    /// They are published each time, and nothing of it is kept by a key.
    NeverCache,
    /// They are an error.
    Error,
}

impl TryFrom<String> for FloatPolicy {
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
            // As parsers say it of words, for the hint that is made of that.
            _ => Err(format!(
                "unknown variant `{text}`, expected one of `resolve`, `error`, `ttl:24h`"
            )),
        }
    }
}

impl From<FloatPolicy> for String {
    fn from(policy: FloatPolicy) -> Self {
        match policy {
            FloatPolicy::Resolve => "resolve".to_owned(),
            FloatPolicy::Error => "error".to_owned(),
            FloatPolicy::Ttl(ttl) => format!("ttl:{}", humantime::format_duration(ttl)),
        }
    }
}

/// What is staged beside, or instead of, what is by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InputRules {
    /// Files and folders that would be left out, relative to the root, or that lie elsewhere,
    /// absolute.
    pub extra: Vec<String>,
    /// What is left out, relative to the root.
    pub ignore: Vec<PathPattern>,
}

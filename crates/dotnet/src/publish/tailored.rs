use serde::{Deserialize, Serialize};
use std::fmt;

/// What publish did to the files of packages and runtime for this one application.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tailored {
    /// It took out what the application does not use.
    Trimmed,
    /// It compiled them ahead of time, together with what they refer to.
    ReadyToRun,
    /// It put them into the application's file.
    SingleFile,
    /// It compiled them into the application.
    Native,
}

impl Tailored {
    /// Returns the one word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::ReadyToRun => "ready-to-run",
            Self::SingleFile => "single-file",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for Tailored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        f.write_str(match self {
            Self::Trimmed => ": packages and runtime hold what this app uses",
            Self::ReadyToRun => ": packages and runtime are compiled for this app",
            Self::SingleFile => ": packages and runtime are inside the app's file",
            Self::Native => ": packages and runtime are compiled into the app",
        })?;
        f.write_str(", no other app shares their layers")
    }
}

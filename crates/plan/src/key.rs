use mizzen_oci::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The steps of a build, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// Fetches packages.
    Restore,
    /// Compiles, and packs the output into layers.
    Publish,
}

/// What a step's result is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// The digest of everything that goes in.
    Known(Digest),
    /// Part of what goes in comes from this step, which has to run first.
    After(StepName),
}

impl StepName {
    /// Returns the name as records and reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

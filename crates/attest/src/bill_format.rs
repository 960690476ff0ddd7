use crate::{Bill, cyclonedx, spdx};
use mizzen_oci::canonical_json;
use std::fmt;
use std::str::FromStr;

/// A format of bills of materials.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum BillFormat {
    /// SPDX 2.3.
    #[default]
    Spdx,
    /// CycloneDX 1.6.
    CycloneDx,
}

/// A name that no format has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a format of bills of materials; there are spdx and cyclonedx")]
pub struct UnknownFormat(String);

impl BillFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Spdx, Self::CycloneDx];

    /// Returns the name by which it is asked for.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spdx => "spdx",
            Self::CycloneDx => "cyclonedx",
        }
    }

    /// Returns the media type of a document, which is also the type of the artifact that holds it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }

    /// Returns how the name of a file with it ends.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Spdx => "spdx.json",
            Self::CycloneDx => "cdx.json",
        }
    }

    /// Writes a bill: the same bytes for the same bill.
    pub fn write(self, bill: &Bill) -> Vec<u8> {
        canonical_json(&match self {
            Self::Spdx => spdx::document(bill),
            Self::CycloneDx => cyclonedx::document(bill),
        })
    }
}

impl fmt::Display for BillFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BillFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|format| format.as_str() == text);
        found.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

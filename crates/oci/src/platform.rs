use oci_spec::image::{Arch, Os};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An operating system and a processor that an image runs on: `linux/amd64`, `linux/arm/v7`.
///
/// Source: OCI image-spec, image-index.md, "platform".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Platform {
    /// The processor, in Go's words: `amd64`, `arm64`.
    pub architecture: Arch,
    /// The operating system: `linux`.
    pub os: Os,
    /// The kind of processor, where there are several: `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system; Windows needs it.
    #[serde(
        rename = "os.version",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
}

/// A string that is not a platform.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a platform: want `os/architecture`, for example `linux/amd64`")]
pub struct PlatformError(String);

impl Platform {
    /// Returns `linux/<architecture>`.
    pub fn linux(architecture: Arch) -> Self {
        Self {
            architecture,
            os: Os::Linux,
            variant: None,
            os_version: None,
        }
    }

    /// `true` if an image for `other` can be taken where this platform is asked for.
    ///
    /// Whoever asks for no variant takes any; an image that names none has the usual one:
    /// `linux/arm64` and `linux/arm64/v8` are the same.
    pub fn accepts(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.usual_variant() == other.usual_variant())
    }

    /// Returns the variant, named or meant.
    ///
    /// Source: containerd, platforms, `normalizeArch`.
    pub(crate) fn usual_variant(&self) -> Option<&str> {
        let meant = match self.architecture {
            Arch::ARM64 => Some("v8"),
            Arch::ARM => Some("v7"),
            Arch::Amd64 => Some("v1"),
            _ => None,
        };
        self.variant.as_deref().or(meant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .iter()
            .try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.to_owned())),
            _ => return Err(PlatformError(text.to_owned())),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PlatformError(text.to_owned()));
        }
        Ok(Self {
            architecture: architecture.into(),
            os: os.into(),
            variant,
            os_version: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn a_platform_survives_its_text() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
        for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_platform_without_variant_takes_any() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64").accepts(&platform("linux/arm64/v8")));
        assert!(!platform("linux/arm/v6").accepts(&platform("linux/arm/v7")));
        assert!(!platform("linux/amd64").accepts(&platform("windows/amd64")));
    }
}

use semver::{BuildMetadata, Version};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version of an SDK, in the order in which `dotnet` has them: that of semantic versioning, in
/// which what follows a `+` has no place.
#[derive(Clone, Debug)]
pub struct SdkVersion {
    /// As it was written, which is the name of its folder.
    text: String,
    /// Without build metadata.
    version: Version,
}

/// The text is not a version as `dotnet` writes them.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the version of an SDK")]
pub struct SdkVersionError(String);

impl SdkVersion {
    /// Returns the version's major number.
    pub fn major(&self) -> u64 {
        self.version.major
    }

    /// Returns the major and the minor number.
    pub(crate) fn minor(&self) -> [u64; 2] {
        [self.version.major, self.version.minor]
    }

    /// Returns major, minor and the hundreds of the third number: `10.0.401` is of the band 4.
    pub(crate) fn feature_band(&self) -> [u64; 3] {
        let Version {
            major,
            minor,
            patch,
            ..
        } = self.version;
        [major, minor, patch / 100]
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        !self.version.pre.is_empty()
    }
}

impl FromStr for SdkVersion {
    type Err = SdkVersionError;

    /// Reads `10.0.401` or `10.0.100-rc.1.25451.107`, with or without `+…` behind it.
    ///
    /// Source: `fx_ver.c` of dotnet/runtime, which has 32 bits for a number.
    fn from_str(text: &str) -> Result<Self, SdkVersionError> {
        let error = || SdkVersionError(text.to_owned());
        let mut version: Version = text.parse().map_err(|_| error())?;
        version.build = BuildMetadata::EMPTY;
        let numbers = [version.major, version.minor, version.patch];
        if numbers.iter().any(|number| u32::try_from(*number).is_err()) {
            return Err(error());
        }
        Ok(Self {
            text: text.to_owned(),
            version,
        })
    }
}

impl Ord for SdkVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.version.cmp(&other.version)
    }
}

impl PartialOrd for SdkVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SdkVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SdkVersion {}

impl fmt::Display for SdkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::SdkVersion;

    #[test]
    fn versions_are_ordered_as_semantic_versioning_says() {
        let ascending = [
            "8.0.100",
            "10.0.100-alpha",
            "10.0.100-preview.2",
            "10.0.100-preview.10",
            "10.0.100-preview.10.1",
            "10.0.100-rc.1",
            "10.0.100",
            "10.0.99999",
            "11.0.0",
        ];
        let versions = ascending.map(|text| text.parse::<SdkVersion>().unwrap());
        assert!(versions.is_sorted_by(|one, other| one < other));
        assert_eq!(
            "10.0.100+one".parse::<SdkVersion>().unwrap(),
            "10.0.100".parse().unwrap()
        );
    }

    #[test]
    fn what_dotnet_takes_for_no_version_is_none() {
        for text in [
            "",
            "10",
            "10.0",
            "10.0.1.2",
            "10.0.x",
            "10.00.1",
            "10.0.1-",
            "10.0.1-a..b",
            "10.0.1-01",
            "10.0.1+",
            "10.0.1-a_b",
            " 10.0.1",
            "10.0.*",
            "-1.0.0",
            "99999999999.0.0",
        ] {
            assert!(text.parse::<SdkVersion>().is_err(), "{text}");
        }
        assert!("10.0.1-a-b.0+01.x".parse::<SdkVersion>().is_ok());
    }
}

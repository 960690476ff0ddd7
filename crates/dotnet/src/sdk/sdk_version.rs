use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version of an SDK, in the order in which `dotnet` has them: that of semantic versioning, in
/// which what follows a `+` has no place.
#[derive(Clone, Debug)]
pub struct SdkVersion {
    /// As it was written, which is the name of its folder.
    text: String,
    numbers: [u32; 3],
    /// Without the `-`; empty for a release.
    prerelease: String,
}

/// The text is no version as `dotnet` writes them.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no version of an SDK")]
pub struct SdkVersionError(String);

impl SdkVersion {
    /// Returns the version's major number.
    pub fn major(&self) -> u32 {
        self.numbers[0]
    }

    /// Returns the major and the minor number.
    pub(crate) fn minor(&self) -> [u32; 2] {
        [self.numbers[0], self.numbers[1]]
    }

    /// Returns major, minor and the hundreds of the third number: `10.0.401` is of the band 4.
    pub(crate) fn feature_band(&self) -> [u32; 3] {
        [self.numbers[0], self.numbers[1], self.numbers[2] / 100]
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }
}

impl FromStr for SdkVersion {
    type Err = SdkVersionError;

    /// Reads `10.0.401` or `10.0.100-rc.1.25451.107`, with or without `+…` behind it.
    ///
    /// Source: `fx_ver.c` of dotnet/runtime.
    fn from_str(text: &str) -> Result<Self, SdkVersionError> {
        let error = || SdkVersionError(text.to_owned());
        let (rest, build) = text.split_once('+').unwrap_or((text, "0"));
        let (numbers, prerelease) = rest.split_once('-').unwrap_or((rest, ""));
        let ends_bare = rest.ends_with('-') && prerelease.is_empty();
        let mut parts = numbers.split('.').map(number);
        let numbers = [parts.next(), parts.next(), parts.next()].map(Option::flatten);
        let (&[Some(major), Some(minor), Some(patch)], None) = (&numbers, parts.next()) else {
            return Err(error());
        };
        let is_prerelease = prerelease.is_empty()
            || (are_identifiers(prerelease) && prerelease.split('.').all(has_no_leading_zero));
        if ends_bare || !is_prerelease || !are_identifiers(build) {
            return Err(error());
        }
        Ok(Self {
            text: text.to_owned(),
            numbers: [major, minor, patch],
            prerelease: prerelease.to_owned(),
        })
    }
}

fn number(text: &str) -> Option<u32> {
    (is_number(text) && has_no_leading_zero(text))
        .then(|| text.parse().ok())
        .flatten()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_no_leading_zero(text: &str) -> bool {
    !is_number(text) || text == "0" || !text.starts_with('0')
}

fn are_identifiers(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(is_letter))
}

impl Ord for SdkVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.is_prerelease(), other.is_prerelease()) {
                (false, false) => Ordering::Equal,
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (true, true) => prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }
}

fn prereleases(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => match (is_number(one), is_number(other)) {
                // Without leading zeros the longer number is the greater one.
                (true, true) => one.len().cmp(&other.len()).then_with(|| one.cmp(other)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => one.cmp(other),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
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

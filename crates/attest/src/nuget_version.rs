use std::cmp::Ordering;

/// A version as NuGet compares them: up to four numbers, then labels of a prerelease.
///
/// Source: NuGet documentation, "Package versioning": labels as in semantic versions, whatever their case, and
/// without build metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NugetVersion {
    numbers: [u64; 4],
    labels: Vec<Label>,
}

/// In this order: numbers are less than words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Label {
    Number(u64),
    Word(String),
}

impl NugetVersion {
    /// Reads a version; `None` for what is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['v', 'V']);
        let text = text.split('+').next()?;
        let (numbers, labels) = match text.split_once('-') {
            Some((numbers, labels)) => (numbers, Some(labels)),
            None => (text, None),
        };
        let mut version = Self {
            numbers: [0; 4],
            labels: Vec::new(),
        };
        for (place, number) in numbers.split('.').enumerate() {
            *version.numbers.get_mut(place)? = number.parse().ok()?;
        }
        let label = |label: &str| match label.parse() {
            Ok(number) => Label::Number(number),
            Err(_) => Label::Word(label.to_ascii_lowercase()),
        };
        version.labels = labels.map_or_else(Vec::new, |it| it.split('.').map(label).collect());
        Some(version)
    }
}

impl Ord for NugetVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        // A release comes after its prereleases.
        let releases = self.labels.is_empty().cmp(&other.labels.is_empty());
        numbers
            .then(releases)
            .then_with(|| self.labels.cmp(&other.labels))
    }
}

impl PartialOrd for NugetVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::NugetVersion;

    #[test]
    fn versions_are_in_nugets_order() {
        let ordered = [
            "0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-Beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0.1",
            "1.0.1",
            "1.2",
            "1.10.0",
            "13.0.1",
        ];
        let versions = ordered.map(|text| NugetVersion::parse(text).unwrap());
        assert!(versions.is_sorted());
        let parse = NugetVersion::parse;
        assert_eq!(parse("1.0+a"), parse("v1.0.0.0+b"));
        for text in ["", "x", "1.2.3.4.5", "1..2", "-1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

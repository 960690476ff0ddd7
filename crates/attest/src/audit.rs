use crate::bill::Bill;
use crate::component::{Component, ComponentKind};
use crate::nuget_version::NugetVersion;
use mizzen_oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Known vulnerabilities of NuGet packages, in the format of OSV, which GitHub's database has, too.
///
/// Source: ossf/osv-schema 1.6.
#[derive(Clone, Debug, Default)]
pub struct Advisories {
    /// By the package's name in lower case.
    by_package: BTreeMap<String, Vec<Advisory>>,
    count: usize,
}

/// A vulnerability of a component of an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The advisory.
    pub advisory: String,
    /// What others call it: CVE numbers.
    pub aliases: Vec<String>,
    /// What is wrong, in a line.
    pub summary: String,
    /// The package or framework, as its ecosystem writes it.
    pub package: String,
    /// The version that is there.
    pub version: String,
    /// The first version without it, of those that are later.
    pub fixed: Option<String>,
    /// Who asks for it: from the application to the package.
    pub path: Vec<String>,
    /// The layers that hold its files; none if they are the base's.
    pub layers: BTreeSet<Digest>,
}

/// How bad a vulnerability is; one of which nobody says it counts as high.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Low.
    Low,
    /// Moderate.
    Moderate,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// What an advisory says of one package.
#[derive(Clone, Debug)]
struct Advisory {
    id: String,
    aliases: Vec<String>,
    summary: String,
    severity: Severity,
    affected: Affected,
}

#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    summary: String,
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default)]
    database_specific: Specific,
}

#[derive(Deserialize, Default)]
struct Specific {
    severity: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Affected {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Range {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Clone, Debug, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

impl Advisories {
    /// Adds the advisory in the bytes of a file. Returns whether there was one, of whatever ecosystem.
    pub fn add(&mut self, bytes: &[u8]) -> bool {
        let Ok(file) = serde_json::from_slice::<File>(bytes) else {
            return false;
        };
        if file.withdrawn.is_some() {
            return true;
        }
        self.count += 1;
        let severity = Severity::of(file.database_specific.severity.as_deref());
        for affected in file.affected {
            let package = affected.package.as_ref();
            let Some(package) = package.filter(|package| package.ecosystem == "NuGet") else {
                continue;
            };
            let name = package.name.to_lowercase();
            self.by_package.entry(name).or_default().push(Advisory {
                id: file.id.clone(),
                aliases: file.aliases.clone(),
                summary: file.summary.clone(),
                severity,
                affected,
            });
        }
        true
    }

    /// Returns how many advisories there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the vulnerabilities of what a bill lists, the worst first.
    pub fn audit(&self, bill: &Bill) -> Vec<Finding> {
        let mut findings = BTreeSet::new();
        for (key, component) in &bill.components {
            let Some((name, version)) = identity(component) else {
                continue;
            };
            let Some(number) = NugetVersion::parse(&version) else {
                continue;
            };
            let known = self.by_package.get(&name.to_lowercase());
            for advisory in known.into_iter().flatten() {
                if !advisory.affected.contains(&version, &number) {
                    continue;
                }
                let files = bill.files.iter().filter(|file| file.component == *key);
                findings.insert(Finding {
                    severity: advisory.severity,
                    advisory: advisory.id.clone(),
                    aliases: advisory.aliases.clone(),
                    summary: advisory.summary.clone(),
                    package: name.clone(),
                    version: version.clone(),
                    fixed: advisory.affected.fixed(&number),
                    path: path_to(bill, key),
                    layers: files.filter_map(|file| file.layer).collect(),
                });
            }
        }
        let mut findings: Vec<Finding> = findings.into_iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }
}

/// Returns what advisories call a component, and its version.
fn identity(component: &Component) -> Option<(String, String)> {
    let is_of_nuget = matches!(
        component.kind,
        ComponentKind::Package | ComponentKind::Framework
    );
    let url = component.package_url.as_ref().filter(|_| is_of_nuget)?;
    let name = url.strip_prefix("pkg:nuget/")?.split('@').next()?;
    Some((name.to_owned(), component.version.clone()?))
}

/// Returns who asks for a component: the shortest way from the application to it.
fn path_to(bill: &Bill, key: &str) -> Vec<String> {
    let mut came_from = BTreeMap::<&str, &str>::new();
    let mut ahead = VecDeque::from([bill.application.as_str()]);
    while let Some(at) = ahead.pop_front() {
        if at == key {
            break;
        }
        for needed in bill
            .components
            .get(at)
            .into_iter()
            .flat_map(|it| &it.dependencies)
        {
            if needed != &bill.application && !came_from.contains_key(needed.as_str()) {
                came_from.insert(needed, at);
                ahead.push_back(needed);
            }
        }
    }
    let mut path = vec![key.to_owned()];
    let mut at = key;
    while let Some(before) = came_from.get(at) {
        path.insert(0, (*before).to_owned());
        at = before;
    }
    path
}

impl Affected {
    fn contains(&self, text: &str, version: &NugetVersion) -> bool {
        let is_listed = |listed: &String| NugetVersion::parse(listed).as_ref() == Some(version);
        self.versions
            .iter()
            .any(|listed| listed == text || is_listed(listed))
            || self.ranges.iter().any(|range| range.contains(version))
    }

    /// Returns the lowest version that fixes it and is later than `version`.
    fn fixed(&self, version: &NugetVersion) -> Option<String> {
        let events = self.ranges.iter().flat_map(|range| &range.events);
        let fixed = events.filter_map(|event| event.fixed.as_ref());
        let later = fixed.filter_map(|text| {
            let fixed = NugetVersion::parse(text).filter(|fixed| fixed > version)?;
            Some((fixed, text))
        });
        later.min().map(|(_, text)| text.clone())
    }
}

impl Range {
    /// The events are in the order of versions, whatever their order in the file.
    fn contains(&self, version: &NugetVersion) -> bool {
        let parse = |text: &Option<String>| text.as_deref().and_then(NugetVersion::parse);
        let mut last: Option<(NugetVersion, bool)> = None;
        for event in &self.events {
            let introduced = parse(&event.introduced).map(|at| (at, true));
            let fixed = parse(&event.fixed).map(|at| (at, false));
            let up_to = parse(&event.last_affected).map(|at| (at, false));
            let ends = up_to.filter(|(at, _)| at < version);
            for (at, is_affected) in introduced.into_iter().chain(fixed).chain(ends) {
                let is_later = last.as_ref().is_none_or(|(before, _)| at >= *before);
                if at <= *version && is_later {
                    last = Some((at, is_affected));
                }
            }
        }
        last.is_some_and(|(_, is_affected)| is_affected)
    }
}

impl Severity {
    fn of(text: Option<&str>) -> Self {
        match text.map(str::to_ascii_lowercase).as_deref() {
            Some("low") => Self::Low,
            Some("moderate" | "medium") => Self::Moderate,
            Some("critical") => Self::Critical,
            _ => Self::High,
        }
    }

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, NugetVersion, Range};

    #[test]
    fn a_range_is_read_by_the_order_of_its_versions() {
        let event = |kind: &str, at: &str| {
            let of = |name: &str| (kind == name).then(|| at.to_owned());
            Event {
                introduced: of("introduced"),
                fixed: of("fixed"),
                last_affected: of("last"),
            }
        };
        let affected = |events: &[(&str, &str)], version: &str| {
            let events = events.iter().map(|(kind, at)| event(kind, at)).collect();
            Range { events }.contains(&NugetVersion::parse(version).unwrap())
        };
        let twice = [
            ("fixed", "2.0.5"),
            ("introduced", "1.0.0"),
            ("introduced", "2.0.0-rc.1"),
            ("fixed", "1.4.0"),
        ];
        for (version, is) in [
            ("0.9.0", false),
            ("1.0.0", true),
            ("1.3.9", true),
            ("1.4.0", false),
            ("2.0.0", true),
            ("2.0.5", false),
        ] {
            assert_eq!(affected(&twice, version), is, "{version}");
        }
        let up_to = [("introduced", "0"), ("last", "3.1.0")];
        assert!(affected(&up_to, "3.1.0") && !affected(&up_to, "3.1.1"));
        let later = [("introduced", "4.0.0"), ("last", "4.2.0")];
        let both = [&up_to[..], &later].concat();
        assert!(affected(&both, "4.1.0") && !affected(&both, "3.5.0"));
        assert!(!affected(&both, "4.3.0") && !affected(&[], "1.0.0"));
    }
}

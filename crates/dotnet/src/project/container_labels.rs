use crate::{ProjectFacts, ProjectItem};
use std::collections::{BTreeMap, BTreeSet};

/// The labels that a project gives its image, and those that it does not want.
///
/// Source: dotnet/sdk, Microsoft.NET.Build.Containers.targets. What those targets compute from the
/// clock is not here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerLabels {
    /// What the project's properties say, by the names of the OCI: title, description, licence. Also
    /// annotations.
    pub generated: BTreeMap<String, String>,
    /// `ContainerLabel`, over the generated ones, and what the SDK says of itself.
    pub own: BTreeMap<String, String>,
    /// The generated labels that the project has switched off, among them those that only whoever
    /// makes the image can know.
    pub off: BTreeSet<String>,
}

/// A label with its switch, and the properties that give its value, the first that is not empty.
const GENERATED: [(&str, &str, &[&str]); 8] = [
    ("title", "ImageTitle", &["ContainerTitle", "Title"]),
    (
        "description",
        "ImageDescription",
        &["ContainerDescription", "Description"],
    ),
    ("authors", "ImageAuthors", &["ContainerAuthors", "Authors"]),
    ("vendor", "ImageVendor", &["ContainerVendor"]),
    (
        "version",
        "ImageVersion",
        &["ContainerVersion", "PackageVersion"],
    ),
    (
        "licenses",
        "ImageLicenses",
        &["ContainerLicenseExpression", "PackageLicenseExpression"],
    ),
    (
        "url",
        "ImageUrl",
        &["ContainerInformationUrl", "PackageProjectUrl"],
    ),
    (
        "documentation",
        "ImageDocumentation",
        &["ContainerDocumentationUrl", "PackageProjectUrl"],
    ),
];
/// The others that have a switch.
const OTHERS: [(&str, &str); 5] = [
    ("created", "ImageCreated"),
    ("base.name", "ImageBaseName"),
    ("base.digest", "ImageBaseDigest"),
    (SOURCE, "ImageSource"),
    (REVISION, "ImageRevision"),
];
const SOURCE: &str = "source";
const REVISION: &str = "revision";
const SWITCH: &str = "ContainerGenerateLabels";
const TOOLSET: &str = "DotnetToolset";

impl ContainerLabels {
    pub(crate) fn of(facts: &ProjectFacts) -> Self {
        let is_off = |switch: &str| {
            let value = facts.property(&format!("{SWITCH}{switch}"));
            value.is_some_and(|value| value.eq_ignore_ascii_case("false"))
        };
        let switches = GENERATED.iter().map(|(label, switch, _)| (*label, *switch));
        let switches = switches.chain(OTHERS);
        let off = switches.filter(|(_, switch)| is_off("") || is_off(switch));
        let off = off.map(|(label, _)| name_of(label)).collect();
        // The SDK leaves out every label, a project's own too, where it is told to generate none.
        if is_off("") {
            return Self {
                off,
                ..Self::default()
            };
        }
        let generated = GENERATED.iter().filter_map(|(label, _, properties)| {
            let value = properties.iter().find_map(|name| facts.property(name))?;
            Some((name_of(label), value.to_owned()))
        });
        let mut generated: BTreeMap<_, _> = generated.chain(repository(facts)).collect();
        generated.retain(|name, _| !off.contains(name));
        let toolset = toolset(facts).into_iter().filter(|_| !is_off(TOOLSET));
        let own = pairs(facts.items("ContainerLabel"));
        Self {
            generated,
            own: toolset.chain(own).collect(),
            off,
        }
    }
}

fn name_of(label: &str) -> String {
    format!("org.opencontainers.image.{label}")
}

/// Returns where the sources are, as the project states it, or as SourceLink found it and the project
/// wants it published.
fn repository(facts: &ProjectFacts) -> impl Iterator<Item = (String, String)> {
    let is_published = facts.is_true("PublishRepositoryUrl");
    let found = |name: &str| facts.property(name).filter(|_| is_published);
    let url = found("PrivateRepositoryUrl").or_else(|| facts.property("RepositoryUrl"));
    let url = url.map(|url| url.strip_suffix(".git").unwrap_or(url));
    let all = [(SOURCE, url), (REVISION, found("SourceRevisionId"))];
    let all = all.map(|(label, value)| Some((name_of(label), value?.to_owned())));
    all.into_iter().flatten()
}

fn toolset(facts: &ProjectFacts) -> Vec<(String, String)> {
    let framework = facts.property("TargetFrameworkVersion");
    let is_core = facts.property("TargetFrameworkIdentifier") == Some(".NETCoreApp");
    let framework = framework.filter(|_| is_core);
    let framework = framework.map(|version| version.trim_start_matches('v'));
    let all = [
        ("net.dot.runtime.majorminor", framework),
        ("net.dot.sdk.version", facts.property("NETCoreSdkVersion")),
    ];
    let all = all.map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    all.into_iter().flatten().collect()
}

/// Returns items by their identity; of two of the same name the later one counts.
pub(crate) fn pairs(items: &[ProjectItem]) -> BTreeMap<String, String> {
    let named = items.iter().filter(|item| !item.identity.is_empty());
    named
        .map(|item| (item.identity.clone(), item.metadatum.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ContainerLabels;
    use crate::ProjectFacts;

    fn labels(records: &[&str]) -> ContainerLabels {
        ContainerLabels::of(&ProjectFacts::of_records(records))
    }

    fn lines(labels: &std::collections::BTreeMap<String, String>) -> Vec<String> {
        let short = |name: &str| name.replace("org.opencontainers.image.", "");
        let lines = labels.iter();
        lines
            .map(|(name, value)| format!("{}={value}", short(name)))
            .collect()
    }

    const PROJECT: [&str; 9] = [
        "property|Title|Shop",
        "property|ContainerTitle|The shop",
        "property|Authors|A; B",
        "property|PackageVersion|1.2.3",
        "property|PackageProjectUrl|https://shop.example/",
        "property|RepositoryUrl|https://git.example/shop.git",
        "property|TargetFrameworkIdentifier|.NETCoreApp",
        "property|TargetFrameworkVersion|v10.0",
        "property|NETCoreSdkVersion|10.0.401",
    ];

    #[test]
    fn properties_of_the_project_become_labels_and_those_of_its_image_stand_over_them() {
        let labels = labels(&PROJECT);
        assert_eq!(
            lines(&labels.generated),
            [
                "authors=A; B",
                "documentation=https://shop.example/",
                "source=https://git.example/shop",
                "title=The shop",
                "url=https://shop.example/",
                "version=1.2.3",
            ]
        );
        assert_eq!(
            lines(&labels.own),
            [
                "net.dot.runtime.majorminor=10.0",
                "net.dot.sdk.version=10.0.401"
            ]
        );
        assert!(labels.off.is_empty());
    }

    #[test]
    fn each_switch_leaves_out_its_label_and_one_leaves_out_all() {
        let with = |records: &[&str]| labels(&[&PROJECT[..], records].concat());
        let some = with(&[
            "property|ContainerGenerateLabelsImageAuthors|False",
            "property|ContainerGenerateLabelsImageCreated|false",
            "property|ContainerGenerateLabelsDotnetToolset|false",
            "item|ContainerLabel|team|shop",
        ]);
        assert!(!some.generated.keys().any(|name| name.ends_with("authors")));
        let off: Vec<_> = some.off.iter().map(String::as_str).collect();
        assert_eq!(
            off,
            [
                "org.opencontainers.image.authors",
                "org.opencontainers.image.created"
            ]
        );
        assert_eq!(lines(&some.own), ["team=shop"]);
        let none = with(&[
            "property|ContainerGenerateLabels|False",
            "item|ContainerLabel|team|shop",
        ]);
        assert!(none.generated.is_empty() && none.own.is_empty());
        assert_eq!(none.off.len(), 13);
    }

    #[test]
    fn what_source_link_found_is_told_if_the_project_publishes_it() {
        let found = [
            "property|PrivateRepositoryUrl|https://git.example/found.git",
            "property|SourceRevisionId|abc",
        ];
        assert!(labels(&found).generated.is_empty());
        let published = [&found[..], &["property|PublishRepositoryUrl|true"]].concat();
        let published = labels(&published);
        assert_eq!(
            lines(&published.generated),
            ["revision=abc", "source=https://git.example/found"]
        );
    }
}

use crate::{ProjectFacts, ProjectItem, RuntimeIdentifier};
use mizzen_oci::Platform;
use std::collections::BTreeMap;

/// What a project's `Container*` properties and items say about its image.
///
/// Source: dotnet/sdk, Microsoft.NET.Build.Containers.targets. What those targets compute from the
/// clock (`ContainerImageTag` of `AutoGenerateImageTag`, labels of the time) is not here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerSettings {
    /// `ContainerBaseImage`.
    pub base_image: Option<String>,
    /// `ContainerFamily`: what follows the version in the tag of the inferred base.
    pub family: Option<String>,
    /// `ContainerRegistry`: a host, perhaps with a port.
    pub registry: Option<String>,
    /// `ContainerRepository`, as it is written.
    pub repository: Option<String>,
    /// `ContainerImageTag`, or the parts of `ContainerImageTags`.
    pub tags: Vec<String>,
    /// `ContainerUser`.
    pub user: Option<String>,
    /// `ContainerWorkingDirectory`, without a slash at its end.
    pub working_directory: Option<String>,
    /// `ContainerImageFormat` is `Docker` (`true`) or `OCI`.
    pub is_docker_format: Option<bool>,
    /// `ContainerRuntimeIdentifiers`, or the one of `ContainerRuntimeIdentifier`.
    pub platforms: Vec<Platform>,
    /// `ContainerPort`: `8080/tcp`.
    pub ports: Vec<String>,
    /// `ContainerEnvironmentVariable`.
    pub environment: BTreeMap<String, String>,
    /// `ContainerLabel`, and the labels that `ContainerTitle` and its like stand for.
    pub labels: BTreeMap<String, String>,
    /// The parts of the command line.
    pub command: ContainerCommand,
}

/// The parts of an image's command line that a project sets; those it does not are empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerCommand {
    /// `ContainerAppCommand`, instead of the application's own command.
    pub app_command: Vec<String>,
    /// `ContainerAppCommandArgs`: always passed.
    pub app_command_args: Vec<String>,
    /// `ContainerDefaultArgs`: passed unless whoever runs the image says otherwise.
    pub default_args: Vec<String>,
    /// `ContainerEntrypoint` and `ContainerEntrypointArgs`.
    pub entrypoint: Vec<String>,
    /// `ContainerAppCommandInstruction`.
    pub instruction: Option<String>,
}

/// A project says something about its image that cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the project's `{name}` is `{value}`, want {want}")]
pub struct ContainerSettingsError {
    /// The property or the item.
    pub name: &'static str,
    /// What it says.
    pub value: String,
    /// What it could say.
    pub want: &'static str,
}

/// Properties that stand for labels, as the SDK names them.
const LABELS: [(&str, &str); 8] = [
    ("ContainerTitle", "org.opencontainers.image.title"),
    (
        "ContainerDescription",
        "org.opencontainers.image.description",
    ),
    ("ContainerAuthors", "org.opencontainers.image.authors"),
    ("ContainerVendor", "org.opencontainers.image.vendor"),
    ("ContainerVersion", "org.opencontainers.image.version"),
    (
        "ContainerLicenseExpression",
        "org.opencontainers.image.licenses",
    ),
    ("ContainerInformationUrl", "org.opencontainers.image.url"),
    (
        "ContainerDocumentationUrl",
        "org.opencontainers.image.documentation",
    ),
];

impl ContainerSettings {
    /// Reads what `facts` say.
    ///
    /// # Errors
    /// [`ContainerSettingsError`] names what cannot be.
    pub fn of(facts: &ProjectFacts) -> Result<Self, ContainerSettingsError> {
        let text = |name: &str| facts.property(name).map(str::to_owned);
        let folder = text("ContainerWorkingDirectory");
        let folder = folder.map(|folder| match folder.trim_end_matches('/') {
            "" => "/".to_owned(),
            folder => folder.to_owned(),
        });
        Ok(Self {
            base_image: text("ContainerBaseImage"),
            family: text("ContainerFamily"),
            registry: text("ContainerRegistry"),
            repository: text("ContainerImageName").or_else(|| text("ContainerRepository")),
            tags: tags(facts)?,
            user: text("ContainerUser"),
            working_directory: folder,
            is_docker_format: is_docker_format(facts)?,
            platforms: platforms(facts)?,
            ports: ports(facts)?,
            environment: pairs(facts.items("ContainerEnvironmentVariable")),
            labels: labels(facts),
            command: command(facts)?,
        })
    }
}

impl ContainerCommand {
    /// Returns the image's entrypoint and the arguments after it, for an application that starts
    /// with `own` by itself.
    pub fn resolve(&self, own: Vec<String>) -> (Vec<String>, Vec<String>) {
        let mut command = if self.app_command.is_empty() {
            own
        } else {
            self.app_command.clone()
        };
        command.extend(self.app_command_args.iter().cloned());
        let arguments = self.default_args.clone();
        let unset = if self.entrypoint.is_empty() {
            "Entrypoint"
        } else {
            "DefaultArgs"
        };
        match self.instruction.as_deref().unwrap_or(unset) {
            "Entrypoint" => (command, arguments),
            "DefaultArgs" => {
                command.extend(arguments);
                (self.entrypoint.clone(), command)
            }
            _ => (self.entrypoint.clone(), arguments),
        }
    }
}

fn tags(facts: &ProjectFacts) -> Result<Vec<String>, ContainerSettingsError> {
    let several = facts.list("ContainerImageTags");
    let tags = match facts.property("ContainerImageTag") {
        Some(tag) if !several.is_empty() => {
            return Err(ContainerSettingsError {
                name: "ContainerImageTag",
                value: tag.to_owned(),
                want: "that or `ContainerImageTags`, not both",
            });
        }
        Some(tag) => vec![tag],
        None => several,
    };
    Ok(tags.into_iter().map(str::to_owned).collect())
}

fn is_docker_format(facts: &ProjectFacts) -> Result<Option<bool>, ContainerSettingsError> {
    match facts.property("ContainerImageFormat") {
        None => Ok(None),
        Some(format) if format.eq_ignore_ascii_case("oci") => Ok(Some(false)),
        Some(format) if format.eq_ignore_ascii_case("docker") => Ok(Some(true)),
        Some(format) => Err(ContainerSettingsError {
            name: "ContainerImageFormat",
            value: format.to_owned(),
            want: "`OCI` or `Docker`",
        }),
    }
}

fn platforms(facts: &ProjectFacts) -> Result<Vec<Platform>, ContainerSettingsError> {
    let mut identifiers = facts.list("ContainerRuntimeIdentifiers");
    if identifiers.is_empty() {
        identifiers.extend(facts.property("ContainerRuntimeIdentifier"));
    }
    let platform = |identifier: &str| {
        let platform = RuntimeIdentifier::new(identifier).platform();
        platform.ok_or_else(|| ContainerSettingsError {
            name: "ContainerRuntimeIdentifier",
            value: identifier.to_owned(),
            want: "one for Linux: `linux-x64`, `linux-arm64`",
        })
    };
    identifiers.into_iter().map(platform).collect()
}

fn ports(facts: &ProjectFacts) -> Result<Vec<String>, ContainerSettingsError> {
    let port = |item: &ProjectItem| {
        let (number, protocol) = match item.identity.split_once('/') {
            Some((number, protocol)) => (number, protocol),
            None if item.metadatum.is_empty() => (item.identity.as_str(), "tcp"),
            None => (item.identity.as_str(), item.metadatum.as_str()),
        };
        let protocol = protocol.to_ascii_lowercase();
        match (number.parse::<u16>(), protocol.as_str()) {
            (Ok(number), "tcp" | "udp") => Ok(format!("{number}/{protocol}")),
            _ => Err(ContainerSettingsError {
                name: "ContainerPort",
                value: format!("{number}/{protocol}"),
                want: "a number, and the type `tcp` or `udp`",
            }),
        }
    };
    facts.items("ContainerPort").iter().map(port).collect()
}

fn pairs(items: &[ProjectItem]) -> BTreeMap<String, String> {
    let named = items.iter().filter(|item| !item.identity.is_empty());
    named
        .map(|item| (item.identity.clone(), item.metadatum.clone()))
        .collect()
}

// The SDK leaves out every label, a project's own too, where it is told to generate none.
fn labels(facts: &ProjectFacts) -> BTreeMap<String, String> {
    let generates = facts.property("ContainerGenerateLabels");
    if generates.is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return BTreeMap::new();
    }
    let named = LABELS.iter().filter_map(|(property, label)| {
        let value = facts.property(property)?;
        Some(((*label).to_owned(), value.to_owned()))
    });
    named.chain(pairs(facts.items("ContainerLabel"))).collect()
}

fn command(facts: &ProjectFacts) -> Result<ContainerCommand, ContainerSettingsError> {
    let words = |kind: &str| {
        let items = facts.items(kind).iter();
        items
            .map(|item| item.identity.clone())
            .collect::<Vec<String>>()
    };
    let instruction = facts.property("ContainerAppCommandInstruction");
    let entrypoint = [
        words("ContainerEntrypoint"),
        words("ContainerEntrypointArgs"),
    ]
    .concat();
    let known = ["Entrypoint", "DefaultArgs", "None"];
    let instruction = match instruction {
        Some(text) => {
            let known = known.iter().find(|known| known.eq_ignore_ascii_case(text));
            let known = known.ok_or_else(|| ContainerSettingsError {
                name: "ContainerAppCommandInstruction",
                value: text.to_owned(),
                want: "`Entrypoint`, `DefaultArgs` or `None`",
            })?;
            Some((*known).to_owned())
        }
        None => None,
    };
    Ok(ContainerCommand {
        app_command: words("ContainerAppCommand"),
        app_command_args: words("ContainerAppCommandArgs"),
        default_args: words("ContainerDefaultArgs"),
        entrypoint,
        instruction,
    })
}

#[cfg(test)]
mod tests {
    use super::ContainerSettings;
    use crate::ProjectFacts;

    fn settings(records: &[&str]) -> Result<ContainerSettings, String> {
        let records: String = records
            .iter()
            .map(|record| record.replace('|', "\u{1f}") + "\u{1e}")
            .collect();
        let facts = ProjectFacts::parse(&format!("{records}end\u{1e}")).unwrap();
        ContainerSettings::of(&facts).map_err(|error| error.to_string())
    }

    fn own() -> Vec<String> {
        vec!["dotnet".to_owned(), "/app/x.dll".to_owned()]
    }

    #[test]
    fn properties_and_items_are_read_as_the_sdk_reads_them() {
        let read = settings(&[
            "property|ContainerUser|64198",
            "property|ContainerWorkingDirectory|/srv/",
            "property|ContainerImageTags|1.4;1",
            "property|ContainerRuntimeIdentifiers|linux-arm64;linux-x64",
            "property|ContainerImageFormat|docker",
            "property|ContainerVendor|Acme",
            "item|ContainerPort|8080|",
            "item|ContainerPort|53|UDP",
            "item|ContainerPort|9000/udp|",
            "item|ContainerLabel|team|shop",
            "item|ContainerEnvironmentVariable|A|b=c",
        ])
        .unwrap();
        assert_eq!(read.user.as_deref(), Some("64198"));
        assert_eq!(read.working_directory.as_deref(), Some("/srv"));
        assert_eq!(read.tags, ["1.4", "1"]);
        assert_eq!(read.ports, ["8080/tcp", "53/udp", "9000/udp"]);
        assert_eq!(read.is_docker_format, Some(true));
        assert_eq!(read.environment["A"], "b=c");
        let platforms: Vec<String> = read.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/arm64", "linux/amd64"]);
        let labels: Vec<_> = read.labels.into_iter().collect();
        let vendor = "org.opencontainers.image.vendor".to_owned();
        assert_eq!(
            labels,
            [
                (vendor, "Acme".to_owned()),
                ("team".to_owned(), "shop".to_owned())
            ]
        );
        assert_eq!(settings(&[]).unwrap(), ContainerSettings::default());
    }

    #[test]
    fn the_command_line_is_put_together_as_the_sdk_does() {
        let resolve = |records: &[&str]| settings(records).unwrap().command.resolve(own());
        assert_eq!(resolve(&[]), (own(), vec![]));
        let (entrypoint, cmd) = resolve(&[
            "item|ContainerAppCommandArgs|--always|",
            "item|ContainerDefaultArgs|--maybe|",
        ]);
        assert_eq!(
            (entrypoint.join(" "), cmd.join(" ")),
            (
                "dotnet /app/x.dll --always".to_owned(),
                "--maybe".to_owned()
            )
        );
        let (entrypoint, cmd) = resolve(&[
            "item|ContainerEntrypoint|/init|",
            "item|ContainerDefaultArgs|-v|",
        ]);
        assert_eq!(
            (entrypoint.join(" "), cmd.join(" ")),
            ("/init".to_owned(), "dotnet /app/x.dll -v".to_owned())
        );
        let (entrypoint, cmd) = resolve(&[
            "property|ContainerAppCommandInstruction|none",
            "item|ContainerEntrypoint|/init|",
        ]);
        assert_eq!((entrypoint.join(" "), cmd.len()), ("/init".to_owned(), 0));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (record, want) in [
            ("item|ContainerPort|http|", "`ContainerPort` is `http/tcp`"),
            ("property|ContainerImageFormat|tar", "`OCI` or `Docker`"),
            (
                "property|ContainerRuntimeIdentifier|win-x64",
                "one for Linux",
            ),
            (
                "property|ContainerAppCommandInstruction|x",
                "`DefaultArgs` or `None`",
            ),
        ] {
            let error = settings(&[record]).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        let both = [
            "property|ContainerImageTag|a",
            "property|ContainerImageTags|b",
        ];
        assert!(settings(&both).unwrap_err().contains("not both"));
        let none = [
            "property|ContainerGenerateLabels|False",
            "item|ContainerLabel|team|shop",
        ];
        assert!(settings(&none).unwrap().labels.is_empty());
    }
}

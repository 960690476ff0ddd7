use crate::project::container_labels::pairs;
use crate::{
    ContainerCommand, ContainerLabels, Libc, ProjectFacts, ProjectItem, RuntimeIdentifier,
};
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
    /// `ContainerWorkingDirectory`, absolute, without a slash at its end: where the application lies and
    /// starts.
    pub working_directory: Option<String>,
    /// `ContainerImageFormat` is `Docker` (`true`) or `OCI`.
    pub is_docker_format: Option<bool>,
    /// `ContainerRuntimeIdentifiers`, or the one of `ContainerRuntimeIdentifier`.
    pub platforms: Vec<Platform>,
    /// `RuntimeIdentifiers` of Linux, where nothing says for which one of them it is published.
    pub runs_on: Vec<Platform>,
    /// `ContainerPort`: `8080/tcp`.
    pub ports: Vec<String>,
    /// `ContainerEnvironmentVariable`.
    pub environment: BTreeMap<String, String>,
    /// The labels.
    pub labels: ContainerLabels,
    /// The parts of the command line.
    pub command: ContainerCommand,
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

impl ContainerSettings {
    /// Returns whether the base that the project asks for has musl for its C library.
    pub fn is_musl(&self) -> bool {
        match (&self.base_image, &self.family) {
            (Some(base), _) => Libc::of_image(base) == Some(Libc::Musl),
            (None, Some(family)) => family.contains("alpine"),
            (None, None) => false,
        }
    }

    /// Returns what the project's images are for, where an engine takes them that runs `engine`.
    pub fn platforms_for(&self, engine: Option<&Platform>) -> Vec<Platform> {
        let of_engine = engine.filter(|_| self.platforms.is_empty());
        match of_engine {
            Some(engine) => self
                .runs_on
                .iter()
                .filter(|it| *it == engine)
                .cloned()
                .collect(),
            None if self.platforms.is_empty() => self.runs_on.clone(),
            None => self.platforms.clone(),
        }
    }

    /// Reads what `facts` say.
    ///
    /// # Errors
    /// [`ContainerSettingsError`] names what cannot be.
    pub fn of(facts: &ProjectFacts) -> Result<Self, ContainerSettingsError> {
        let text = |name: &str| facts.property(name).map(str::to_owned);
        Ok(Self {
            base_image: text("ContainerBaseImage"),
            family: text("ContainerFamily"),
            registry: text("ContainerRegistry"),
            repository: text("ContainerImageName").or_else(|| text("ContainerRepository")),
            tags: tags(facts)?,
            user: text("ContainerUser"),
            working_directory: working_directory(facts)?,
            is_docker_format: is_docker_format(facts)?,
            platforms: platforms(facts)?,
            runs_on: runs_on(facts),
            ports: ports(facts)?,
            environment: pairs(facts.items("ContainerEnvironmentVariable")),
            labels: ContainerLabels::of(facts),
            command: ContainerCommand::of(facts)?,
        })
    }
}

fn working_directory(facts: &ProjectFacts) -> Result<Option<String>, ContainerSettingsError> {
    const NAME: &str = "ContainerWorkingDirectory";
    let Some(folder) = facts.property(NAME) else {
        return Ok(None);
    };
    let parts: Vec<&str> = folder
        .split('/')
        .filter(|part| !["", "."].contains(part))
        .collect();
    if !folder.starts_with('/') || parts.contains(&"..") {
        return Err(ContainerSettingsError {
            name: NAME,
            value: folder.to_owned(),
            want: "an absolute path without `..`",
        });
    }
    Ok(Some(format!("/{}", parts.join("/"))))
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

// What is for other systems is for other artifacts of the project.
fn runs_on(facts: &ProjectFacts) -> Vec<Platform> {
    let is_published_for_one = facts.property("RuntimeIdentifier").is_some();
    if is_published_for_one || facts.is_true("IsRidAgnostic") {
        return Vec::new();
    }
    let identifiers = facts.list("RuntimeIdentifiers").into_iter();
    let platforms = identifiers.filter_map(|name| RuntimeIdentifier::new(name).platform());
    platforms.collect()
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

#[cfg(test)]
mod tests {
    use super::ContainerSettings;
    use crate::ProjectFacts;

    fn settings(records: &[&str]) -> Result<ContainerSettings, String> {
        ContainerSettings::of(&ProjectFacts::of_records(records)).map_err(|error| error.to_string())
    }

    #[test]
    fn properties_and_items_are_read_as_the_sdk_reads_them() {
        let read = settings(&[
            "property|ContainerUser|64198",
            "property|ContainerWorkingDirectory|/srv//./shop/",
            "property|ContainerImageTags|1.4;1",
            "property|ContainerRuntimeIdentifiers|linux-arm64;linux-x64",
            "property|ContainerImageFormat|docker",
            "item|ContainerPort|8080|",
            "item|ContainerPort|53|UDP",
            "item|ContainerPort|9000/udp|",
            "item|ContainerLabel|team|shop",
            "item|ContainerEnvironmentVariable|A|b=c",
        ])
        .unwrap();
        assert_eq!(read.user.as_deref(), Some("64198"));
        assert_eq!(read.working_directory.as_deref(), Some("/srv/shop"));
        assert_eq!(read.tags, ["1.4", "1"]);
        assert_eq!(read.ports, ["8080/tcp", "53/udp", "9000/udp"]);
        assert_eq!(read.is_docker_format, Some(true));
        assert_eq!(read.environment["A"], "b=c");
        let platforms: Vec<String> = read.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/arm64", "linux/amd64"]);
        assert_eq!(read.labels.own["team"], "shop");
        assert_eq!(settings(&[]).unwrap(), ContainerSettings::default());
    }

    #[test]
    fn runtime_identifiers_of_linux_are_platforms_unless_one_is_chosen() {
        let all = "property|RuntimeIdentifiers|linux-x64;win-x64;linux-arm64";
        let platforms = |records: &[&str], engine: Option<&str>| {
            let engine = engine.map(|engine| engine.parse().unwrap());
            let read = settings(records).unwrap();
            let platforms = read.platforms_for(engine.as_ref());
            let names: Vec<String> = platforms.iter().map(ToString::to_string).collect();
            names.join(" ")
        };
        assert_eq!(platforms(&[all], None), "linux/amd64 linux/arm64");
        assert_eq!(platforms(&[all], Some("linux/arm64")), "linux/arm64");
        assert_eq!(platforms(&[all], Some("linux/s390x")), "");
        assert_eq!(
            platforms(&[all, "property|RuntimeIdentifier|linux-x64"], None),
            ""
        );
        let own = "property|ContainerRuntimeIdentifier|linux-arm64";
        assert_eq!(platforms(&[all, own], Some("linux/amd64")), "linux/arm64");
    }

    #[test]
    fn the_family_or_the_base_tells_the_c_library() {
        let is_musl = |record: &str| settings(&[record]).unwrap().is_musl();
        assert!(is_musl("property|ContainerFamily|alpine3.23"));
        assert!(is_musl("property|ContainerBaseImage|corp/base:1-alpine"));
        assert!(!is_musl("property|ContainerFamily|noble-chiseled"));
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
            ("property|ContainerWorkingDirectory|srv", "an absolute path"),
            (
                "property|ContainerWorkingDirectory|/srv/../x",
                "without `..`",
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
    }
}

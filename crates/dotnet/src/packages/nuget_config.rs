use super::nuget_value::{decoded, expanded, normalized, variables};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A `nuget.config` fit for a stage, where it lies elsewhere and sees other variables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NugetConfig {
    /// What the stage of restore shows: the file with its variables replaced and the paths of feeds
    /// made absolute. May hold secrets.
    pub staged: Vec<u8>,
    /// All that publish needs: the same without credentials, comments and blanks.
    pub without_secrets: Vec<u8>,
    /// What a key may hold: the same with variables by their names, so that a rotated token is not a miss
    /// and no key can be searched for a secret.
    pub keyed: Vec<u8>,
    /// The feeds that are folders outside the workspace, absolute.
    pub folders: Vec<PathBuf>,
    /// The folders of packages that are used where they lie, absolute.
    pub fallback_folders: Vec<PathBuf>,
    /// The variables that it names as `%NAME%` outside of credentials, whose values the stages show.
    pub variables: BTreeSet<String>,
    /// The variables that its credentials name as `%NAME%`, which NuGet itself replaces.
    pub secret_variables: BTreeSet<String>,
    /// The feeds, in their order.
    pub sources: Vec<PackageSource>,
    /// The names of the feeds that it has credentials for.
    pub credentials: BTreeSet<String>,
    /// Whether it holds credentials.
    pub has_secrets: bool,
    /// Whether a path or a variable in it had to be replaced.
    pub has_changed: bool,
}

/// A feed as a `nuget.config` names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackageSource {
    /// Its name, by which credentials are found.
    pub name: String,
    /// Its address, or its folder.
    pub address: String,
    /// Whether what is sent to it may be read on the way: plain HTTP is allowed, or a certificate is not
    /// checked.
    pub is_lax: bool,
}

/// Where a `nuget.config` lies, and what its text refers to.
#[derive(Clone, Copy)]
pub struct NugetConfigPlace<'a> {
    /// Its folder, absolute.
    pub folder: &'a Path,
    /// The workspace's root, for a file in it: paths that stay below are right in a stage, too.
    pub workspace: Option<&'a Path>,
    /// Returns a variable of the user's.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// The file is not the XML it should be.
#[derive(Debug, thiserror::Error)]
#[error("the NuGet configuration is malformed")]
pub struct NugetConfigError(#[from] quick_xml::Error);

const SECRET_SECTIONS: [&str; 3] = ["packageSourceCredentials", "apikeys", "clientCertificates"];
const SOURCES: &str = "packageSources";
const CREDENTIALS: &str = "packageSourceCredentials";
const FALLBACK_FOLDERS: &str = "fallbackPackageFolders";

impl NugetConfig {
    /// Reads the text of a config file.
    ///
    /// # Errors
    /// [`NugetConfigError`] for malformed XML.
    pub fn parse(text: &str, place: NugetConfigPlace<'_>) -> Result<Self, NugetConfigError> {
        let [mut staged, mut public, mut keyed] = [(); 3].map(|()| Writer::new(Vec::new()));
        let mut reader = Reader::from_str(text);
        let mut sections: Vec<String> = Vec::new();
        let mut config = Self {
            staged: Vec::new(),
            without_secrets: Vec::new(),
            keyed: Vec::new(),
            folders: Vec::new(),
            fallback_folders: Vec::new(),
            variables: BTreeSet::new(),
            secret_variables: BTreeSet::new(),
            sources: Vec::new(),
            credentials: BTreeSet::new(),
            has_secrets: false,
            has_changed: false,
        };
        loop {
            let event = reader.read_event()?;
            let section = sections.last().map(String::as_str).unwrap_or_default();
            let is_secret = sections.iter().any(|name| is_secret_section(name));
            let (event, in_key, is_secret) = match event {
                Event::Eof => break,
                Event::Start(element) => {
                    let is_secret = is_secret || is_secret_element(section, &element)?;
                    let [element, in_key] = config.element(&element, section, is_secret, place)?;
                    sections.push(element.local_name().as_ref().to_owned());
                    (Event::Start(element), Event::Start(in_key), is_secret)
                }
                Event::Empty(element) => {
                    let is_secret = is_secret || is_secret_element(section, &element)?;
                    let [element, in_key] = config.element(&element, section, is_secret, place)?;
                    (Event::Empty(element), Event::Empty(in_key), is_secret)
                }
                event => {
                    if let Event::End(_) = &event {
                        sections.pop();
                    }
                    (event.clone(), event, is_secret)
                }
            };
            let blank =
                matches!(&event, Event::Text(text) if text.chars().all(char::is_whitespace));
            if !is_secret && !blank && !matches!(event, Event::Comment(_) | Event::Decl(_)) {
                for (writer, event) in [(&mut public, &event), (&mut keyed, &in_key)] {
                    writer
                        .write_event(event.clone())
                        .map_err(quick_xml::Error::from)?;
                }
            }
            staged.write_event(event).map_err(quick_xml::Error::from)?;
        }
        config.staged = staged.into_inner();
        config.without_secrets = public.into_inner();
        config.keyed = keyed.into_inner();
        Ok(config)
    }

    /// Takes an element in: returns it as a stage needs it, and as a key does.
    fn element(
        &mut self,
        element: &BytesStart<'_>,
        section: &str,
        is_secret: bool,
        place: NugetConfigPlace<'_>,
    ) -> Result<[BytesStart<'static>; 2], quick_xml::Error> {
        let mut staged = BytesStart::new(element.name().as_ref().to_owned());
        let mut keyed = staged.clone();
        let mut source = PackageSource::default();
        if section.eq_ignore_ascii_case(CREDENTIALS) {
            let name = element.local_name().as_ref().to_owned();
            self.credentials.insert(decoded(&name));
        }
        for attribute in element.attributes() {
            let attribute = attribute?;
            let key = attribute.key.as_ref().to_owned();
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            if is_secret {
                self.has_secrets = true;
                self.secret_variables.extend(variables(&value));
                staged.push_attribute((key.as_str(), value.as_ref()));
                continue;
            }
            let replaced = if key == "value" {
                self.value(&value, section, place)
            } else {
                value.to_string()
            };
            self.has_changed |= replaced != value;
            staged.push_attribute((key.as_str(), replaced.as_str()));
            let named = if key == "value" {
                with_names(&value, &replaced, place)
            } else {
                replaced.clone()
            };
            keyed.push_attribute((key.as_str(), named.as_str()));
            match key.as_str() {
                "key" => source.name = replaced,
                "value" => source.address = replaced,
                "allowInsecureConnections" | "disableTLSCertificateValidation" => {
                    source.is_lax |= replaced.eq_ignore_ascii_case("true");
                }
                _ => {}
            }
        }
        if section.eq_ignore_ascii_case(SOURCES) && !source.name.is_empty() {
            self.sources.push(source);
        }
        Ok([staged, keyed])
    }

    fn value(&mut self, value: &str, section: &str, place: NugetConfigPlace<'_>) -> String {
        let is_set = |name: &String| (place.variable)(name).is_some();
        self.variables.extend(variables(value).filter(is_set));
        let value = expanded(value, place.variable);
        let folders = if section.eq_ignore_ascii_case(SOURCES) {
            &mut self.folders
        } else if section.eq_ignore_ascii_case(FALLBACK_FOLDERS) {
            &mut self.fallback_folders
        } else {
            return value;
        };
        let path = value.strip_prefix("file://").unwrap_or(&value);
        if path.contains("://") || path.is_empty() {
            return value;
        }
        let is_relative = Path::new(path).is_relative();
        let path = normalized(&place.folder.join(path));
        if is_relative && place.workspace.is_some_and(|root| path.starts_with(root)) {
            return value;
        }
        let text = path.to_string_lossy().into_owned();
        folders.push(path);
        if is_relative { text } else { value }
    }
}

fn is_secret_section(name: &str) -> bool {
    let mut sections = SECRET_SECTIONS.iter();
    sections.any(|section| name.eq_ignore_ascii_case(section))
}

/// Returns whether an element is secret by itself: a section that is, or the login of a proxy.
fn is_secret_element(section: &str, element: &BytesStart<'_>) -> Result<bool, quick_xml::Error> {
    if is_secret_section(element.local_name().as_ref()) {
        return Ok(true);
    }
    let mut is_secret = false;
    for attribute in element.attributes() {
        let attribute = attribute?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
        is_secret |= attribute.key.as_ref() == "key" && value.starts_with("http_proxy.");
    }
    Ok(is_secret && section.eq_ignore_ascii_case("config"))
}

/// Returns a value as a key has it: variables by their names, and a relative path with the folder that
/// it is relative to.
fn with_names(value: &str, replaced: &str, place: NugetConfigPlace<'_>) -> String {
    let expanded = expanded(value, place.variable);
    if expanded == value {
        return replaced.to_owned();
    }
    if replaced == expanded {
        return value.to_owned();
    }
    normalized(&place.folder.join(value))
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::{NugetConfig, NugetConfigPlace};
    use std::path::Path;

    const CONFIG: &str = r#"<?xml version="1.0"?>
<configuration>
  <!-- ours -->
  <packageSources><clear /><add key="a" value="https://feed.example/v3" /><add key="b" value="local/feed" /></packageSources>
  <packageSourceCredentials><a><add key="ClearTextPassword" value="hunter2" /></a></packageSourceCredentials>
  <apikeys/>
</configuration>"#;

    fn place<'a>(folder: &'a str, workspace: Option<&'a str>) -> NugetConfigPlace<'a> {
        NugetConfigPlace {
            folder: Path::new(folder),
            workspace: workspace.map(Path::new),
            variable: &|name| (name == "FEED").then(|| "feed.example".to_owned()),
        }
    }

    fn parse(text: &str) -> NugetConfig {
        NugetConfig::parse(text, place("/home/u/.nuget/NuGet", None)).unwrap()
    }

    #[test]
    fn folders_become_absolute_and_secrets_stay_in_the_stage_only() {
        let config = parse(CONFIG);
        let staged = String::from_utf8(config.staged).unwrap();
        let public = String::from_utf8(config.without_secrets).unwrap();
        assert!(
            staged.contains("hunter2") && staged.contains("/home/u/.nuget/NuGet/local/feed"),
            "{staged}"
        );
        assert!(
            !public.contains("hunter2") && !public.contains("ours"),
            "{public}"
        );
        assert!(public.contains("https://feed.example/v3"), "{public}");
        assert_eq!(
            config.folders,
            [Path::new("/home/u/.nuget/NuGet/local/feed")]
        );
    }

    #[test]
    fn a_rotated_token_and_a_comment_change_no_key() {
        let other = CONFIG
            .replace("hunter2", "hunter3")
            .replace("ours", "theirs");
        assert_eq!(parse(CONFIG).without_secrets, parse(&other).without_secrets);
        let feed = CONFIG.replace("feed.example", "other.example");
        assert_ne!(parse(CONFIG).without_secrets, parse(&feed).without_secrets);
    }

    #[test]
    fn malformed_xml_is_refused() {
        assert!(NugetConfig::parse("<a></b>", place("/", None)).is_err());
    }

    #[test]
    fn paths_in_the_workspace_stay_and_those_that_lead_out_of_it_become_absolute() {
        let text = r#"<configuration>
  <packageSources><add key="a" value="feed" /><add key="b" value="../feed" /><add key="c" value="file:///f" /></packageSources>
  <fallbackPackageFolders><add key="d" value="../../fallback" /></fallbackPackageFolders>
</configuration>"#;
        let config = NugetConfig::parse(text, place("/w/src", Some("/w/src"))).unwrap();
        assert_eq!(config.folders, [Path::new("/w/feed"), Path::new("/f")]);
        assert_eq!(config.fallback_folders, [Path::new("/fallback")]);
        assert!(config.has_changed && !config.has_secrets);
        let staged = String::from_utf8(config.staged).unwrap();
        assert!(staged.contains(r#"key="a" value="feed""#), "{staged}");
        let config = NugetConfig::parse(text, place("/w/src", Some("/w"))).unwrap();
        assert_eq!(config.folders, [Path::new("/f")]);
    }

    #[test]
    fn variables_are_replaced_but_in_credentials_and_the_login_of_a_proxy_is_one() {
        let config = parse(
            r#"<configuration>
  <config><add key="http_proxy.password" value="%PROXY%" /><add key="a" value="%NONE%" /></config>
  <packageSources><add key="a" value="https://%FEED%/v3?100%" /></packageSources>
  <packageSourceCredentials><a><add key="ClearTextPassword" value="x%TOKEN%" /></a></packageSourceCredentials>
</configuration>"#,
        );
        let names: Vec<_> = config.secret_variables.iter().collect();
        assert_eq!(names, ["PROXY", "TOKEN"]);
        let public = String::from_utf8(config.without_secrets).unwrap();
        assert!(public.contains("https://feed.example/v3?100%"), "{public}");
        assert!(
            public.contains("%NONE%") && !public.contains("PROXY"),
            "{public}"
        );
        assert!(
            String::from_utf8(config.staged)
                .unwrap()
                .contains("x%TOKEN%")
        );
        let keyed = String::from_utf8(config.keyed).unwrap();
        assert!(keyed.contains("https://%FEED%/v3?100%"), "{keyed}");
        assert!(!keyed.contains("feed.example"), "{keyed}");
        assert_eq!(config.variables.into_iter().collect::<Vec<_>>(), ["FEED"]);
    }

    #[test]
    fn feeds_are_told_with_their_names_and_who_has_credentials() {
        let config = parse(
            r#"<configuration>
  <packageSources><add key="a b" value="http://%FEED%" allowInsecureConnections="True" /><add key="c" value="https://c" /></packageSources>
  <packageSourceCredentials><a_x0020_b><add key="Username" value="u" /></a_x0020_b></packageSourceCredentials>
</configuration>"#,
        );
        let sources = config.sources.iter();
        let sources: Vec<_> = sources
            .map(|source| format!("{} {} {}", source.name, source.address, source.is_lax))
            .collect();
        assert_eq!(
            sources,
            ["a b http://feed.example true", "c https://c false"]
        );
        let credentials: Vec<_> = config.credentials.into_iter().collect();
        assert_eq!(credentials, ["a b"]);
    }
}

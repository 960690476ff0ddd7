use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};
use std::path::{Path, PathBuf};

/// A `nuget.config` from outside the workspace (the user's, or one above the root), fit for a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NugetConfig {
    /// What the stage shows: the file with the relative paths of feeds made absolute. May hold secrets.
    pub staged: Vec<u8>,
    /// What a key may hold: the same without credentials, comments and blanks, so that a rotated
    /// token is no miss and no key can be searched for a secret.
    pub without_secrets: Vec<u8>,
    /// The feeds that are folders, absolute.
    pub folders: Vec<PathBuf>,
}

/// The file is not the XML it should be.
#[derive(Debug, thiserror::Error)]
#[error("the NuGet configuration is malformed")]
pub struct NugetConfigError(#[from] quick_xml::Error);

const SECRET_SECTIONS: [&str; 3] = ["packageSourceCredentials", "apikeys", "clientCertificates"];

impl NugetConfig {
    /// Reads the text of a config file that lies in `folder`.
    ///
    /// # Errors
    /// [`NugetConfigError`] for malformed XML.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, NugetConfigError> {
        let (mut staged, mut public) = (Writer::new(Vec::new()), Writer::new(Vec::new()));
        let mut reader = Reader::from_str(text);
        let mut sections: Vec<String> = Vec::new();
        let mut folders = Vec::new();
        loop {
            let event = reader.read_event()?;
            let event = match &event {
                Event::Eof => break,
                Event::Start(element) | Event::Empty(element)
                    if sections
                        .last()
                        .is_some_and(|name| is(name, "packageSources")) =>
                {
                    let absolute = with_absolute_value(element, folder)?;
                    folders.extend(feed_folder(&absolute)?);
                    if matches!(event, Event::Start(_)) {
                        Event::Start(absolute)
                    } else {
                        Event::Empty(absolute)
                    }
                }
                other => other.clone(),
            };
            staged
                .write_event(event.clone())
                .map_err(quick_xml::Error::from)?;
            if let Event::Start(element) = &event {
                sections.push(element.local_name().as_ref().to_owned());
            }
            let secret = |name: &str| SECRET_SECTIONS.iter().any(|section| is(name, section));
            let empty_secret =
                matches!(&event, Event::Empty(element) if secret(element.local_name().as_ref()));
            let blank =
                matches!(&event, Event::Text(text) if text.chars().all(char::is_whitespace));
            let is_secret = empty_secret || sections.iter().any(|name| secret(name));
            if !is_secret && !blank && !matches!(event, Event::Comment(_) | Event::Decl(_)) {
                public
                    .write_event(event.clone())
                    .map_err(quick_xml::Error::from)?;
            }
            if let Event::End(_) = &event {
                sections.pop();
            }
        }
        Ok(Self {
            staged: staged.into_inner(),
            without_secrets: public.into_inner(),
            folders,
        })
    }
}

fn is(name: &str, section: &str) -> bool {
    name.eq_ignore_ascii_case(section)
}

fn feed_folder(element: &BytesStart<'_>) -> Result<Option<PathBuf>, quick_xml::Error> {
    for attribute in element.attributes() {
        let attribute = attribute?;
        if attribute.key.as_ref() == "value" {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
            let path = Path::new(value.strip_prefix("file://").unwrap_or(&value));
            return Ok(path.is_absolute().then(|| path.to_owned()));
        }
    }
    Ok(None)
}

// A feed that is a folder may be named relative to the file; in the stage the file lies elsewhere.
fn with_absolute_value<'a>(
    element: &BytesStart<'a>,
    folder: &Path,
) -> Result<BytesStart<'a>, quick_xml::Error> {
    let name = element.name().as_ref().to_owned();
    let mut absolute = BytesStart::new(name);
    for attribute in element.attributes() {
        let attribute = attribute?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
        let is_relative_path = attribute.key.as_ref() == "value"
            && !value.contains("://")
            && !value.contains('%')
            && Path::new(value.as_ref()).is_relative();
        let key = attribute.key.as_ref().to_owned();
        let path = is_relative_path.then(|| folder.join(value.as_ref()));
        let value = path.as_ref().map_or(value, |path| path.to_string_lossy());
        absolute.push_attribute((key.as_str(), value.as_ref()));
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::NugetConfig;
    use std::path::Path;

    const CONFIG: &str = r#"<?xml version="1.0"?>
<configuration>
  <!-- ours -->
  <packageSources><clear /><add key="a" value="https://feed.example/v3" /><add key="b" value="local/feed" /></packageSources>
  <packageSourceCredentials><a><add key="ClearTextPassword" value="hunter2" /></a></packageSourceCredentials>
  <apikeys/>
</configuration>"#;

    fn parse(text: &str) -> NugetConfig {
        NugetConfig::parse(text, Path::new("/home/u/.nuget/NuGet")).unwrap()
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
        assert!(NugetConfig::parse("<a></b>", Path::new("/")).is_err());
    }
}

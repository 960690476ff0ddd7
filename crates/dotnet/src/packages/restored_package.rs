use crate::project::project_text::project_text;
use crate::project::project_xml::ProjectXml;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// A package that restore put into its folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RestoredPackage {
    /// The id, as its folder has it: lower case.
    pub id: String,
    /// The normalised version.
    pub version: String,
    /// The SHA-512 of what is in the `.nupkg`, its signature left out, in base64: what NuGet's lock
    /// files have.
    pub sha512: Option<String>,
    /// The SHA-512 of the `.nupkg` as the feed sent it, in base64.
    pub file_sha512: Option<String>,
    /// The licence as the package states it.
    pub licence: Option<PackageLicence>,
    /// The feed it came from.
    pub source: Option<String>,
}

/// How a package states its licence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PackageLicence {
    /// By an SPDX expression.
    Expression(String),
    /// By a file of its own.
    File(String),
    /// By a page, as packages did before 2018.
    Url(String),
}

/// NuGet's own pages for expressions.
const EXPRESSION_PAGES: &str = "https://licenses.nuget.org/";

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "contentHash")]
    content_hash: Option<String>,
    source: Option<String>,
}

impl RestoredPackage {
    /// Reads what NuGet wrote into `folder` (`<packages>/<id>/<version>`).
    ///
    /// What the package or an old NuGet does not say is `None`.
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn read(folder: &Path, id: &str, version: &str) -> io::Result<Self> {
        let metadata = text(&folder.join(".nupkg.metadata"))?;
        let metadata = metadata.and_then(|text| serde_json::from_str::<Metadata>(&text).ok());
        let nuspec = text(&folder.join(format!("{id}.nuspec")))?;
        let file_hash = text(&folder.join(format!("{id}.{version}.nupkg.sha512")))?;
        Ok(Self {
            id: id.to_owned(),
            version: version.to_owned(),
            licence: nuspec.and_then(|text| licence(&text)),
            sha512: metadata
                .as_ref()
                .and_then(|metadata| metadata.content_hash.clone()),
            file_sha512: file_hash.map(|hash| hash.trim().to_owned()),
            source: metadata.and_then(|metadata| Some(without_login(&metadata.source?))),
        })
    }
}

/// Returns the address of a feed as everybody may know it: without a name and a password, and without the
/// query, in which some feeds want a key.
fn without_login(source: &str) -> String {
    let source = source.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = source.split_once("://") else {
        return source.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..host_end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", &rest[host_end..])
}

fn text(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(project_text(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

// `<license type="expression">MIT</license>` since 2018, `<licenseUrl>` before; new packages carry
// both, the URL then being an alias of the first.
fn licence(nuspec: &str) -> Option<PackageLicence> {
    let xml = ProjectXml::read(nuspec);
    if let Some(element) = xml.named("license").next() {
        let text = element.text().to_owned();
        let is_file = element.attribute("type") == Some("file");
        return Some(if is_file {
            PackageLicence::File(text)
        } else {
            PackageLicence::Expression(text)
        });
    }
    let url = xml.named("licenseUrl").next()?.text();
    Some(match url.strip_prefix(EXPRESSION_PAGES) {
        Some(expression) => PackageLicence::Expression(expression.replace("%20", " ")),
        None => PackageLicence::Url(url.to_owned()),
    })
}

/// Returns why the packages of a `project.assets.json` may be others tomorrow, though nothing in the
/// workspace changes: a floating version, or one that the feed did not have.
///
/// `None` if the same feeds will give the same packages as long as they keep what they published.
pub fn floating_version(assets: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Assets {
        #[serde(rename = "projectFileDependencyGroups")]
        groups: std::collections::BTreeMap<String, Vec<String>>,
        #[serde(default)]
        logs: Vec<Log>,
    }
    #[derive(Deserialize)]
    struct Log {
        code: Option<String>,
        message: Option<String>,
    }
    let Ok(assets) = serde_json::from_str::<Assets>(assets) else {
        return Some("project.assets.json cannot be parsed".to_owned());
    };
    if let Some(floating) = assets
        .groups
        .values()
        .flatten()
        .find(|dependency| dependency.contains('*'))
    {
        return Some(floating.clone());
    }
    // NU1601 to NU1603: a version other than the lowest that was asked for, taken because the feed
    // lacked that one today.
    let approximate = |code: &str| ["NU1601", "NU1602", "NU1603"].contains(&code);
    let log = assets
        .logs
        .into_iter()
        .find(|log| log.code.as_deref().is_some_and(approximate))?;
    log.message.or(log.code)
}

#[cfg(test)]
mod tests {
    use super::{PackageLicence, RestoredPackage, floating_version, licence};
    use fs_err as fs;

    #[test]
    fn a_package_says_what_it_is_and_where_it_came_from() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join(".nupkg.metadata"),
            r#"{"version":2,"contentHash":"q==","source":"https://f/"}"#,
        )
        .unwrap();
        fs::write(folder.path().join("serilog.nuspec"), "<package><metadata><license type=\"expression\">Apache-2.0</license></metadata></package>").unwrap();
        fs::write(folder.path().join("serilog.4.3.0.nupkg.sha512"), "f==\n").unwrap();
        let package = RestoredPackage::read(folder.path(), "serilog", "4.3.0").unwrap();
        assert_eq!(package.sha512.as_deref(), Some("q=="));
        assert_eq!(package.file_sha512.as_deref(), Some("f=="));
        let apache = PackageLicence::Expression("Apache-2.0".to_owned());
        assert_eq!(package.licence, Some(apache));
        assert_eq!(package.source.as_deref(), Some("https://f/"));
        let bare = RestoredPackage::read(&folder.path().join("none"), "x", "1.0.0").unwrap();
        assert_eq!((bare.sha512, bare.licence, bare.source), (None, None, None));
    }

    #[test]
    fn the_address_of_a_feed_is_told_without_a_login() {
        for (source, told) in [
            (
                "https://user:p@ss@f:8/v3/index.json?key=k#x",
                "https://f:8/v3/index.json",
            ),
            ("https://f/@scope/", "https://f/@scope/"),
            ("/srv/feed", "/srv/feed"),
        ] {
            assert_eq!(super::without_login(source), told);
        }
    }

    #[test]
    fn an_old_package_has_a_licence_url_and_the_expression_wins_over_it() {
        let read = |elements: &str| licence(&format!("<package><m>{elements}</m></package>"));
        let url = PackageLicence::Url("https://l".to_owned());
        assert_eq!(read("<licenseUrl>https://l</licenseUrl>"), Some(url));
        let mit = PackageLicence::Expression("MIT".to_owned());
        let both = "<licenseUrl>https://l</licenseUrl><license type=\"expression\">MIT</license>";
        assert_eq!(read(both), Some(mit.clone()));
        let page = "<licenseUrl>https://licenses.nuget.org/MIT</licenseUrl>";
        assert_eq!(read(page), Some(mit));
        let file = PackageLicence::File("LICENSE.txt".to_owned());
        let named = "<license type=\"file\">LICENSE.txt</license>";
        assert_eq!(read(named), Some(file));
        assert_eq!(read(""), None);
    }

    #[test]
    fn floating_and_missing_versions_are_told_from_fixed_ones() {
        let assets = |dependency: &str, logs: &str| {
            format!(
                r#"{{"projectFileDependencyGroups":{{"net10.0":["{dependency}"]}},"logs":[{logs}]}}"#
            )
        };
        assert_eq!(floating_version(&assets("Serilog >= 4.3.0", "")), None);
        assert_eq!(
            floating_version(&assets("Serilog >= 4.*", "")).as_deref(),
            Some("Serilog >= 4.*")
        );
        let log =
            r#"{"code":"NU1603","message":"A depends on B (>= 1.0) but B 1.0 was not found"}"#;
        assert!(floating_version(&assets("A >= 1.0.0", log)).is_some());
        assert_eq!(
            floating_version(&assets(
                "A >= 1.0.0",
                r#"{"code":"NU1903","message":"vulnerable"}"#
            )),
            None
        );
        assert!(floating_version("{}").is_some());
    }
}

use crate::BuildError;
use fs_err as fs;
use mizzen_dotnet::floating_version;
use mizzen_stage::Content;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Returns why the same workspace may get other packages tomorrow, from what restore wrote below
/// `written`; `None` if it will not as long as its feeds keep what they published.
///
/// `sources` is where the stage had the workspace, which need not be where its files can be read;
/// `contents` is the workspace as it was staged: a lock file in it pins what floats.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn floating(
    written: &[PathBuf],
    sources: &Path,
    contents: &BTreeMap<String, Content>,
) -> Result<Option<String>, BuildError> {
    let assets = assets_below(written)?;
    if assets.is_empty() {
        return Ok(Some("restore left no project.assets.json".to_owned()));
    }
    for file in assets {
        let text = fs::read_to_string(&file).map_err(BuildError::Read)?;
        if let Some(floating) = floating_version(&text)
            && !is_locked(&text, sources, contents)
        {
            return Ok(Some(floating));
        }
    }
    Ok(None)
}

/// Returns the projects, relative to the sources, that get packages and have no lock file; with what
/// [`floating`] takes.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn without_lock_file(
    written: &[PathBuf],
    sources: &Path,
    contents: &BTreeMap<String, Content>,
) -> Result<Vec<String>, BuildError> {
    let mut projects = Vec::new();
    for file in assets_below(written)? {
        let text = fs::read_to_string(&file).map_err(BuildError::Read)?;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let libraries = value["libraries"].as_object().into_iter().flatten();
        let has_packages = libraries
            .into_iter()
            .any(|(_, library)| library["type"] == "package");
        if has_packages && !is_locked(&text, sources, contents) {
            let project = value["project"]["restore"]["projectPath"].as_str();
            let project = project.map_or(file.as_path(), Path::new);
            let project = project.strip_prefix(sources).unwrap_or(project);
            projects.push(format!("`{}`", project.display()));
        }
    }
    Ok(projects)
}

/// Returns every `project.assets.json`, wherever the projects have their `obj`.
pub(crate) fn assets_below(written: &[PathBuf]) -> Result<Vec<PathBuf>, BuildError> {
    let mut found = Vec::new();
    for entry in written.iter().flat_map(WalkDir::new) {
        let entry = entry.map_err(|error| BuildError::Read(error.into()))?;
        if !entry.file_type().is_dir() && entry.file_name() == "project.assets.json" {
            found.push(entry.into_path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns the project that a `project.assets.json` was written for, as its path in the stage.
pub(crate) fn project_path(assets: &[u8]) -> Option<PathBuf> {
    let value: serde_json::Value = serde_json::from_slice(assets).ok()?;
    Some(PathBuf::from(
        value["project"]["restore"]["projectPath"].as_str()?,
    ))
}

/// Returns whether the project that the file was written for has a lock file beside it.
fn is_locked(assets: &str, sources: &Path, contents: &BTreeMap<String, Content>) -> bool {
    let project = project_path(assets.as_bytes());
    let folder = project
        .as_ref()
        .and_then(|project| project.strip_prefix(sources).ok()?.parent()?.to_str());
    let Some(folder) = folder else { return false };
    contents.keys().any(|path| {
        let (beside, name) = path.rsplit_once('/').unwrap_or(("", path));
        beside == folder && name.starts_with("packages.") && name.ends_with(".lock.json")
    })
}

#[cfg(test)]
mod tests {
    use super::{floating, without_lock_file};
    use fs_err as fs;
    use mizzen_stage::Content;
    use std::collections::BTreeMap;
    use std::path::Path;

    /// Where the stage had them, and nobody reads them.
    const SOURCES: &str = "/stage/src";

    fn assets(written: &Path, project: &str, dependency: &str) {
        let obj = written.join(project).join("obj");
        fs::create_dir_all(&obj).unwrap();
        let text = format!(
            r#"{{"projectFileDependencyGroups":{{"net10.0":["{dependency}"]}},
                "libraries":{{"Serilog/4.3.0":{{"type":"package"}}}},
                "project":{{"restore":{{"projectPath":"{SOURCES}/{project}/App.csproj"}}}}}}"#
        );
        fs::write(obj.join("project.assets.json"), text).unwrap();
    }

    #[test]
    fn one_floating_project_is_enough_unless_its_own_lock_file_pins_it() {
        let folder = tempfile::tempdir().unwrap();
        let none = BTreeMap::new();
        let written = [folder.path().to_owned()];
        let floating = |contents: &BTreeMap<String, Content>| {
            floating(&written, Path::new(SOURCES), contents).unwrap()
        };
        assert!(floating(&none).is_some());
        assets(folder.path(), "src/App", "Serilog >= 4.3.0");
        assert_eq!(floating(&none), None);
        assets(folder.path(), "src/Lib", "Serilog >= 4.*");
        assert_eq!(floating(&none).as_deref(), Some("Serilog >= 4.*"));

        let lock = |path: &str| BTreeMap::from([(path.to_owned(), Content::Folder)]);
        assert!(floating(&lock("src/App/packages.lock.json")).is_some());
        assert_eq!(floating(&lock("src/Lib/packages.lock.json")), None);
    }

    #[test]
    fn a_project_with_packages_and_no_lock_file_is_named_as_the_workspace_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let written = [folder.path().to_owned()];
        assets(folder.path(), "src/App", "Serilog >= 4.3.0");
        assets(folder.path(), "src/Lib", "Serilog >= 4.3.0");
        let lock = "src/Lib/packages.lock.json".to_owned();
        let contents = BTreeMap::from([(lock, Content::Folder)]);
        let unlocked = without_lock_file(&written, Path::new(SOURCES), &contents).unwrap();
        assert_eq!(unlocked, ["`src/App/App.csproj`"]);
    }
}

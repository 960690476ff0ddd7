use crate::BuildError;
use fs_err as fs;
use mizzen_dotnet::{PublishOutput, PublishedFile};
use mizzen_oci::Digest;
use mizzen_stage::Content;
use std::collections::{BTreeMap, BTreeSet};

/// Which published files are files of the workspace: the same name and the same bytes.
///
/// Publish tells nobody where a file is from, and a project may give it another folder.
pub(crate) struct WorkspaceFiles<'a> {
    found: Vec<(&'a PublishedFile, Vec<(&'a str, bool)>)>,
}

impl<'a> WorkspaceFiles<'a> {
    /// Looks for each file of `output` in the workspace.
    ///
    /// # Errors
    /// [`BuildError::Read`] names a published file that cannot be read.
    pub(crate) fn find(
        output: &'a PublishOutput,
        workspace: &'a BTreeMap<String, Content>,
    ) -> Result<Self, BuildError> {
        let mut by_name = BTreeMap::<&str, Vec<(&str, Digest, bool)>>::new();
        for (path, content) in workspace {
            if let Content::File {
                digest, executable, ..
            } = content
            {
                let name = path.rsplit('/').next().unwrap_or(path);
                let file = (path.as_str(), *digest, *executable);
                by_name.entry(name).or_default().push(file);
            }
        }
        let mut found = Vec::new();
        for file in &output.files {
            let name = std::str::from_utf8(&file.path).ok();
            let name = name.and_then(|path| path.rsplit('/').next());
            let Some(candidates) = name.and_then(|name| by_name.get(name)) else {
                continue;
            };
            let digest = Digest::of(&fs::read(&file.source).map_err(BuildError::Read)?);
            let same = candidates.iter().filter(|(_, other, _)| *other == digest);
            let same: Vec<_> = same
                .map(|(path, _, executable)| (*path, *executable))
                .collect();
            if !same.is_empty() {
                found.push((file, same));
            }
        }
        Ok(Self { found })
    }

    /// Returns the published paths of files that have the execute bit in the workspace: a file of a
    /// package has whatever bits NuGet gave it.
    pub(crate) fn executables(&self) -> BTreeSet<Vec<u8>> {
        let executables = self
            .found
            .iter()
            .filter(|(_, same)| same.iter().any(|(_, executable)| *executable));
        executables.map(|(file, _)| file.path.clone()).collect()
    }

    /// Returns for each published path the paths in the workspace that it can be from: those that
    /// end most alike.
    pub(crate) fn sources(&self) -> BTreeMap<String, Vec<String>> {
        let of_file = |(file, same): &(&PublishedFile, Vec<(&str, bool)>)| {
            let published = String::from_utf8(file.path.clone()).ok()?;
            let likeness = |path: &str| {
                let parts = published.rsplit('/').zip(path.rsplit('/'));
                parts.take_while(|(one, other)| one == other).count()
            };
            let most = same.iter().map(|(path, _)| likeness(path)).max()?;
            let alike = same.iter().filter(|(path, _)| likeness(path) == most);
            let alike = alike.map(|(path, _)| (*path).to_owned()).collect();
            Some((published, alike))
        };
        self.found.iter().filter_map(of_file).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::WorkspaceFiles;
    use fs_err as fs;
    use mizzen_dotnet::PublishOutput;
    use mizzen_oci::Digest;
    use mizzen_stage::Content;
    use std::collections::BTreeMap;

    #[test]
    fn a_published_file_is_from_where_name_and_bytes_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let framework = r#"{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}"#;
        let runtime_config = format!(r#"{{"runtimeOptions":{framework}}}"#);
        fs::create_dir(folder.path().join("config")).unwrap();
        for (path, text) in [
            ("A.runtimeconfig.json", &*runtime_config),
            ("A.dll", ""),
            ("config/x.json", "{}"),
            ("x.json", "{}"),
            ("run.sh", "#!"),
        ] {
            fs::write(folder.path().join(path), text).unwrap();
        }
        let output = PublishOutput::read(folder.path()).unwrap();
        let workspace: BTreeMap<String, Content> = [
            ("src/A/config/x.json", "{}", false),
            ("src/B/x.json", "{}", false),
            ("src/A/x.json", "other", false),
            ("src/A/run.sh", "#!", true),
        ]
        .map(|(path, text, executable)| {
            let content = Content::File {
                source: path.into(),
                digest: Digest::of(text.as_bytes()),
                executable,
            };
            (path.to_owned(), content)
        })
        .into();
        let found = WorkspaceFiles::find(&output, &workspace).unwrap();
        assert_eq!(found.executables(), [b"run.sh".to_vec()].into());
        let lines = found.sources().into_iter();
        let lines: Vec<_> = lines
            .map(|(path, sources)| format!("{path}: {}", sources.join(" ")))
            .collect();
        assert_eq!(
            lines,
            [
                "config/x.json: src/A/config/x.json",
                "run.sh: src/A/run.sh",
                "x.json: src/A/config/x.json src/B/x.json",
            ]
        );
    }
}

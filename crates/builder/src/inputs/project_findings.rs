use crate::{BuildError, GitPolicy};
use fs_err as fs;
use mizzen_dotnet::{
    GitReads, Oddity, Workspace, adds_project_references, file_based_project, is_file_based,
    is_restore_input, oddities, project_references, project_text,
};
use mizzen_oci::{Digest, Hasher};
use mizzen_stage::Content;
use mizzen_store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// What is odd in the project files of a workspace, by path.
pub(crate) type Findings = BTreeMap<String, Vec<Oddity>>;

/// Where it is kept what was found in files, by their contents. Counts up when other things are found
/// in the same text.
const NOTES: &str = "oddities-4";

/// Reads those files among `contents` that can take part in a build of `project`: the projects that
/// it refers to, and the props and targets that these import. What was read before is not read again.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn project_findings(
    contents: &BTreeMap<String, Content>,
    project: &str,
    store: &Store,
) -> Result<Findings, BuildError> {
    let files = contents.iter().filter_map(|(path, content)| match content {
        Content::File { source, digest, .. } if path == project || may_be_odd(path) => {
            Some((path, source, *digest))
        }
        _ => None,
    });
    let files: Vec<_> = files.collect();
    let mut hasher = Hasher::default();
    hasher.field(NOTES.as_bytes());
    hasher.field(project.as_bytes());
    for (path, _, digest) in &files {
        hasher.field(path.as_bytes());
        hasher.field(digest.as_bytes());
    }
    let key: Digest = hasher.finish();
    let known = store.read_note(NOTES, &key)?;
    if let Some(known) = known.and_then(|known| serde_json::from_slice(&known).ok()) {
        return Ok(known);
    }
    let mut texts = BTreeMap::new();
    for (path, source, _) in files {
        let bytes = fs::read(source).map_err(BuildError::Read)?;
        let text = project_text(&bytes);
        let text = if is_file_based(path) {
            file_based_project(&text)
        } else {
            text
        };
        texts.insert(path.as_str(), text);
    }
    let projects = reached(project, &texts);
    let mut odd = Findings::new();
    for (path, text) in &texts {
        let takes_part = projects
            .as_ref()
            .is_none_or(|projects| takes_part(path, projects));
        let found = if takes_part {
            oddities(text)
        } else {
            Vec::new()
        };
        if !found.is_empty() {
            odd.insert((*path).to_owned(), found);
        }
    }
    let body = serde_json::to_vec(&odd).expect("a table becomes JSON");
    store.write_note(NOTES, &key, &body)?;
    Ok(odd)
}

fn may_be_odd(path: &str) -> bool {
    let extension = path.rsplit('.').next().unwrap_or_default();
    is_restore_input(path)
        && (extension.ends_with("proj") || ["props", "targets", "user"].contains(&extension))
}

/// Returns `project` and all that it refers to; `None` if that cannot be told from their texts.
fn reached(project: &str, texts: &BTreeMap<&str, String>) -> Option<BTreeSet<String>> {
    let mut imported = texts
        .iter()
        .filter(|(path, _)| !Workspace::is_project(path));
    // One that is imported is relative to whatever imports it.
    if imported.any(|(_, text)| adds_project_references(text)) {
        return None;
    }
    let mut projects = BTreeSet::new();
    let mut next = vec![project.to_owned()];
    while let Some(project) = next.pop() {
        if !projects.contains(&project) {
            let text = texts.get(project.as_str());
            next.extend(project_references(
                &project,
                text.map_or("", String::as_str),
            )?);
            projects.insert(project);
        }
    }
    Some(projects)
}

fn takes_part(path: &str, projects: &BTreeSet<String>) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let project = path.strip_suffix(".user").unwrap_or(path);
    if Workspace::is_project(project) || is_file_based(project) {
        return projects.contains(project);
    }
    let is_above = |project: &String| {
        let below = project.strip_prefix(folder);
        folder.is_empty() || below.is_some_and(|below| below.starts_with('/'))
    };
    // MSBuild looks for these on the way up; others are imported by their paths.
    !name.starts_with("Directory.") || projects.iter().any(is_above)
}

/// Returns how much of git's files the stage shows; `None` if nothing.
pub(crate) fn git_reads(odd: &Findings, policy: GitPolicy) -> Option<GitReads> {
    let all = odd.values().flatten();
    let asked = all.filter_map(|oddity| match oddity {
        Oddity::GitAware { reads, .. } => Some(*reads),
        _ => None,
    });
    match policy {
        GitPolicy::Never => None,
        GitPolicy::Always => Some(GitReads::Everything),
        GitPolicy::Auto => asked.max(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, git_reads, project_findings};
    use crate::GitPolicy;
    use fs_err as fs;
    use mizzen_dotnet::GitReads;
    use mizzen_oci::Digest;
    use mizzen_stage::Content;
    use mizzen_store::Store;
    use std::collections::BTreeMap;
    use tempfile::TempDir;

    const GIT: &str = "<ItemGroup><PackageReference Include=\"MinVer\" /></ItemGroup>";

    fn workspace(files: &[(&str, &str)]) -> (TempDir, Store, BTreeMap<String, Content>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let content = |(path, inside): &(&str, &str)| {
            let source = folder.path().join(path.replace('/', "-"));
            let text = format!("<Project>{inside}</Project>");
            fs::write(&source, &text).unwrap();
            let file = Content::File {
                source,
                digest: Digest::of(text.as_bytes()),
                executable: false,
            };
            ((*path).to_owned(), file)
        };
        let contents = files.iter().map(content).collect();
        (folder, store, contents)
    }

    #[test]
    fn files_are_read_once_and_packages_decide_about_git() {
        let (folder, store, contents) = workspace(&[("src/App.csproj", GIT), ("a.cs", GIT)]);
        let read = || project_findings(&contents, "src/App.csproj", &store).unwrap();
        let first = read();
        assert_eq!(first["src/App.csproj"].len(), 1);
        fs::remove_file(folder.path().join("src-App.csproj")).unwrap();
        assert_eq!(read(), first);
        for (policy, want) in [
            (GitPolicy::Auto, Some(GitReads::History)),
            (GitPolicy::Always, Some(GitReads::Everything)),
            (GitPolicy::Never, None),
        ] {
            assert_eq!(git_reads(&first, policy), want);
        }
        assert_eq!(git_reads(&Findings::new(), GitPolicy::Auto), None);
    }

    #[test]
    fn what_takes_no_part_in_the_build_is_not_odd() {
        let reference = "<ItemGroup><ProjectReference Include=\"../Lib/Lib.csproj\" /></ItemGroup>";
        let odd = |files: &[(&str, &str)]| {
            let (_folder, store, contents) = workspace(files);
            let odd = project_findings(&contents, "App/App.csproj", &store).unwrap();
            odd.into_keys().collect::<Vec<_>>()
        };
        let mut files = vec![
            ("App/App.csproj", reference),
            ("Lib/Lib.csproj", GIT),
            ("Other/Other.csproj", GIT),
            ("Other/Directory.Build.props", GIT),
            ("Lib/Directory.Build.props", GIT),
            ("eng/Common.targets", GIT),
        ];
        let want = [
            "Lib/Directory.Build.props",
            "Lib/Lib.csproj",
            "eng/Common.targets",
        ];
        assert_eq!(odd(&files), want);
        // A reference that nobody can follow without an evaluation: everything counts.
        files[0].1 = "<ItemGroup><ProjectReference Include=\"$(Lib)\" /></ItemGroup>";
        assert_eq!(odd(&files).len(), 5);
    }

    #[test]
    fn a_file_based_app_asks_by_its_directives() {
        let (folder, store, contents) = workspace(&[("app.cs", ""), ("other.cs", "")]);
        let directive = "#:package MinVer@8.0.0\n";
        fs::write(folder.path().join("app.cs"), directive).unwrap();
        fs::write(folder.path().join("other.cs"), directive).unwrap();
        let odd = project_findings(&contents, "app.cs", &store).unwrap();
        assert_eq!(odd.into_keys().collect::<Vec<_>>(), ["app.cs"]);
    }
}

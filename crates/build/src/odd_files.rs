use crate::{BuildError, GitPolicy};
use fs_err as fs;
use mizzen_dotnet::{GitReads, Oddity, is_restore_input, oddities};
use mizzen_oci::{Digest, Hasher};
use mizzen_stage::Content;
use mizzen_store::Store;
use std::collections::BTreeMap;

/// What is odd in the project files of a workspace, by path.
pub(crate) type OddFiles = BTreeMap<String, Vec<Oddity>>;

/// Where it is kept what was found in files, by their contents. Counts up when other things are found
/// in the same text.
const NOTES: &str = "oddities-1";

/// Reads the project files among `contents`; those that were read before are not read again.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn odd_files(
    contents: &BTreeMap<String, Content>,
    store: &Store,
) -> Result<OddFiles, BuildError> {
    let files = contents.iter().filter_map(|(path, content)| match content {
        Content::File { source, digest, .. } if may_be_odd(path) => Some((path, source, *digest)),
        _ => None,
    });
    let files: Vec<_> = files.collect();
    let mut hasher = Hasher::default();
    hasher.field(NOTES.as_bytes());
    for (path, _, digest) in &files {
        hasher.field(path.as_bytes());
        hasher.field(digest.as_bytes());
    }
    let key: Digest = hasher.finish();
    let known = store.read_note(NOTES, &key)?;
    if let Some(known) = known.and_then(|known| serde_json::from_slice(&known).ok()) {
        return Ok(known);
    }
    let mut odd = OddFiles::new();
    for (path, source, _) in files {
        // One in another encoding says nothing here that MSBuild would not.
        let bytes = fs::read(source).map_err(BuildError::Read)?;
        let found = oddities(&String::from_utf8_lossy(&bytes));
        if !found.is_empty() {
            odd.insert(path.clone(), found);
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

/// Returns how much of git's files the stage shows; `None` if nothing.
pub(crate) fn git_reads(odd: &OddFiles, policy: GitPolicy) -> Option<GitReads> {
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
    use super::{git_reads, odd_files};
    use crate::GitPolicy;
    use fs_err as fs;
    use mizzen_dotnet::GitReads;
    use mizzen_oci::Digest;
    use mizzen_stage::Content;
    use mizzen_store::Store;

    #[test]
    fn files_are_read_once_and_packages_decide_about_git() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let source = folder.path().join("App.csproj");
        let text =
            "<Project><ItemGroup><PackageReference Include=\"MinVer\" /></ItemGroup></Project>";
        fs::write(&source, text).unwrap();
        let file = Content::File {
            source: source.clone(),
            digest: Digest::of(text.as_bytes()),
            executable: false,
        };
        let contents = [
            ("src/App.csproj".to_owned(), file.clone()),
            ("a.cs".to_owned(), file),
        ];
        let contents = contents.into();
        let first = odd_files(&contents, &store).unwrap();
        assert_eq!(first["src/App.csproj"].len(), 1);
        fs::remove_file(source).unwrap();
        assert_eq!(odd_files(&contents, &store).unwrap(), first);
        for (policy, want) in [
            (GitPolicy::Auto, Some(GitReads::History)),
            (GitPolicy::Always, Some(GitReads::Everything)),
            (GitPolicy::Never, None),
        ] {
            assert_eq!(git_reads(&first, policy), want);
        }
        assert_eq!(git_reads(&super::OddFiles::new(), GitPolicy::Auto), None);
    }
}

use crate::inputs::git::GitRepository;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Tells which files of a workspace git is told to ignore: by the `.gitignore` of each folder from
/// the repository's top down, and by its `info/exclude`.
///
/// What is known of the files alone is not asked: whether one was added to the repository all the
/// same, and what the user's own settings ignore everywhere.
/// Source: gitignore(5).
pub(crate) struct GitIgnored<'a> {
    workspace: &'a Path,
    top: PathBuf,
    exclude: Gitignore,
    /// The rules of each folder that was asked for.
    folders: BTreeMap<PathBuf, Gitignore>,
}

impl<'a> GitIgnored<'a> {
    /// Reads the rules that hold below `workspace`; without a repository its own files alone.
    pub(crate) fn new(workspace: &'a Path) -> Self {
        let repository = GitRepository::at_home(workspace);
        let exclude = repository.as_ref().map_or_else(Gitignore::empty, |found| {
            rules(&found.top, &found.common.join("info/exclude"))
        });
        Self {
            workspace,
            top: repository.map_or_else(|| workspace.to_owned(), |found| found.top),
            exclude,
            folders: BTreeMap::new(),
        }
    }

    /// Returns whether the file at `path`, relative to the workspace, is ignored.
    pub(crate) fn contains(&mut self, path: &str) -> bool {
        let file = self.workspace.join(path);
        let mut above: Vec<&Path> = file
            .ancestors()
            .take_while(|folder| *folder != self.top)
            .collect();
        above.reverse();
        // What is below an ignored folder cannot be taken in again.
        above.iter().any(|path| self.is_named(path, *path != file))
    }

    // The nearest rules come first; the last line of those that fits decides.
    fn is_named(&mut self, path: &Path, is_folder: bool) -> bool {
        let folders = path.ancestors().skip(1);
        let top = self.top.clone();
        for folder in folders.take_while(|folder| folder.starts_with(&top)) {
            let rules = self
                .folders
                .entry(folder.to_owned())
                .or_insert_with(|| rules(folder, &folder.join(".gitignore")));
            match rules.matched(path, is_folder) {
                Match::None => {}
                found => return found.is_ignore(),
            }
        }
        self.exclude.matched(path, is_folder).is_ignore()
    }
}

// Lines that git would not understand either, or a file that cannot be read, rule nothing.
fn rules(folder: &Path, file: &Path) -> Gitignore {
    let mut builder = GitignoreBuilder::new(folder);
    drop(builder.add(file));
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::GitIgnored;
    use fs_err as fs;

    #[test]
    fn the_rules_of_each_folder_and_of_the_repository_hold() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            (".git/info/exclude", "secret.json\n"),
            (".gitignore", ".env\n*.Local.json\n/src/tmp/\n"),
            ("src/.gitignore", "!keep.Local.json\nown.txt\n"),
        ] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        let workspace = root.join("src");
        let mut ignored = GitIgnored::new(&workspace);
        for path in [
            ".env",
            "Api/.env",
            "Api/appsettings.Local.json",
            "tmp/keep.Local.json",
            "own.txt",
            "Api/secret.json",
        ] {
            assert!(ignored.contains(path), "{path}");
        }
        for path in ["appsettings.json", "keep.Local.json", "Api/tmp/x"] {
            assert!(!ignored.contains(path), "{path}");
        }
        let mut alone = GitIgnored::new(root);
        assert!(alone.contains("src/tmp/x") && !alone.contains("src/x"));
    }

    #[test]
    fn without_a_repository_the_workspaces_own_rules_hold() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".gitignore"), ".env\n").unwrap();
        let mut ignored = GitIgnored::new(folder.path());
        assert!(ignored.contains(".env") && !ignored.contains("Program.cs"));
    }
}

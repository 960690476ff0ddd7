use crate::BuildError;
use crate::inputs::git::GitRepository;
use crate::inputs::git_config::{has_reftables, shown_config};
use crate::inputs::git_references::{references, text_of};
use crate::inputs::tree_digest::tree_digest;
use crate::outside::{Allowed, Outside, OutsideRequest};
use fs_err as fs;
use mizzen_dotnet::GitReads;
use mizzen_plan::FileInput;
use mizzen_stage::Content;
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What a stage shows of git's own files, for packages that ask git.
///
/// The stage has a repository of its own: `HEAD`, the references and the configuration are written
/// for it, and its objects are the user's, by `objects/info/alternates`. An object is named by its
/// content, so what can be reached from the references is in the key with them.
#[derive(Clone, Default)]
pub(crate) struct GitView {
    /// How much of them was asked for; `None` if nothing was.
    pub(crate) reads: Option<GitReads>,
    /// What is staged and keyed, by path below the workspace.
    pub(crate) keyed: BTreeMap<String, Content>,
    /// What is staged and not keyed, because it is another path on every machine.
    pub(crate) unkeyed: BTreeMap<String, Content>,
    /// What is keyed of the objects, where a package may look at all of them.
    pub(crate) facts: BTreeMap<String, FileInput>,
    /// The folders of objects, which are mounted where they are.
    pub(crate) mounted: Vec<PathBuf>,
    /// What is wrong with the repository.
    pub(crate) warnings: Vec<String>,
}

/// How a file of references begins.
const PACKED: &str = "# pack-refs with: sorted \n";
/// What the references are beside the commit and the tags.
const OTHER_FILES: [&str; 2] = ["index", "info/exclude"];

impl GitView {
    /// Reads the repository at `root` for packages that read as much as `reads` says.
    ///
    /// # Errors
    /// [`BuildError::NotAllowed`] if the repository leads to what is not its own, and that is not among
    /// what is `allowed`; [`BuildError::Read`] names the file that cannot be read.
    pub(crate) fn of(
        root: &Path,
        reads: GitReads,
        allowed: &Allowed,
        store: &Store,
    ) -> Result<Self, BuildError> {
        let mut view = Self {
            reads: Some(reads),
            ..Self::default()
        };
        let Some(repository) = GitRepository::of(root) else {
            view.warnings.push(format!(
                "`{}` is not in a git repository, but a package asks git for the version",
                root.display()
            ));
            return Ok(view);
        };
        if repository.top != root {
            view.warnings.push(format!(
                "the git repository `{}` begins above the workspace, so a stage cannot show it: set `[inputs] root` in mizzen.toml",
                repository.top.display()
            ));
            return Ok(view);
        }
        let missing = allowed.missing(&git_requests(root));
        if !missing.is_empty() {
            return Err(BuildError::NotAllowed(missing));
        }
        view.read(&repository, reads).map_err(BuildError::Read)?;
        if reads == GitReads::Everything {
            for folder in &view.mounted {
                let digest = tree_digest(folder, &|_| false, store, &Cancel::default())?;
                let name = format!(".git/objects {}", view.facts.len());
                view.facts.insert(name, FileInput::File(digest));
            }
        }
        Ok(view)
    }

    fn read(&mut self, repository: &GitRepository, reads: GitReads) -> io::Result<()> {
        let config = text_of(&repository.common.join("config"))?.unwrap_or_default();
        if has_reftables(&config) {
            let warning = "the git repository keeps its references in reftables, which mizzen does not read: no version can be found";
            self.warnings.push(warning.to_owned());
            return Ok(());
        }
        let head = text_of(&repository.own.join("HEAD"))?.unwrap_or_default();
        let mut references = references(&repository.common)?;
        if reads == GitReads::History {
            let branch = head.trim().strip_prefix("ref:").map(str::trim);
            references
                .retain(|name, _| name.starts_with("refs/tags/") || Some(name.as_str()) == branch);
        }
        let packed = references
            .iter()
            .map(|(name, commit)| format!("{commit} {name}\n"));
        self.text("HEAD", &head);
        self.text("config", &shown_config(&config));
        // The SDK's own reader of repositories wants the first line.
        let packed = std::iter::once(PACKED.to_owned()).chain(packed);
        self.text("packed-refs", &packed.collect::<String>());
        self.keyed.insert(".git/refs".to_owned(), Content::Folder);
        if let Some(shallow) = text_of(&repository.common.join("shallow"))? {
            self.text("shallow", &shallow);
            let warning = "the git repository is shallow: a version that counts commits or looks \
                           for tags is likely wrong (git fetch --unshallow --tags)";
            self.warnings.push(warning.to_owned());
        }
        self.objects(repository.object_folders());
        if reads == GitReads::Everything {
            for name in OTHER_FILES {
                let folder = if name == "index" {
                    &repository.own
                } else {
                    &repository.common
                };
                if let Ok(bytes) = fs::read(folder.join(name)) {
                    let content = Content::Bytes(bytes.into());
                    self.keyed.insert(format!(".git/{name}"), content);
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) {
        let content = Content::Bytes(text.as_bytes().into());
        self.keyed.insert(format!(".git/{name}"), content);
    }

    fn objects(&mut self, folders: Vec<PathBuf>) {
        if let Some(own) = folders.first() {
            let alternates = format!("{}\n", own.display());
            let content = Content::Bytes(alternates.as_bytes().into());
            let name = ".git/objects/info/alternates".to_owned();
            self.unkeyed.insert(name, content);
        }
        self.mounted = folders;
    }
}

/// Returns what the git repository at `root` leads to that is not its own: what is asked for where a
/// package asks git.
pub(crate) fn git_requests(root: &Path) -> Vec<OutsideRequest> {
    let repository = GitRepository::of(root).filter(|repository| repository.top == root);
    let foreign = repository.into_iter().flat_map(|repository| {
        let files = repository.foreign_files().into_iter();
        files.chain(repository.foreign_objects())
    });
    let request = |path| OutsideRequest {
        wanted: Outside::Path(path),
        asked_by: ".git".to_owned(),
    };
    foreign.map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::{Allowed, GitView, PACKED};
    use fs_err as fs;
    use mizzen_dotnet::GitReads;
    use mizzen_stage::Content;
    use mizzen_store::Store;
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn repository() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("HEAD", "ref: refs/heads/main\n"),
            ("config", "[core]\n\tbare = false\n"),
            (
                "packed-refs",
                "# pack-refs with: peeled\naa refs/heads/main\naa refs/tags/v1\n^bb\n",
            ),
            ("refs/heads/main", "cc\n"),
            ("refs/heads/other", "dd\n"),
            (
                "refs/remotes/origin/HEAD",
                "ref: refs/remotes/origin/main\n",
            ),
            ("objects/aa/1", "object"),
            ("index", "index"),
            ("hooks/x", "#!"),
        ] {
            write(folder.path().join("w/.git").join(path), text);
        }
        folder
    }

    fn view(folder: &TempDir, root: &str, reads: GitReads) -> GitView {
        let store = Store::open(&folder.path().join("cache")).unwrap();
        GitView::of(
            &folder.path().join(root),
            reads,
            &Allowed::default(),
            &store,
        )
        .unwrap()
    }

    fn text(view: &GitView, path: &str) -> String {
        match &view.keyed[path] {
            Content::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn history_is_the_commit_and_the_tags_and_nothing_that_another_clone_has_otherwise() {
        let folder = repository();
        let history = view(&folder, "w", GitReads::History);
        let packed = text(&history, ".git/packed-refs");
        let want = format!("{PACKED}cc refs/heads/main\naa refs/tags/v1\n");
        assert_eq!(packed, want);
        let names: Vec<_> = history.keyed.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [".git/HEAD", ".git/config", ".git/packed-refs", ".git/refs"]
        );
        assert!(history.facts.is_empty() && history.warnings.is_empty());

        // Another branch, an object that nothing refers to: the same.
        write(folder.path().join("w/.git/refs/heads/new"), "ee\n");
        write(folder.path().join("w/.git/objects/bb/2"), "x");
        assert_eq!(view(&folder, "w", GitReads::History).keyed, history.keyed);
        write(folder.path().join("w/.git/refs/tags/v2"), "cc\n");
        assert_ne!(view(&folder, "w", GitReads::History).keyed, history.keyed);
    }

    #[test]
    fn everything_has_every_branch_the_index_and_every_object_in_the_key() {
        let folder = repository();
        let first = view(&folder, "w", GitReads::Everything);
        assert!(text(&first, ".git/packed-refs").contains("dd refs/heads/other"));
        assert_eq!(text(&first, ".git/index"), "index");
        write(folder.path().join("w/.git/objects/bb/2"), "x");
        let second = view(&folder, "w", GitReads::Everything);
        assert_ne!(first.facts, second.facts);
    }

    #[test]
    fn a_worktree_shares_its_objects_and_references() {
        let folder = repository();
        let own = folder.path().join("w/.git/worktrees/t");
        write(own.join("HEAD"), "dd\n");
        write(own.join("commondir"), "../..\n");
        write(own.join("gitdir"), "../../../../t/.git\n");
        write(
            folder.path().join("t/.git"),
            &format!("gitdir: {}\n", own.display()),
        );
        let view = view(&folder, "t", GitReads::History);
        assert_eq!(text(&view, ".git/HEAD"), "dd\n");
        let packed = text(&view, ".git/packed-refs");
        assert_eq!(packed, format!("{PACKED}aa refs/tags/v1\n"));
        let objects = fs::canonicalize(folder.path().join("w/.git/objects")).unwrap();
        assert_eq!(view.mounted, [objects]);
    }

    #[test]
    fn what_cannot_be_shown_is_told() {
        let folder = repository();
        write(folder.path().join("w/.git/shallow"), "aa\n");
        write(folder.path().join("w/below/x"), "");
        let warning = |root: &str| view(&folder, root, GitReads::History).warnings.join(" ");
        assert!(warning("w").contains("is shallow"));
        assert!(warning("w/below").contains("begins above the workspace"));
        let alone = tempfile::tempdir().unwrap();
        let store = Store::open(&alone.path().join("cache")).unwrap();
        let view = GitView::of(
            Path::new("/proc"),
            GitReads::History,
            &Allowed::default(),
            &store,
        )
        .unwrap();
        assert!(view.warnings[0].contains("not in a git repository"));
    }
}

use crate::inputs::git_references::references;
use fs_err as fs;
use std::path::{Path, PathBuf};

/// The git repository that a folder lies in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitRepository {
    /// The folder with `.git`.
    pub top: PathBuf,
    /// The folder with `HEAD` and the index: `.git`, or the worktree's own.
    pub own: PathBuf,
    /// The folder with `config`, `refs` and `objects`, which worktrees share.
    pub common: PathBuf,
}

impl GitRepository {
    /// Finds the repository of `folder`, if its files lead to nothing that is not its own.
    pub fn at_home(folder: &Path) -> Option<Self> {
        Self::of(folder).filter(|found| found.foreign_files().is_empty())
    }

    /// Returns the commit that is checked out; `None` if there is none yet, or it cannot be read.
    pub fn head(&self) -> Option<String> {
        let head = fs::read_to_string(self.own.join("HEAD")).ok()?;
        let head = head.trim();
        let commit = match head.strip_prefix("ref:") {
            Some(name) => references(&self.common).ok()?.remove(name.trim())?,
            None => head.to_owned(),
        };
        let is_commit =
            [40, 64].contains(&commit.len()) && commit.bytes().all(|it| it.is_ascii_hexdigit());
        is_commit.then_some(commit)
    }

    /// Finds the repository of `folder`; `None` if there is none or it cannot be read.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let top = folder
            .ancestors()
            .find(|folder| folder.join(".git").exists())?;
        let git = top.join(".git");
        let own = if git.is_dir() { git } else { own_folder(&git)? };
        let common = match fs::read_to_string(own.join("commondir")) {
            Ok(common) => own.join(common.trim()),
            Err(_) => own.clone(),
        };
        Some(Self {
            top: top.to_owned(),
            own,
            common,
        })
    }
}

// A worktree's or a submodule's `.git` is a file that names a folder.
fn own_folder(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    Some(file.parent()?.join(text.strip_prefix("gitdir:")?.trim()))
}

#[cfg(test)]
mod tests {
    use super::GitRepository;
    use fs_err as fs;

    #[test]
    fn the_commit_is_that_of_the_branch_or_of_no_branch() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        let head = |text: &str| {
            fs::write(git.join("HEAD"), text).unwrap();
            GitRepository::of(folder.path()).unwrap().head()
        };
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(40));
        assert_eq!(head("ref: refs/heads/main\n"), None);
        fs::write(git.join("packed-refs"), format!("{one} refs/heads/main\n")).unwrap();
        assert_eq!(head("ref: refs/heads/main\n").as_ref(), Some(&one));
        fs::write(git.join("refs/heads/main"), format!("{two}\n")).unwrap();
        assert_eq!(head("ref: refs/heads/main\n").as_ref(), Some(&two));
        assert_eq!(head(&format!("{one}\n")).as_ref(), Some(&one));
        assert_eq!(head("nonsense"), None);
    }
}

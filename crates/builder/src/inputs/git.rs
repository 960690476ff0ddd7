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

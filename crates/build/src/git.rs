use fs_err as fs;
use std::path::{Path, PathBuf};

/// The git repository that a folder lies in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitRepository {
    /// The folder with `.git`.
    pub top: PathBuf,
    /// The folder with `config` and `info`, which worktrees share.
    pub common: PathBuf,
}

impl GitRepository {
    /// Finds the repository of `folder`; `None` if there is none or it cannot be read.
    pub fn of(folder: &Path) -> Option<Self> {
        let top = folder
            .ancestors()
            .find(|folder| folder.join(".git").exists())?;
        let git = top.join(".git");
        Some(Self {
            top: top.to_owned(),
            common: if git.is_dir() {
                git
            } else {
                common_folder(&git)?
            },
        })
    }
}

// A worktree's `.git` is a file that names a folder, which names the repository's own.
fn common_folder(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    let folder = file.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(folder.join("commondir")) {
        Ok(common) => Some(folder.join(common.trim())),
        Err(_) => Some(folder),
    }
}

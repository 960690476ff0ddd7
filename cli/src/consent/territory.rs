use fs_err as fs;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Where a repository is at home: what it names there is its own.
pub(super) struct Territory {
    roots: Vec<PathBuf>,
}

/// How many links one path may lead over; Linux' own limit.
const LINKS: usize = 40;

impl Territory {
    /// Returns the territory of the repository that `folder` lies in: the git repository around it, else
    /// the folder itself. The user's home is not a repository, even if git keeps it.
    pub(super) fn of(folder: &Path, home: Option<&Path>) -> Self {
        let home = home.and_then(|home| fs::canonicalize(home).ok());
        let is_not_home = |folder: &&Path| Some(*folder) != home.as_deref();
        let mut above = folder.ancestors().take_while(is_not_home);
        let git = above.find(|folder| folder.join(".git").exists());
        Self {
            roots: vec![git.unwrap_or(folder).to_owned()],
        }
    }

    /// Adds a folder that the user has allowed.
    pub(super) fn extend(&mut self, folder: &Path) {
        self.roots.push(folder.to_owned());
    }

    /// Returns where `path` (absolute) leads, if that is outside; what is not there yet counts as where
    /// it would be made.
    pub(super) fn outside(&self, path: &Path) -> Option<PathBuf> {
        let resolved = resolved(path);
        let is_inside = self.roots.iter().any(|root| {
            let below = resolved.strip_prefix(root);
            // Git's own files hold what is nobody's source, a token for the remote among them.
            below.is_ok_and(|below| below.components().all(|part| part.as_os_str() != ".git"))
        });
        (!is_inside).then_some(resolved)
    }
}

/// Returns `path` without links and `..`, whether or not it is there.
fn resolved(path: &Path) -> PathBuf {
    let mut left: Vec<OsString> = parts(path);
    let mut resolved = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&part);
        match fs::read_link(&next) {
            Ok(target) if links < LINKS => {
                links += 1;
                if target.is_absolute() {
                    resolved = PathBuf::from("/");
                }
                left.extend(parts(&target));
            }
            _ => resolved = next,
        }
    }
    resolved
}

/// Returns the parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::Territory;
    use fs_err as fs;
    use fs_err::os::unix::fs::symlink;

    #[test]
    fn a_path_is_outside_wherever_links_and_dots_lead_it() {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        let at = |path: &str| top.join(path);
        fs::create_dir_all(at("home/repository/.git")).unwrap();
        fs::create_dir_all(at("home/repository/sub")).unwrap();
        symlink("../..", at("home/repository/sub/up")).unwrap();
        symlink(at("home/new"), at("home/repository/dangling")).unwrap();
        symlink("loop", at("home/repository/loop")).unwrap();
        let territory = Territory::of(&at("home/repository/sub"), Some(&at("home")));
        let outside = |path: &str| territory.outside(&at("home/repository/sub").join(path));
        for inside in ["x", "../y", "../../repository/z", "new/folder", "."] {
            assert_eq!(outside(inside), None, "{inside}");
        }
        for (path, leads) in [
            ("../../other", "home/other"),
            ("up/.ssh", "home/.ssh"),
            ("../dangling", "home/new"),
            ("../.git/config", "home/repository/.git/config"),
            ("up/repository/.git", "home/repository/.git"),
        ] {
            assert_eq!(outside(path), Some(at(leads)), "{path}");
        }
        assert_eq!(
            outside("/etc/passwd").unwrap(),
            std::path::Path::new("/etc/passwd")
        );
        assert_eq!(outside("../loop"), None);
    }

    #[test]
    fn the_home_is_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(home.join(".git")).unwrap();
        fs::create_dir_all(home.join("unpacked")).unwrap();
        let territory = Territory::of(&home.join("unpacked"), Some(&home));
        assert!(territory.outside(&home.join(".ssh")).is_some());
    }
}

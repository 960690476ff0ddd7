use crate::inputs::git::GitRepository;
use fs_err as fs;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// How often a folder of objects may refer to another one; git's own limit.
const ALTERNATES: usize = 5;

/// What git itself or mizzen reads of a repository's own folder, and of the one that worktrees share.
const FILES: [&str; 9] = [
    "HEAD",
    "commondir",
    "config",
    "index",
    "info",
    "info/exclude",
    "packed-refs",
    "refs",
    "shallow",
];

impl GitRepository {
    /// Returns what its files lead to that is not its own, without links: whoever made the `.git` may have
    /// no right to what it names.
    ///
    /// A worktree's or a submodule's repository lies elsewhere by right if it names that worktree in turn,
    /// for nobody can write that who cannot write there.
    pub(crate) fn foreign_files(&self) -> BTreeSet<PathBuf> {
        let Some(roots) = self.roots() else {
            // What cannot be resolved is not read either.
            return BTreeSet::new();
        };
        let mut foreign: BTreeSet<PathBuf> = self
            .folders()
            .filter(|folder| !is_in(folder, &roots))
            .collect();
        for folder in [&self.own, &self.common] {
            let references = WalkDir::new(folder.join("refs")).into_iter().flatten();
            let links = references.filter(walkdir::DirEntry::path_is_symlink);
            let references = links.map(walkdir::DirEntry::into_path);
            let files = FILES.iter().map(|name| folder.join(name)).chain(references);
            let resolved = files.filter_map(|file| fs::canonicalize(file).ok());
            for file in resolved.filter(|file| !is_in(file, &roots)) {
                if !foreign.iter().any(|folder| file.starts_with(folder)) {
                    foreign.insert(file);
                }
            }
        }
        foreign
    }

    /// Returns the folders of its objects, without links, the first its own, then those that it names.
    pub(crate) fn object_folders(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        let mut next: Vec<PathBuf> = fs::canonicalize(self.common.join("objects"))
            .into_iter()
            .collect();
        for _ in 0..ALTERNATES {
            let mut further = Vec::new();
            for folder in next {
                let text = fs::read_to_string(folder.join("info/alternates")).unwrap_or_default();
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                further.extend(lines.filter_map(|line| fs::canonicalize(folder.join(line)).ok()));
                if !all.contains(&folder) {
                    all.push(folder);
                }
            }
            next = further;
        }
        all
    }

    /// Returns those of its folders of objects that are not its own.
    pub(crate) fn foreign_objects(&self) -> BTreeSet<PathBuf> {
        let roots = self.roots().unwrap_or_default();
        let folders = self.object_folders().into_iter();
        folders.filter(|folder| !is_in(folder, &roots)).collect()
    }

    /// Returns where it is at home: in the `.git` of its folder, and where that leads by right.
    fn roots(&self) -> Option<Vec<PathBuf>> {
        let top = fs::canonicalize(&self.top).ok()?;
        let git = top.join(".git");
        let is_folder = fs::symlink_metadata(&git).is_ok_and(|git| git.is_dir());
        let own = fs::canonicalize(&self.own).ok()?;
        let mut roots = vec![git.clone()];
        if !is_folder && (own.starts_with(&top) || is_submodule(&own, &top)) {
            roots.push(own.clone());
        }
        if !is_folder && is_worktree(&own, &self.common, &git) {
            roots.push(own);
            roots.push(fs::canonicalize(&self.common).ok()?);
        }
        Some(roots)
    }

    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        let folders = [&self.own, &self.common].into_iter();
        folders.filter_map(|folder| fs::canonicalize(folder).ok())
    }
}

fn is_in(path: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| path.starts_with(root))
}

/// Whether `own` is what `git worktree add` makes: a folder of the shared repository that names the
/// worktree's `.git`.
///
/// Source: gitrepository-layout(5), `worktrees/<id>/gitdir`.
fn is_worktree(own: &Path, common: &Path, git: &Path) -> bool {
    let named = fs::read_to_string(own.join("gitdir")).unwrap_or_default();
    let named = fs::canonicalize(own.join(named.trim_end_matches('\n')));
    let worktrees = own.parent();
    let shared = worktrees.and_then(Path::parent);
    worktrees.is_some_and(|folder| folder.ends_with("worktrees"))
        && fs::canonicalize(common).is_ok_and(|common| shared == Some(&common))
        && named.is_ok_and(|named| named == git)
}

/// Whether `own` is what `git submodule` makes: a repository without another, whose configuration names
/// the folder.
fn is_submodule(own: &Path, top: &Path) -> bool {
    let text = fs::read_to_string(own.join("config")).unwrap_or_default();
    let mut values = text.lines().filter_map(|line| line.split_once('='));
    let worktree = values.find(|(key, _)| key.trim().eq_ignore_ascii_case("worktree"));
    !own.join("commondir").exists()
        && worktree.is_some_and(|(_, path)| {
            fs::canonicalize(own.join(path.trim())).is_ok_and(|path| path == top)
        })
}

#[cfg(test)]
mod tests {
    use super::GitRepository;
    use fs_err as fs;
    use fs_err::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use tempfile::TempDir;

    /// A folder with a repository of somebody's, `mine`, made by git itself.
    fn scene() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        git(&top, &["init", "-q", "mine"]);
        fs::write(top.join("mine/a"), "a").unwrap();
        git(&top.join("mine"), &["add", "a"]);
        commit(&top.join("mine"));
        fs::create_dir(top.join("unpacked")).unwrap();
        (folder, top)
    }

    fn git(folder: &Path, arguments: &[&str]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the program that makes repositories"
        )]
        let status = Command::new("git")
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(status.unwrap().success(), "{arguments:?}");
    }

    fn commit(folder: &Path) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
        git(folder, &[&who[..], &["commit", "-qm", "a"]].concat());
    }

    fn foreign(folder: &Path) -> Vec<PathBuf> {
        let repository = GitRepository::of(folder).unwrap();
        let files = repository.foreign_files().into_iter();
        files.chain(repository.foreign_objects()).collect()
    }

    #[test]
    fn what_git_itself_makes_is_at_home_but_for_borrowed_objects() {
        let (_folder, top) = scene();
        let mine = top.join("mine");
        assert_eq!(foreign(&mine), [""; 0].map(PathBuf::from));
        git(&mine, &["worktree", "add", "-q", "../tree"]);
        assert_eq!(foreign(&top.join("tree")), [""; 0].map(PathBuf::from));
        git(&top, &["init", "-q", "super"]);
        git(
            &top.join("super"),
            &["submodule", "--quiet", "add", "../mine", "sub"],
        );
        assert!(top.join("super/sub/.git").is_file());
        assert_eq!(foreign(&top.join("super/sub")), [""; 0].map(PathBuf::from));
        git(&top, &["clone", "-q", "--shared", "mine", "shared"]);
        assert_eq!(foreign(&top.join("shared")), [mine.join(".git/objects")]);
    }

    #[test]
    fn a_git_that_somebody_packed_leads_nowhere_unseen() {
        let (_folder, top) = scene();
        let (mine, unpacked) = (top.join("mine/.git"), top.join("unpacked"));
        git(&top.join("mine"), &["worktree", "add", "-q", "../tree"]);
        let key = top.join("key");
        fs::write(&key, "secret").unwrap();
        let pointing =
            |to: &Path| fs::write(unpacked.join(".git"), format!("gitdir: {}\n", to.display()));
        // Another repository, one of its worktrees, and all that is in it with one name.
        for to in [&mine, &mine.join("worktrees/tree")] {
            pointing(to).unwrap();
            assert_eq!(foreign(&unpacked).last(), Some(&mine.join("objects")));
            assert!(foreign(&unpacked).contains(to), "{to:?}");
        }
        fs::remove_file(unpacked.join(".git")).unwrap();
        symlink(&mine, unpacked.join(".git")).unwrap();
        assert!(foreign(&unpacked).contains(&mine));
        fs::remove_file(unpacked.join(".git")).unwrap();

        // A repository of the archive's own that borrows what is not its own, each in another way.
        for (link, to) in [
            ("HEAD", &key),
            ("packed-refs", &key),
            ("refs/heads/main", &key),
            ("objects", &top.join("mine")),
            ("info", &top.join("mine")),
        ] {
            let own = unpacked.join(".git").join(link);
            fs::create_dir_all(own.parent().unwrap()).unwrap();
            symlink(to, own).unwrap();
            assert_eq!(foreign(&unpacked), std::slice::from_ref(to), "{link}");
            fs::remove_dir_all(unpacked.join(".git")).unwrap();
        }
        for (file, text) in [
            ("commondir", mine.display().to_string()),
            (
                "objects/info/alternates",
                mine.join("objects").display().to_string(),
            ),
        ] {
            let own = unpacked.join(".git").join(file);
            fs::create_dir_all(own.parent().unwrap()).unwrap();
            fs::write(own, text).unwrap();
            assert!(!foreign(&unpacked).is_empty(), "{file}");
            fs::remove_dir_all(unpacked.join(".git")).unwrap();
        }

        // One that lies in the archive and says that it is a worktree of somebody else's repository.
        let fake = unpacked.join("worktrees/fake");
        fs::create_dir_all(&fake).unwrap();
        pointing(&fake).unwrap();
        let git = unpacked.join(".git");
        fs::write(fake.join("gitdir"), git.display().to_string()).unwrap();
        fs::write(fake.join("commondir"), mine.display().to_string()).unwrap();
        assert!(foreign(&unpacked).contains(&mine));
    }
}

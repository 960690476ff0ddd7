use crate::BuildError;
use fs_err as fs;
use std::path::{Component, Path, PathBuf};

/// What the stage shows in place of a link of the workspace.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum StagedLink {
    /// A link with this target.
    Link(String),
    /// The file that it leads to.
    File(PathBuf),
}

/// Returns what the stage shows under `staged` in place of the link at `path`.
///
/// A link inside the workspace at `root` stays a link. One out of it would bring in whatever the user can
/// read, unless the user has allowed its target by name, among `extra`; then it is the file, as `dotnet
/// publish` would make of it.
///
/// # Errors
/// [`BuildError::LinkOutside`]; [`BuildError::Unstageable`] for a link to a folder that would have to be
/// copied; [`BuildError::Read`].
pub(crate) fn staged_link(
    root: &Path,
    extra: &[String],
    path: &Path,
    staged: &str,
) -> Result<StagedLink, BuildError> {
    let unstageable = |why: String| BuildError::Unstageable {
        path: staged.to_owned(),
        why,
    };
    let target = fs::read_link(path).map_err(BuildError::Read)?;
    let text = target
        .to_str()
        .ok_or_else(|| unstageable("its target is not UTF-8".to_owned()))?;
    let Ok(resolved) = fs::canonicalize(path) else {
        return Ok(StagedLink::Link(text.to_owned()));
    };
    let folder = path.parent().expect("a link lies in a folder");
    if resolved.starts_with(root) && stays_below(root, folder, &target) {
        return Ok(StagedLink::Link(text.to_owned()));
    }
    let is_named = |extra: &String| {
        let extra = fs::canonicalize(root.join(extra));
        extra.is_ok_and(|extra| resolved.starts_with(extra))
    };
    if is_outside(root, &resolved) && !extra.iter().any(is_named) {
        return Err(BuildError::LinkOutside {
            path: staged.to_owned(),
            target: resolved,
        });
    }
    if resolved.is_file() {
        return Ok(StagedLink::File(resolved));
    }
    Err(unstageable(format!(
        "it is a link to `{}`, which is not a file",
        resolved.display()
    )))
}

/// Returns whether a resolved path is none of the workspace at `root`. Git's own files count as outside:
/// they hold what is nobody's source, a token for the remote among them.
pub(crate) fn is_outside(root: &Path, resolved: &Path) -> bool {
    let is_git = |part: Component<'_>| part.as_os_str() == ".git";
    match resolved.strip_prefix(root) {
        Ok(inside) => inside.components().any(is_git),
        Err(_) => true,
    }
}

// By its text alone: an absolute link into the workspace would lead out of the stage.
fn stays_below(root: &Path, folder: &Path, target: &Path) -> bool {
    let Ok(inside) = folder.strip_prefix(root) else {
        return false;
    };
    let mut depth = inside.components().count();
    target.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::ParentDir if depth > 0 => {
            depth -= 1;
            true
        }
        Component::CurDir => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{StagedLink, staged_link};
    use crate::BuildError;
    use fs_err as fs;
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// A workspace `w`, and beside it a file that is nobody's source.
    struct Bench(TempDir);

    impl Bench {
        fn new() -> Self {
            let bench = Self(tempfile::tempdir().unwrap());
            for file in ["w/a/b", "w/.git/config", "secrets/key"] {
                fs::create_dir_all(bench.at(file).parent().unwrap()).unwrap();
                fs::write(bench.at(file), file).unwrap();
            }
            bench
        }

        fn at(&self, path: &str) -> PathBuf {
            fs::canonicalize(self.0.path()).unwrap().join(path)
        }

        fn staged(&self, target: &str, extra: &[String]) -> Result<StagedLink, BuildError> {
            fs::os::unix::fs::symlink(target, self.at("w/a/link")).unwrap();
            let staged = staged_link(&self.at("w"), extra, &self.at("w/a/link"), "a/link");
            fs::remove_file(self.at("w/a/link")).unwrap();
            staged
        }
    }

    #[test]
    fn links_inside_stay_links_and_those_into_the_workspace_become_files() {
        let bench = Bench::new();
        for target in ["b", "../a/b", "./b", "..", "nowhere"] {
            let link = StagedLink::Link(target.to_owned());
            assert_eq!(bench.staged(target, &[]).unwrap(), link);
        }
        // In the stage these would lead out of it.
        let absolute = bench.at("w/a/b");
        for target in [absolute.to_str().unwrap(), "../../w/a/b"] {
            let file = StagedLink::File(absolute.clone());
            assert_eq!(bench.staged(target, &[]).unwrap(), file);
        }
        let folder = bench.staged("../../w/a", &[]);
        assert!(matches!(folder, Err(BuildError::Unstageable { .. })));
    }

    #[test]
    fn a_link_out_of_the_workspace_is_an_error_unless_its_target_is_named() {
        let bench = Bench::new();
        let git = bench.at("w/.git/config");
        let targets = [
            ("../../secrets/key", bench.at("secrets/key")),
            ("../../secrets", bench.at("secrets")),
            ("/etc/passwd", PathBuf::from("/etc/passwd")),
            (git.to_str().unwrap(), git.clone()),
        ];
        for (target, resolved) in targets {
            let error = bench.staged(target, &[]).err();
            let Some(BuildError::LinkOutside { path, target: told }) = error else {
                panic!("{target} was taken");
            };
            assert_eq!((path.as_str(), told), ("a/link", resolved));
        }
        let extra = [bench.at("secrets").to_str().unwrap().to_owned()];
        let file = StagedLink::File(bench.at("secrets/key"));
        assert_eq!(bench.staged("../../secrets/key", &extra).unwrap(), file);
    }
}

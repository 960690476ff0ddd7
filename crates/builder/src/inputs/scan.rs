use crate::inputs::build_outputs::{BuildOutputs, is_made_by_builds};
use crate::inputs::file_inputs::file_inputs;
use crate::inputs::links::{StagedLink, staged_link};
use crate::inputs::workspace_scan::WorkspaceScan;
use crate::{BuildError, InputRules};
use fs_err as fs;
use mizzen_stage::{Content, StageError};
use mizzen_store::{Cancel, FileState, StatCache, Store};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Reads the workspace by `rules`, but for `ignore` (absolute paths, the build's own results).
///
/// # Errors
/// [`BuildError::Unstageable`] for a link out of the workspace to a folder, or an extra input that is
/// not there; [`BuildError::Read`] names what cannot be read.
pub(crate) fn scan_workspace(
    root: &Path,
    rules: &InputRules,
    ignore: &[PathBuf],
    store: &Store,
    cancel: &Cancel,
) -> Result<WorkspaceScan, BuildError> {
    let mut walk = Walk {
        root,
        rules,
        ignore,
        cache: StatCache::load(store, root)?,
        scan: WorkspaceScan::default(),
        cancel,
    };
    walk.folder(root, "")?;
    for extra in &rules.extra {
        walk.extra(extra)?;
    }
    walk.cache.save(store)?;
    Ok(walk.scan)
}

/// Checks that what the stage shows in its place is still what the key says.
///
/// # Errors
/// [`StageError::Changed`](mizzen_stage::StageError) names what is not.
pub(crate) fn check_mounted(
    root: &Path,
    rules: &InputRules,
    scanned: &WorkspaceScan,
    store: &Store,
    cancel: &Cancel,
) -> Result<(), BuildError> {
    let extra = rules.extra.iter().filter(|extra| extra.starts_with('/'));
    let only_mounted = InputRules {
        extra: extra.cloned().collect(),
        ignore: rules.ignore.clone(),
    };
    if only_mounted.extra.is_empty() {
        return Ok(());
    }
    let mut walk = Walk {
        root,
        rules: &only_mounted,
        ignore: &[],
        cache: StatCache::load(store, root)?,
        scan: WorkspaceScan::default(),
        cancel,
    };
    for extra in &only_mounted.extra {
        walk.extra(extra)?;
    }
    let now = walk.scan.mounted_files;
    let before = &scanned.mounted_files;
    let is_other = |path: &&String| before.get(*path) != now.get(*path);
    match now.keys().chain(before.keys()).find(is_other) {
        Some(path) => Err(StageError::Changed(PathBuf::from(path)).into()),
        None => Ok(()),
    }
}

struct Walk<'a> {
    root: &'a Path,
    rules: &'a InputRules,
    ignore: &'a [PathBuf],
    cache: StatCache,
    scan: WorkspaceScan,
    cancel: &'a Cancel,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<(), BuildError> {
        self.cancel.check()?;
        let entries: Vec<_> = fs::read_dir(folder)
            .and_then(Iterator::collect::<io::Result<_>>)
            .map_err(BuildError::Read)?;
        let mut is_empty = true;
        let names = entries.iter().map(fs::DirEntry::file_name);
        let is_asked_for = self.rules.extra.iter().any(|extra| extra == prefix);
        if !prefix.is_empty() && !is_asked_for && is_made_by_builds(names) {
            return Ok(());
        }
        let names = entries.iter().map(fs::DirEntry::file_name);
        let build_outputs =
            BuildOutputs::find(folder, names, self.root).map_err(BuildError::Read)?;
        for entry in entries {
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                self.scan.left_out.push(path);
                continue;
            };
            if name == ".git" || build_outputs.has(&name) || self.ignore.contains(&path) {
                continue;
            }
            let staged = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            };
            if self
                .rules
                .ignore
                .iter()
                .any(|pattern| pattern.matches(&staged))
            {
                continue;
            }
            is_empty = false;
            let kind = entry.file_type().map_err(BuildError::Read)?;
            if kind.is_dir() {
                self.folder(&path, &staged)?;
            } else if kind.is_symlink() {
                self.link(&path, staged)?;
            } else if kind.is_file() {
                self.file(path, staged)?;
            }
        }
        if is_empty && !prefix.is_empty() {
            self.scan
                .contents
                .insert(prefix.to_owned(), Content::Folder);
        }
        Ok(())
    }

    /// Adds what the user asks for: below the root what would be left out, elsewhere what is mounted
    /// where it lies.
    fn extra(&mut self, extra: &str) -> Result<(), BuildError> {
        let unstageable = |why: &str| BuildError::Unstageable {
            path: extra.to_owned(),
            why: why.to_owned(),
        };
        let path = self.root.join(extra);
        let resolved = fs::canonicalize(&path).map_err(|_| unstageable("it does not exist"))?;
        if let Ok(inside) = resolved.strip_prefix(self.root) {
            let inside = inside
                .to_str()
                .ok_or_else(|| unstageable("its name is not UTF-8"))?;
            let inside = inside.to_owned();
            return if resolved.is_dir() {
                self.folder(&resolved, &inside)
            } else {
                self.file(resolved, inside)
            };
        }
        if !Path::new(extra).is_absolute() {
            return Err(unstageable(
                "it is above the workspace root, where a stage has nothing",
            ));
        }
        let (files, kept) = (std::mem::take(&mut self.scan.contents), path.clone());
        if resolved.is_dir() {
            self.folder(&resolved, extra)?;
        } else {
            self.file(resolved, extra.to_owned())?;
        }
        let keyed = file_inputs(&std::mem::replace(&mut self.scan.contents, files));
        self.scan.mounted_files.extend(keyed);
        self.scan.mounted.push(kept);
        Ok(())
    }

    fn file(&mut self, source: PathBuf, staged: String) -> Result<(), BuildError> {
        let metadata = fs::metadata(&source).map_err(BuildError::Read)?;
        let digest = self
            .cache
            .digest(&staged, &source, FileState::of(&metadata))
            .map_err(BuildError::Read)?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        self.scan.contents.insert(
            staged,
            Content::File {
                source,
                digest,
                executable,
            },
        );
        Ok(())
    }

    fn link(&mut self, path: &Path, staged: String) -> Result<(), BuildError> {
        match staged_link(self.root, &self.rules.extra, path, &staged)? {
            StagedLink::Link(target) => {
                self.scan.contents.insert(staged, Content::Link(target));
                Ok(())
            }
            StagedLink::File(source) => self.file(source, staged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WorkspaceScan, scan_workspace};
    use crate::{BuildError, InputRules};
    use fs_err as fs;
    use mizzen_stage::Content;
    use mizzen_store::{Cancel, Store};
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn tree(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join("w").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, *file).unwrap();
        }
        folder
    }

    fn scan(folder: &TempDir) -> Result<WorkspaceScan, BuildError> {
        scan_by(folder, &InputRules::default())
    }

    fn scan_by(folder: &TempDir, rules: &InputRules) -> Result<WorkspaceScan, BuildError> {
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let root = fs::canonicalize(folder.path().join("w")).unwrap();
        scan_workspace(
            &root,
            rules,
            &[root.join("out")],
            &store,
            &Cancel::default(),
        )
    }

    #[test]
    fn what_a_build_left_is_not_staged_but_bin_folders_of_the_site_are() {
        let folder = tree(&[
            "App.csproj",
            "bin/x",
            "obj/y",
            ".git/HEAD",
            "out/index.json",
            "wwwroot/vendor/bin/x.js",
            "src/Lib.fsproj",
            "src/obj/z",
            "moved/Lib.csproj",
            "moved/bin/x.json",
            "moved/obj/y",
        ]);
        let moved = "<Project><PropertyGroup><BaseOutputPath>../out/</BaseOutputPath></PropertyGroup></Project>";
        fs::write(folder.path().join("w/moved/Lib.csproj"), moved).unwrap();
        let contents = scan(&folder).unwrap().contents;
        assert_eq!(
            contents.keys().collect::<Vec<_>>(),
            [
                "App.csproj",
                "moved/Lib.csproj",
                "moved/bin/x.json",
                "src/Lib.fsproj",
                "wwwroot/vendor/bin/x.js"
            ]
        );
    }

    #[test]
    fn what_the_user_asks_for_is_staged_and_what_the_user_ignores_is_not() {
        let folder = tree(&[
            "App.csproj",
            "obj/gen/a.cs",
            "obj/b",
            "docs/x.md",
            "docs/deep/y.md",
            "readme.md",
        ]);
        let outside = folder.path().join("shared");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("key.snk"), "key").unwrap();
        let outside = outside.to_str().unwrap().to_owned();
        let rules = InputRules {
            extra: vec!["obj/gen".to_owned(), outside.clone()],
            ignore: vec!["docs/**".parse().unwrap(), "*.md".parse().unwrap()],
        };
        let scan = scan_by(&folder, &rules).unwrap();
        let paths: Vec<_> = scan.contents.keys().collect();
        assert_eq!(paths, ["App.csproj", "docs", "obj/gen/a.cs"]);
        let mounted: Vec<_> = scan.mounted_files.into_keys().collect();
        assert_eq!(mounted, [format!("{outside}/key.snk")]);
        assert_eq!(scan.mounted, [std::path::Path::new(&outside)]);
        for extra in ["missing", "../shared"] {
            let rules = InputRules {
                extra: vec![extra.to_owned()],
                ignore: Vec::new(),
            };
            let error = scan_by(&folder, &rules);
            assert!(
                matches!(error, Err(BuildError::Unstageable { .. })),
                "{extra}"
            );
        }
    }

    #[test]
    fn what_a_build_left_elsewhere_is_told_by_its_files() {
        let folder = tree(&[
            "src/App.csproj",
            "artifacts/obj/App/project.nuget.cache",
            "artifacts/obj/App/App.csproj.nuget.g.props",
            "artifacts/bin/App/App.dll",
            "artifacts/readme.md",
            "build/App/App.csproj.nuget.cache",
            "build/App/App.csproj.nuget.g.props",
            "site/obj/teapot.obj",
            "site/bin/x.js",
            "src/fixtures/project.nuget.cache",
        ]);
        let contents = scan(&folder).unwrap().contents;
        assert_eq!(
            contents.keys().collect::<Vec<_>>(),
            [
                "artifacts/readme.md",
                "site/bin/x.js",
                "site/obj/teapot.obj",
                "src/App.csproj",
                "src/fixtures/project.nuget.cache"
            ]
        );
    }

    #[test]
    fn a_link_is_staged_as_one_or_as_the_file_that_is_named_or_not_at_all() {
        let folder = tree(&["App.csproj", "a/b"]);
        let at = |path: &str| folder.path().join(path);
        let link = |target: &str, path: &str| fs::os::unix::fs::symlink(target, at(path)).unwrap();
        link("b", "w/a/inside");
        fs::write(at("key"), "private").unwrap();
        link("../../key", "w/a/outside");
        let error = scan(&folder).err();
        assert!(matches!(error, Some(BuildError::LinkOutside { path, .. }) if path == "a/outside"));
        let rules = InputRules {
            extra: vec![at("key").to_str().unwrap().to_owned()],
            ignore: Vec::new(),
        };
        let contents = scan_by(&folder, &rules).unwrap().contents;
        assert_eq!(contents["a/inside"], Content::Link("b".to_owned()));
        assert!(
            matches!(&contents["a/outside"], Content::File { source, .. } if source.ends_with("key"))
        );
    }

    #[test]
    fn empty_folders_and_execute_bits_are_seen() {
        let folder = tree(&["App.csproj", "run.sh"]);
        let run = folder.path().join("w/run.sh");
        fs::create_dir(folder.path().join("w/empty")).unwrap();
        fs::set_permissions(run, std::fs::Permissions::from_mode(0o700)).unwrap();
        let contents = scan(&folder).unwrap().contents;
        assert_eq!(contents["empty"], Content::Folder);
        assert!(matches!(
            contents["run.sh"],
            Content::File {
                executable: true,
                ..
            }
        ));
    }
}

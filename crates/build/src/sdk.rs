use crate::BuildError;
use fs_err as fs;
use mizzen_dotnet::{ChosenSdk, SdkVersion, Toolchain};
use mizzen_oci::{Digest, Hasher};
use mizzen_store::{Cancel, FileState, StatCache, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What the stage shows of the machine so that `dotnet` runs.
pub(crate) struct ShownSdk {
    pub(crate) shown: Vec<PathBuf>,
    /// The folders of the SDKs, of which the stage shows the one that was chosen.
    pub(crate) emptied: Vec<PathBuf>,
}

/// Returns the folders that hold `dotnet` and the chosen SDK: their roots, and what the links in these
/// lead to. Of the SDKs side by side only the chosen one is there.
///
/// # Errors
/// [`BuildError::Read`] if they cannot be read.
pub(crate) fn shown_sdk(toolchain: &Toolchain, sdk: &ChosenSdk) -> Result<ShownSdk, BuildError> {
    let mut shown = Vec::new();
    let mut emptied = Vec::new();
    for root in roots(toolchain, sdk) {
        shown.push(root.to_owned());
        for entry in fs::read_dir(root).map_err(BuildError::Read)? {
            let entry = entry.map_err(BuildError::Read)?;
            if entry.file_type().map_err(BuildError::Read)?.is_symlink() {
                shown.extend(fs::canonicalize(entry.path()).ok());
            }
        }
        let Ok(folder) = fs::canonicalize(root.join("sdk")) else {
            continue;
        };
        for entry in fs::read_dir(&folder).map_err(BuildError::Read)? {
            let path = entry.map_err(BuildError::Read)?.path();
            if !is_other_sdk(&path, root, sdk) {
                shown.push(path);
            }
        }
        emptied.push(folder);
    }
    Ok(ShownSdk { shown, emptied })
}

fn roots<'a>(toolchain: &'a Toolchain, sdk: &'a ChosenSdk) -> BTreeSet<&'a Path> {
    BTreeSet::from([toolchain.root.as_path(), sdk.root.as_path()])
}

/// Returns whether `path`, an entry of the folder `sdk/` of `root`, is an SDK that was not chosen.
fn is_other_sdk(path: &Path, root: &Path, sdk: &ChosenSdk) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_chosen = root == sdk.root && name == Some(sdk.version.as_str());
    let is_version = name.is_some_and(|name| name.parse::<SdkVersion>().is_ok());
    is_version && !is_chosen
}

/// Returns the digest of everything of the toolchain that the chosen SDK can read: each file below
/// the roots, by path, content and execute bit, but for the SDKs that were not chosen. Links are
/// followed.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn toolchain_id(
    toolchain: &Toolchain,
    sdk: &ChosenSdk,
    store: &Store,
    cancel: &Cancel,
) -> Result<Digest, BuildError> {
    let mut hasher = Hasher::default();
    hasher.field(b"mizzen toolchain");
    for root in roots(toolchain, sdk) {
        let mut walk = Walk {
            root,
            sdk,
            cache: StatCache::load(store, root)?,
            facts: Vec::new(),
            walked: BTreeMap::new(),
            cancel,
        };
        let resolved = fs::canonicalize(root).map_err(BuildError::Read)?;
        walk.folder(&resolved, Path::new(""))?;
        walk.cache.save(store)?;
        hasher.field(&[u8::from(root == sdk.root)]);
        // By bytes, not by `Path`, which compares component by component and takes ten times as long.
        walk.facts.sort_unstable();
        for (path, (kind, digest)) in walk.facts {
            hasher.field(path.as_encoded_bytes());
            hasher.field(&[kind]);
            hasher.field(digest.as_bytes());
        }
    }
    Ok(hasher.finish())
}

struct Walk<'a> {
    root: &'a Path,
    sdk: &'a ChosenSdk,
    cache: StatCache,
    /// By path relative to the root: its kind, and what names its content.
    facts: Vec<(OsString, (u8, Digest))>,
    /// The folders without links that were walked, and the path of each.
    walked: BTreeMap<PathBuf, PathBuf>,
    cancel: &'a Cancel,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, relative: &Path) -> Result<(), BuildError> {
        self.cancel.check()?;
        // Links may lead in circles, and tools that combine packages make many to one place.
        if let Some(earlier) = self.walked.get(folder) {
            let digest = Digest::of(earlier.as_os_str().as_encoded_bytes());
            self.facts.push((relative.into(), (b'd', digest)));
            return Ok(());
        }
        self.walked.insert(folder.to_owned(), relative.to_owned());
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(BuildError::Read)?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, relative) = (entry.path(), relative.join(entry.file_name()));
            let is_sdk = relative.parent() == Some(Path::new("sdk"));
            if is_sdk && is_other_sdk(&relative, self.root, self.sdk) {
                continue;
            }
            let kind = entry.file_type().map_err(BuildError::Read)?;
            if !kind.is_symlink() {
                self.entry(&path, &relative, kind.is_dir())?;
            } else if let Ok(resolved) = fs::canonicalize(&path) {
                self.entry(&resolved, &relative, resolved.is_dir())?;
            } else {
                let target = fs::read_link(&path).map_err(BuildError::Read)?;
                let target = Digest::of(target.as_os_str().as_encoded_bytes());
                self.facts.push((relative.into(), (b'l', target)));
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, relative: &Path, is_folder: bool) -> Result<(), BuildError> {
        if is_folder {
            return self.folder(path, relative);
        }
        let metadata = fs::symlink_metadata(path).map_err(BuildError::Read)?;
        // A pipe or a socket has no content, and would be waited for.
        if !metadata.is_file() {
            let nothing = Digest::of(b"");
            self.facts.push((relative.into(), (b'n', nothing)));
            return Ok(());
        }
        let name = relative.to_string_lossy();
        let state = FileState::of(&metadata);
        let digest = self.cache.digest(&name, path, state);
        let is_program = metadata.permissions().mode() & 0o111 != 0;
        let kind = if is_program { b'x' } else { b'f' };
        let fact = (kind, digest.map_err(BuildError::Read)?);
        self.facts.push((relative.into(), fact));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{shown_sdk, toolchain_id};
    use fs_err as fs;
    use mizzen_dotnet::{ChosenSdk, Toolchain};
    use mizzen_oci::Digest;
    use mizzen_store::{Cancel, Store};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    struct Bench(TempDir);

    impl Bench {
        fn new() -> Self {
            let bench = Self(tempfile::tempdir().unwrap());
            for file in [
                "dotnet",
                "sdk/10.0.100/dotnet.dll",
                "sdk/10.0.401/dotnet.dll",
                "packs/a",
            ] {
                bench.write(&format!("w/{file}"), file);
            }
            bench
        }

        fn at(&self, path: &str) -> PathBuf {
            fs::canonicalize(self.0.path()).unwrap().join(path)
        }

        fn write(&self, path: &str, text: &str) {
            fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
            fs::write(self.at(path), text).unwrap();
        }

        fn chosen(&self, root: &str) -> (Toolchain, ChosenSdk) {
            let toolchain = Toolchain::find(&[self.at("w")], None).unwrap();
            let sdk = ChosenSdk {
                version: "10.0.401".to_owned(),
                root: self.at(root),
                global_json: None,
                has_paths: false,
                in_workspace: Vec::new(),
            };
            (toolchain, sdk)
        }

        fn id(&self) -> Digest {
            let store = Store::open(&self.at("cache")).unwrap();
            let (toolchain, sdk) = self.chosen("w");
            toolchain_id(&toolchain, &sdk, &store, &Cancel::default()).unwrap()
        }
    }

    #[test]
    fn the_toolchain_is_named_by_paths_contents_and_modes() {
        let bench = Bench::new();
        let first = bench.id();
        assert_eq!(bench.id(), first);
        let executable = std::fs::Permissions::from_mode(0o755);
        fs::set_permissions(bench.at("w/dotnet"), executable).unwrap();
        let second = bench.id();
        assert_ne!(second, first);
        fs::rename(bench.at("w/packs/a"), bench.at("w/packs/b")).unwrap();
        assert_ne!(bench.id(), second);
    }

    #[test]
    fn an_sdk_beside_the_chosen_one_is_neither_in_the_id_nor_shown() {
        let bench = Bench::new();
        let first = bench.id();
        bench.write("w/sdk/10.0.100/dotnet.dll", "another");
        bench.write("w/sdk/11.0.100/dotnet.dll", "later");
        assert_eq!(bench.id(), first);
        let (toolchain, sdk) = bench.chosen("w");
        let shown = shown_sdk(&toolchain, &sdk).unwrap();
        assert_eq!(shown.emptied, [bench.at("w/sdk")]);
        assert_eq!(shown.shown, [bench.at("w"), bench.at("w/sdk/10.0.401")]);
        bench.write("w/sdk/10.0.401/new", "");
        assert_ne!(bench.id(), first);
    }

    #[test]
    fn what_links_lead_to_is_in_the_id_once() {
        let bench = Bench::new();
        bench.write("elsewhere/shared/file", "1");
        let link = |to: &Path, from: &str| fs::os::unix::fs::symlink(to, bench.at(from)).unwrap();
        link(&bench.at("elsewhere/shared"), "w/shared");
        link(&bench.at("elsewhere"), "w/also");
        link(&bench.at("w"), "w/circle");
        link(Path::new("nowhere"), "w/broken");
        let first = bench.id();
        bench.write("elsewhere/shared/file", "2");
        assert_ne!(bench.id(), first);
    }

    #[test]
    fn an_sdk_elsewhere_is_in_the_id_with_the_dotnet_that_runs_it() {
        let bench = Bench::new();
        bench.write("other/sdk/10.0.401/dotnet.dll", "1");
        let store = Store::open(&bench.at("cache")).unwrap();
        let (toolchain, sdk) = bench.chosen("other");
        let id = || toolchain_id(&toolchain, &sdk, &store, &Cancel::default()).unwrap();
        let first = id();
        bench.write("w/sdk/10.0.401/dotnet.dll", "not this one");
        assert_eq!(id(), first);
        bench.write("w/packs/a", "2");
        let second = id();
        assert_ne!(second, first);
        bench.write("other/sdk/10.0.401/dotnet.dll", "2");
        assert_ne!(id(), second);
    }
}

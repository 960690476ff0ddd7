use crate::BuildError;
use crate::inputs::tree_digest::tree_digest;
use fs_err as fs;
use mizzen_dotnet::{ChosenSdk, SdkVersion, Toolchain};
use mizzen_oci::{Digest, Hasher};
use mizzen_store::{Cancel, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where a stage has `dotnet` that shows it at a path of its own, below the root.
pub(crate) const SDK: &str = "dotnet";

/// What the stage shows of the machine so that `dotnet` runs.
pub(crate) struct MountedSdk {
    pub(crate) mounted: Vec<PathBuf>,
    /// The folders of the SDKs, of which the stage shows the one that was chosen.
    pub(crate) masked: Vec<PathBuf>,
    /// What is seen in the stage itself, by where.
    pub(crate) shown: BTreeMap<String, PathBuf>,
}

/// Returns the folders that hold `dotnet` and the chosen SDK: their roots, and what the links in these
/// lead to. Of the SDKs side by side only the chosen one is there.
///
/// # Errors
/// [`BuildError::Read`] if they cannot be read.
pub(crate) fn mounted_sdk(
    toolchain: &Toolchain,
    sdk: &ChosenSdk,
) -> Result<MountedSdk, BuildError> {
    let mut mounted = Vec::new();
    let mut masked = Vec::new();
    for root in roots(toolchain, sdk) {
        mounted.push(root.to_owned());
        for entry in fs::read_dir(root).map_err(BuildError::Read)? {
            let entry = entry.map_err(BuildError::Read)?;
            if entry.file_type().map_err(BuildError::Read)?.is_symlink() {
                mounted.extend(fs::canonicalize(entry.path()).ok());
            }
        }
        let Ok(folder) = fs::canonicalize(root.join("sdk")) else {
            continue;
        };
        for entry in fs::read_dir(&folder).map_err(BuildError::Read)? {
            let path = entry.map_err(BuildError::Read)?.path();
            if !is_other_sdk(&path, root, sdk) {
                mounted.push(path);
            }
        }
        masked.push(folder);
    }
    Ok(MountedSdk {
        mounted,
        masked,
        shown: BTreeMap::new(),
    })
}

/// Returns the same for a stage that has `dotnet` and the SDK at a path of its own: each entry of their
/// folder by itself, so that the one that was chosen is alone in `sdk/`, and links are what they lead to.
///
/// # Errors
/// [`BuildError::Read`] if they cannot be read.
pub(crate) fn shown_sdk(toolchain: &Toolchain, sdk: &ChosenSdk) -> Result<MountedSdk, BuildError> {
    let mut shown = BTreeMap::new();
    let mut show = |folder: &Path, at: &str| {
        for entry in fs::read_dir(folder).map_err(BuildError::Read)? {
            let entry = entry.map_err(BuildError::Read)?;
            let (path, name) = (entry.path(), entry.file_name());
            // A link that leads nowhere shows nothing.
            if let (Some(name), Ok(source)) = (name.to_str(), fs::canonicalize(&path))
                && !(at == SDK && name == "sdk")
                && !is_other_sdk(&path, &toolchain.root, sdk)
            {
                shown.insert(format!("{at}/{name}"), source);
            }
        }
        Ok::<_, BuildError>(())
    };
    show(&toolchain.root, SDK)?;
    show(&toolchain.root.join("sdk"), &format!("{SDK}/sdk"))?;
    Ok(MountedSdk {
        mounted: Vec::new(),
        masked: Vec::new(),
        shown,
    })
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
        let is_skipped =
            |path: &Path| path.parent() == Some(Path::new("sdk")) && is_other_sdk(path, root, sdk);
        hasher.field(&[u8::from(root == sdk.root)]);
        let digest = tree_digest(root, &is_skipped, store, cancel)?;
        hasher.field(digest.as_bytes());
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::{mounted_sdk, shown_sdk, toolchain_id};
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
    fn an_sdk_beside_the_chosen_one_is_neither_in_the_id_nor_mounted() {
        let bench = Bench::new();
        let first = bench.id();
        bench.write("w/sdk/10.0.100/dotnet.dll", "another");
        bench.write("w/sdk/11.0.100/dotnet.dll", "later");
        assert_eq!(bench.id(), first);
        let (toolchain, sdk) = bench.chosen("w");
        let mounted = mounted_sdk(&toolchain, &sdk).unwrap();
        assert_eq!(mounted.masked, [bench.at("w/sdk")]);
        assert_eq!(mounted.mounted, [bench.at("w"), bench.at("w/sdk/10.0.401")]);
        bench.write("w/sdk/10.0.401/new", "");
        assert_ne!(bench.id(), first);
    }

    #[test]
    fn a_stage_has_each_entry_of_the_sdk_at_a_path_of_its_own_and_no_sdk_beside_it() {
        let bench = Bench::new();
        bench.write("elsewhere/shared/file", "1");
        let link = |to: &Path, from: &str| fs::os::unix::fs::symlink(to, bench.at(from)).unwrap();
        link(&bench.at("elsewhere/shared"), "w/shared");
        link(Path::new("nowhere"), "w/broken");
        let (toolchain, sdk) = bench.chosen("w");
        let shown = shown_sdk(&toolchain, &sdk).unwrap();
        assert_eq!((shown.mounted.len(), shown.masked.len()), (0, 0));
        let at = |(seen, lies): (&str, &str)| (seen.to_owned(), bench.at(lies));
        let want = [
            ("dotnet/dotnet", "w/dotnet"),
            ("dotnet/packs", "w/packs"),
            ("dotnet/sdk/10.0.401", "w/sdk/10.0.401"),
            ("dotnet/shared", "elsewhere/shared"),
        ];
        assert_eq!(shown.shown, want.map(at).into());
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

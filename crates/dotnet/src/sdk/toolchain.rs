use crate::ChosenSdk;
use fs_err as fs;
use std::path::{Path, PathBuf};

/// The .NET SDKs of one `dotnet`, found the way the command line's contract says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Toolchain {
    /// The folder that holds `dotnet`, `sdk/`, `shared/` and `packs/`, links resolved.
    pub root: PathBuf,
    /// Where it was found, for people: the entry of `PATH`, or `DOTNET_ROOT`.
    pub found_by: String,
    /// The versions in `sdk/`, sorted as text.
    pub sdk_versions: Vec<String>,
}

/// There is no `dotnet` with an SDK.
#[derive(Debug, thiserror::Error)]
#[error("no .NET SDK found{}", if passed_over.is_empty() { String::new() } else { format!(" (passed over: {})", passed_over.join(", ")) })]
pub struct ToolchainError {
    /// Each `dotnet` that was found and why it does not serve.
    pub passed_over: Vec<String>,
}

impl Toolchain {
    /// Returns the first `dotnet` on `path` whose resolved folder holds `sdk/`, else the one in
    /// `dotnet_root`.
    ///
    /// A shim (a script of a version manager, a snap) resolves to a folder without `sdk/`.
    ///
    /// # Errors
    /// [`ToolchainError`] lists what was passed over.
    pub fn find(path: &[PathBuf], dotnet_root: Option<&Path>) -> Result<Self, ToolchainError> {
        let mut passed_over = Vec::new();
        let on_path = path.iter().map(|folder| {
            (
                folder.join("dotnet"),
                format!("`{}` on PATH", folder.display()),
            )
        });
        let in_root = dotnet_root
            .iter()
            .map(|folder| (folder.join("dotnet"), "DOTNET_ROOT".to_owned()));
        for (dotnet, found_by) in on_path.chain(in_root) {
            let Ok(resolved) = fs::canonicalize(&dotnet) else {
                continue;
            };
            let root = resolved.parent().expect("a file has a folder").to_owned();
            match sdk_versions(&root) {
                versions if versions.is_empty() => {
                    passed_over.push(format!("`{}`, whose folder has no sdk/", dotnet.display()));
                }
                sdk_versions => {
                    return Ok(Self {
                        root,
                        found_by,
                        sdk_versions,
                    });
                }
            }
        }
        Err(ToolchainError { passed_over })
    }

    /// Returns one that is not on this machine, and its SDK of `version`: in a folder that nobody has.
    pub fn absent(version: &str) -> (Self, ChosenSdk) {
        let root = PathBuf::from("/no-sdk-on-this-machine");
        let toolchain = Self {
            root: root.clone(),
            found_by: "a shared cache, which knows its content".to_owned(),
            sdk_versions: vec![version.to_owned()],
        };
        let sdk = ChosenSdk {
            version: version.to_owned(),
            root,
            global_json: None,
            has_paths: false,
            in_workspace: Vec::new(),
        };
        (toolchain, sdk)
    }

    /// Returns the program.
    pub fn dotnet(&self) -> PathBuf {
        self.root.join("dotnet")
    }
}

fn sdk_versions(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("sdk")) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut versions: Vec<String> = names
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    versions.sort_unstable();
    versions
}

#[cfg(test)]
mod tests {
    use super::Toolchain;
    use fs_err as fs;

    #[test]
    fn a_shim_is_passed_over_and_a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["real/sdk/10.0.401", "shim", "bin"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        fs::write(at("real/dotnet"), "").unwrap();
        fs::write(at("shim/dotnet"), "").unwrap();
        fs::os::unix::fs::symlink(at("real/dotnet"), at("bin/dotnet")).unwrap();

        let found = Toolchain::find(&[at("shim"), at("bin")], None).unwrap();
        assert_eq!(found.root, fs::canonicalize(at("real")).unwrap());
        assert_eq!(found.sdk_versions, ["10.0.401"]);
        let error = Toolchain::find(&[at("shim"), at("nowhere")], None).unwrap_err();
        assert_eq!(error.passed_over.len(), 1);
        assert_eq!(
            Toolchain::find(&[at("shim")], Some(&at("real")))
                .unwrap()
                .found_by,
            "DOTNET_ROOT"
        );
    }
}

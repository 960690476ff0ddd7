use crate::{SdkRequest, SdkVersion, Toolchain};
use fs_err as fs;
use std::io;
use std::path::{Path, PathBuf};

/// The SDK that `dotnet` runs for a project, known without starting it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChosenSdk {
    /// Its version, which is the name of its folder.
    pub version: String,
    /// The folder that holds its `sdk/`, `packs/` and manifests: that of `dotnet`, unless the `paths`
    /// of a `global.json` name another.
    pub root: PathBuf,
    /// The `global.json` that was asked, relative to the workspace.
    pub global_json: Option<String>,
    /// Whether the `paths` of that file had a say: it is then shown with `root` as its only path.
    pub has_paths: bool,
    /// Those of them that lie in the workspace, absolute: whole SDKs, and no sources.
    pub in_workspace: Vec<PathBuf>,
}

/// No SDK was chosen.
#[derive(Debug, thiserror::Error)]
pub enum SdkError {
    /// None that is installed fits what a `global.json` asks for.
    #[error("`{}` asks for {}, which is not installed; {}", file.display(), asked.as_ref().map_or_else(|| "an SDK".to_owned(), |version| format!("SDK {version}")), found(installed))]
    Missing {
        /// The file.
        file: PathBuf,
        /// The version that it asks for.
        asked: Option<String>,
        /// What was found, and where: `10.0.401 in /usr/share/dotnet`.
        installed: Vec<String>,
        /// What the file itself says for this case.
        message: Option<String>,
    },
    /// No `global.json` asks for anything, and yet there is none: the folders of `sdk/` hold nothing.
    #[error("`{}` holds no usable SDK", .0.display())]
    None(PathBuf),
    /// A file or a folder cannot be read.
    #[error("the SDKs cannot be read")]
    Io(#[from] io::Error),
}

fn found(installed: &[String]) -> String {
    if installed.is_empty() {
        "there is no other".to_owned()
    } else {
        format!("found: {}", installed.join(", "))
    }
}

/// `hostfxr` of this major version is the first that reads `paths`.
const FIRST_WITH_PATHS: u64 = 10;

impl ChosenSdk {
    /// Returns the very version that the nearest `global.json` of a project in `folder` names, in the
    /// workspace at `root`; `None` where nothing names one, or folders to look in.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn wanted(folder: &Path, root: &Path) -> io::Result<Option<String>> {
        let above = folder
            .ancestors()
            .take_while(|above| above.starts_with(root));
        let mut files = above.map(|folder| folder.join("global.json"));
        let Some(file) = files.find(|file| file.is_file()) else {
            return Ok(None);
        };
        let request = SdkRequest::parse(&fs::read(file)?);
        let version = request.version.filter(|_| request.paths.is_none());
        Ok(version.map(|version| version.to_string()))
    }
}

impl Toolchain {
    /// Chooses an SDK as `dotnet` does for a command in `folder`, a folder of the workspace at `root`
    /// (both absolute): by the nearest `global.json` on the way up.
    ///
    /// # Errors
    /// [`SdkError::Missing`] if none fits.
    pub fn choose(&self, folder: &Path, root: &Path) -> Result<ChosenSdk, SdkError> {
        let mut above = folder
            .ancestors()
            .take_while(|above| above.starts_with(root));
        let file =
            above.find_map(|folder| Some(folder.join("global.json")).filter(|file| file.is_file()));
        let mut request = match &file {
            None => SdkRequest::default(),
            Some(file) => SdkRequest::parse(&fs::read(file)?),
        };
        if request.paths.is_some() && self.host_major()? < FIRST_WITH_PATHS {
            request.paths = None;
        }
        let mut installed = Vec::new();
        for dotnet in self.places(&request, file.as_deref()) {
            let versions = versions(&dotnet)?;
            if let Some(best) = request.best(&versions) {
                let relative = file
                    .as_deref()
                    .and_then(|file| file.strip_prefix(root).ok());
                return Ok(ChosenSdk {
                    version: versions[best].to_string(),
                    root: dotnet,
                    global_json: relative.map(|file| file.to_string_lossy().into_owned()),
                    has_paths: request.paths.is_some(),
                    in_workspace: in_workspace(&request, file.as_deref(), root),
                });
            }
            let found = versions.iter();
            installed.extend(found.map(|version| format!("{version} in {}", dotnet.display())));
        }
        Err(match file {
            Some(file) => SdkError::Missing {
                file,
                asked: request.version.as_ref().map(ToString::to_string),
                installed,
                message: request.error_message,
            },
            None => SdkError::None(self.root.clone()),
        })
    }

    /// Returns the folders that hold an `sdk/`, in the order in which they are asked.
    fn places(&self, request: &SdkRequest, file: Option<&Path>) -> Vec<PathBuf> {
        let (Some(paths), Some(file)) = (&request.paths, file) else {
            return vec![self.root.clone()];
        };
        let folder = file.parent().expect("a file has a folder");
        let place = |path: &String| match path.as_str() {
            "$host$" => Some(self.root.clone()),
            // One that is not there is passed over.
            path => fs::canonicalize(folder.join(path)).ok(),
        };
        paths.iter().filter_map(place).collect()
    }

    /// Returns the major version of the library with which `dotnet` chooses.
    fn host_major(&self) -> io::Result<u64> {
        let entries = match fs::read_dir(self.root.join("host/fxr")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut highest: Option<SdkVersion> = None;
        for entry in entries {
            let name = entry?.file_name();
            let version = name.to_str().and_then(|name| name.parse().ok());
            highest = highest.max(version);
        }
        Ok(highest.map_or(0, |version| version.major()))
    }
}

fn in_workspace(request: &SdkRequest, file: Option<&Path>, root: &Path) -> Vec<PathBuf> {
    let folder = file.and_then(Path::parent).unwrap_or(root);
    let paths = request.paths.iter().flatten().map(|path| folder.join(path));
    let is_inside = |path: &PathBuf| path.starts_with(root) && path.join("sdk").is_dir();
    paths.filter(is_inside).collect()
}

/// Returns the SDKs below `root`: folders with a `dotnet.dll`, named as versions are.
fn versions(root: &Path) -> io::Result<Vec<SdkVersion>> {
    let sdk = root.join("sdk");
    let entries = match fs::read_dir(&sdk) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut versions: Vec<SdkVersion> = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let version = name.to_str().and_then(|name| name.parse().ok());
        if sdk.join(&name).join("dotnet.dll").is_file() {
            versions.extend(version);
        }
    }
    versions.sort_by(|one, other| {
        one.cmp(other)
            .then_with(|| one.to_string().cmp(&other.to_string()))
    });
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::SdkError;
    use crate::Toolchain;
    use fs_err as fs;
    use std::path::Path;

    fn sdk(root: &Path, version: &str) {
        let folder = root.join("sdk").join(version);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("dotnet.dll"), "").unwrap();
        fs::write(root.join("dotnet"), "").unwrap();
    }

    #[test]
    fn the_nearest_file_in_the_workspace_chooses_among_what_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().canonicalize().unwrap().join(path);
        for version in ["8.0.100", "10.0.401", "11.0.100-preview.1"] {
            sdk(&at("dotnet"), version);
        }
        fs::create_dir_all(at("dotnet/sdk/12.0.100")).unwrap();
        fs::create_dir_all(at("w/src/App")).unwrap();
        let toolchain = Toolchain::find(&[at("dotnet")], None).unwrap();
        let choose = |from: &str| toolchain.choose(&at(from), &at("w"));
        assert_eq!(choose("w/src/App").unwrap().version, "11.0.100-preview.1");

        let request = |text: &str| fs::write(at("w/global.json"), text).unwrap();
        request(r#"{"sdk":{"version":"8.0.100"}}"#);
        let chosen = choose("w/src/App").unwrap();
        assert_eq!(chosen.version, "8.0.100");
        assert_eq!(chosen.global_json.as_deref(), Some("global.json"));
        fs::write(
            at("w/src/global.json"),
            r#"{"sdk":{"allowPrerelease":false}}"#,
        )
        .unwrap();
        assert_eq!(choose("w/src/App").unwrap().version, "10.0.401");
        assert_eq!(choose("w").unwrap().version, "8.0.100");

        request(r#"{"sdk":{"version":"9.0.100","errorMessage":"run ./install"}}"#);
        let error = choose("w").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("asks for SDK 9.0.100, which is not installed; found: 8.0.100 in ")
        );
        assert!(
            matches!(error, SdkError::Missing { message: Some(message), .. } if message == "run ./install")
        );
    }

    #[test]
    fn paths_are_asked_in_their_order_where_the_host_knows_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().canonicalize().unwrap().join(path);
        sdk(&at("dotnet"), "10.0.100");
        sdk(&at("w/.dotnet"), "10.0.401");
        let request = r#"{"sdk":{"paths":["missing",".dotnet","$host$"]}}"#;
        fs::write(at("w/global.json"), request).unwrap();
        let toolchain = Toolchain::find(&[at("dotnet")], None).unwrap();
        let choose = || toolchain.choose(&at("w"), &at("w")).unwrap();
        fs::create_dir_all(at("dotnet/host/fxr/9.0.10")).unwrap();
        assert_eq!(choose().version, "10.0.100");
        fs::create_dir_all(at("dotnet/host/fxr/10.0.0-rc.1")).unwrap();
        let chosen = choose();
        assert_eq!(
            (chosen.version.as_str(), chosen.root, chosen.has_paths),
            ("10.0.401", at("w/.dotnet"), true)
        );
        assert_eq!(choose().in_workspace, [at("w/.dotnet")]);
    }
}

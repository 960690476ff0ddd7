use crate::deps_json::{DepsJson, DepsJsonError};
use crate::publish_folder::{self, PublishedFile};
use crate::runtime_config::RuntimeConfig;
use fs_err as fs;
use std::io;
use std::path::{Path, PathBuf};

/// A finished `dotnet publish` folder, read without MSBuild: which application, which runtime, which
/// files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishOutput {
    /// The application's name: `Shop.Api`.
    pub app: String,
    /// What starts it.
    pub launch: Launch,
    /// The runtime that it needs or brings.
    pub runtime_config: RuntimeConfig,
    /// Which file is of which library; a publish may leave that out.
    pub deps: Option<DepsJson>,
    /// Every file, sorted by the bytes of the paths.
    pub files: Vec<PublishedFile>,
}

/// What starts an application; a path relative to the publish folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Launch {
    /// `dotnet <dll>`.
    Dll(String),
    /// The program itself.
    Program(String),
}

/// A folder that is no finished publish of one application.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nothing in the folder says how to run it: the publish of a library.
    #[error("`{}` has nothing to run: no `*.runtimeconfig.json`", .folder.display())]
    NotRunnable {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds several applications.
    #[error("`{}` holds {} applications, want one: `{}`", .folder.display(), .apps.len(), .apps.join("`, `"))]
    SeveralApps {
        /// The folder.
        folder: PathBuf,
        /// Their names, sorted.
        apps: Vec<String>,
    },
    /// The file that starts the application is not there.
    #[error("`{app}` cannot be started: `{file}` is not in the publish folder")]
    NoEntryPoint {
        /// The application.
        app: String,
        /// The file.
        file: String,
    },
    /// The runtime configuration cannot be understood.
    #[error("cannot read `{}`", .file.display())]
    RuntimeConfig {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The list of libraries cannot be understood.
    #[error("cannot read `{}`", .file.display())]
    DepsJson {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DepsJsonError,
    },
    /// A symbolic link that no layer may follow.
    #[error("`{path}` is a link to `{}`, which is not a file inside the publish folder", .target.display())]
    Link {
        /// The link, relative to the folder.
        path: String,
        /// What it says.
        target: PathBuf,
    },
    /// A socket, a pipe or a device.
    #[error("`{path}` is neither a file nor a folder")]
    Special {
        /// The path, relative to the folder.
        path: String,
    },
    /// The folder cannot be read; the message names the file.
    #[error("the publish folder cannot be read")]
    Io(#[from] io::Error),
}

impl PublishOutput {
    /// Reads the publish folder of one application.
    ///
    /// # Errors
    /// [`PublishError`] says why the folder cannot become an image.
    pub fn read(folder: &Path) -> Result<Self, PublishError> {
        let files = publish_folder::read(folder)?;
        let mut apps = files.iter().filter_map(app_name);
        let app = match (apps.next(), apps.next()) {
            (None, _) => {
                return Err(PublishError::NotRunnable {
                    folder: folder.to_owned(),
                });
            }
            (Some(app), None) => app.to_owned(),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(apps);
                return Err(PublishError::SeveralApps {
                    folder: folder.to_owned(),
                    apps: all.map(str::to_owned).collect(),
                });
            }
        };
        let file = folder.join(format!("{app}.runtimeconfig.json"));
        let runtime_config = RuntimeConfig::parse(&fs::read(&file)?)
            .map_err(|source| PublishError::RuntimeConfig { file, source })?;
        let file = folder.join(format!("{app}.deps.json"));
        let deps = match fs::read(&file) {
            Ok(bytes) => DepsJson::parse(&bytes, &app)
                .map(Some)
                .map_err(|source| PublishError::DepsJson { file, source })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let launch = if runtime_config.is_self_contained() {
            Launch::Program(app.clone())
        } else {
            Launch::Dll(format!("{app}.dll"))
        };
        let (Launch::Program(entry) | Launch::Dll(entry)) = &launch;
        if !files.iter().any(|file| file.path == entry.as_bytes()) {
            let file = entry.clone();
            return Err(PublishError::NoEntryPoint { app, file });
        }
        Ok(Self {
            app,
            launch,
            runtime_config,
            deps,
            files,
        })
    }

    /// Returns the RID that was published for; `None` for a portable publish.
    pub fn runtime_identifier(&self) -> Option<&str> {
        self.deps.as_ref()?.runtime_identifier.as_deref()
    }
}

// `Shop.Api.runtimeconfig.json` at the top; `Shop.Api.runtimeconfig.dev.json` is a build's.
fn app_name(file: &PublishedFile) -> Option<&str> {
    let name = std::str::from_utf8(&file.path).ok()?;
    name.strip_suffix(".runtimeconfig.json")
        .filter(|app| !app.is_empty() && !app.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::{Launch, PublishError, PublishOutput};
    use fs_err as fs;

    const DEPENDENT: &str =
        r#"{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}}"#;
    const CONTAINED: &str = r#"{"runtimeOptions":{"includedFrameworks":[]}}"#;

    fn read(files: &[(&str, &str)]) -> Result<PublishOutput, PublishError> {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            fs::write(folder.path().join(path), content).unwrap();
        }
        PublishOutput::read(folder.path())
    }

    #[test]
    fn the_runtime_configuration_names_the_application_and_how_it_starts() {
        let dependent = read(&[("A.runtimeconfig.json", DEPENDENT), ("A.dll", "")]).unwrap();
        assert_eq!(dependent.launch, Launch::Dll("A.dll".to_owned()));
        assert_eq!(dependent.deps, None);
        let contained = read(&[("A.runtimeconfig.json", CONTAINED), ("A", "")]).unwrap();
        assert_eq!(contained.launch, Launch::Program("A".to_owned()));
    }

    #[test]
    fn what_is_no_publish_of_one_application_is_refused() {
        let error = read(&[("Lib.dll", "")]).unwrap_err();
        assert!(matches!(error, PublishError::NotRunnable { .. }));
        let two = [
            ("A.runtimeconfig.json", DEPENDENT),
            ("B.runtimeconfig.json", DEPENDENT),
        ];
        let error = read(&two).unwrap_err();
        assert!(matches!(error, PublishError::SeveralApps { apps, .. } if apps == ["A", "B"]));
        let error = read(&[("A.runtimeconfig.json", DEPENDENT)]).unwrap_err();
        assert!(matches!(error, PublishError::NoEntryPoint { file, .. } if file == "A.dll"));
        let error = read(&[("A.runtimeconfig.json", "{")]).unwrap_err();
        assert!(matches!(error, PublishError::RuntimeConfig { .. }));
        let files = [
            ("A.runtimeconfig.json", DEPENDENT),
            ("A.dll", ""),
            ("A.deps.json", "{}"),
        ];
        assert!(matches!(
            read(&files).unwrap_err(),
            PublishError::DepsJson { .. }
        ));
    }
}

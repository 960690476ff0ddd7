use crate::publish::bundle::Bundle;
use crate::publish::deps_json::DepsJson;
use crate::publish::portable_executable;
use crate::publish::publish_error::PublishError;
use crate::publish::publish_folder::{self, PublishedFile};
use crate::publish::runtime_config::RuntimeConfig;
use crate::publish::runtime_files::runtime_files;
use crate::publish::tailored::Tailored;
use crate::{AssetsJson, Libc, RuntimeIdentifier};
use fs_err as fs;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

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
    /// Why layers of packages and runtime are not what other applications have, too; `None` if they
    /// are.
    pub tailored: Option<Tailored>,
    /// What the program that starts it was compiled for; `None` if `dotnet` starts it.
    pub program_identifier: Option<String>,
    /// Whether that program needs no loader, and so no C library.
    pub is_static: bool,
    /// Every file, sorted by the bytes of the paths.
    pub files: Vec<PublishedFile>,
    /// Paths of the files that are the runtime's, where no deps.json says so.
    pub runtime_files: BTreeSet<Vec<u8>>,
}

/// What starts an application; a path relative to the publish folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Launch {
    /// `dotnet <dll>`.
    Dll(String),
    /// The program itself.
    Program(String),
}

impl PublishOutput {
    /// Reads the publish folder of one application: its `*.runtimeconfig.json` names it, or a
    /// program of which there is one.
    ///
    /// # Errors
    /// [`PublishError`] says why the folder cannot become an image.
    pub fn read(folder: &Path) -> Result<Self, PublishError> {
        let files = publish_folder::read(folder)?;
        let apps: Vec<&str> = files.iter().filter_map(app_name).collect();
        match apps[..] {
            [] => Self::of_program(folder, files),
            [app] => {
                let app = app.to_owned();
                Self::of_runtime_config(folder, app, files)
            }
            _ => Err(PublishError::SeveralApps {
                folder: folder.to_owned(),
                apps: apps.into_iter().map(str::to_owned).collect(),
            }),
        }
    }

    fn of_runtime_config(
        folder: &Path,
        app: String,
        files: Vec<PublishedFile>,
    ) -> Result<Self, PublishError> {
        let file = folder.join(format!("{app}.runtimeconfig.json"));
        let runtime_config = runtime_config(&file, &fs::read(&file)?)?;
        let file = folder.join(format!("{app}.deps.json"));
        let deps = match fs::read(&file) {
            Ok(bytes) => Some(deps_json(&file, &bytes, &app)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let launch = if runtime_config.is_self_contained() {
            Launch::Program(app.clone())
        } else {
            Launch::Dll(format!("{app}.dll"))
        };
        let (Launch::Program(entry) | Launch::Dll(entry)) = &launch;
        let Some(entry) = files.iter().find(|file| file.path == entry.as_bytes()) else {
            let file = entry.clone();
            return Err(PublishError::NoEntryPoint { app, file });
        };
        let program_identifier = publish_folder::runtime_identifier(entry)?;
        let assembly = folder.join(format!("{app}.dll"));
        let tailored = if runtime_config.is_trimmed {
            Some(Tailored::Trimmed)
        } else if assembly.exists() && portable_executable::is_ready_to_run(&assembly)? {
            Some(Tailored::ReadyToRun)
        } else {
            None
        };
        let runtime_files = match &deps {
            Some(_) => BTreeSet::new(),
            None => runtime_files(&files, &runtime_config.included_frameworks)?,
        };
        Ok(Self {
            app,
            launch,
            runtime_config,
            deps,
            tailored,
            program_identifier,
            is_static: false,
            files,
            runtime_files,
        })
    }

    /// Reads a folder without `*.runtimeconfig.json`: a single-file application, which has it inside,
    /// or a native one, which has none.
    fn of_program(folder: &Path, files: Vec<PublishedFile>) -> Result<Self, PublishError> {
        let not_runnable = || PublishError::NotRunnable {
            folder: folder.to_owned(),
        };
        let mut bundles = Vec::new();
        let programs: Vec<&PublishedFile> =
            files.iter().filter(|file| is_app_program(file)).collect();
        for program in &programs {
            if let Some(bundle) = Bundle::read(&program.source)? {
                bundles.push((bundle, *program));
            }
        }
        let name = |program: &PublishedFile| publish_folder::lossy(&program.path);
        if bundles.len() > 1 {
            return Err(PublishError::SeveralApps {
                folder: folder.to_owned(),
                apps: bundles.iter().map(|(_, program)| name(program)).collect(),
            });
        }
        if let Some((bundle, program)) = bundles.pop() {
            let file = &program.source;
            let deps = bundle.deps.as_deref();
            return Ok(Self {
                launch: Launch::Program(name(program)),
                runtime_config: runtime_config(file, &bundle.runtime_config)?,
                deps: deps
                    .map(|bytes| deps_json(file, bytes, &bundle.app))
                    .transpose()?,
                app: bundle.app,
                tailored: Some(Tailored::SingleFile),
                program_identifier: publish_folder::runtime_identifier(program)?,
                is_static: false,
                files,
                runtime_files: BTreeSet::new(),
            });
        }
        // A library may bring a native tool; an application compiled to native code brings no
        // assemblies.
        let has_assemblies = files.iter().any(|file| file.path.ends_with(b".dll"));
        match programs[..] {
            [program] if !has_assemblies => Ok(Self {
                app: name(program),
                launch: Launch::Program(name(program)),
                runtime_config: RuntimeConfig::default(),
                deps: None,
                tailored: Some(Tailored::Native),
                program_identifier: publish_folder::runtime_identifier(program)?,
                is_static: publish_folder::is_static(program)?,
                files,
                runtime_files: BTreeSet::new(),
            }),
            _ => Err(not_runnable()),
        }
    }

    /// Returns the same with what restore knew of the files, too.
    #[must_use]
    pub fn with_assets(self, assets: AssetsJson) -> Self {
        Self {
            deps: Some(assets.complete(self.deps)),
            ..self
        }
    }

    /// Returns the C library that the application is linked with; `None` if it runs with any.
    pub fn libc(&self) -> Option<Libc> {
        let is_static = self.tailored == Some(Tailored::Native) && self.is_static;
        let identifier = self.runtime_identifier().filter(|_| !is_static)?;
        Some(RuntimeIdentifier::new(identifier).libc())
    }

    /// Returns the RID that was published for; `None` for a portable publish.
    ///
    /// Without a deps.json that names it, it is the one of the program that starts the application.
    pub fn runtime_identifier(&self) -> Option<&str> {
        let deps = self.deps.as_ref();
        let listed = deps.and_then(|deps| deps.runtime_identifier.as_deref());
        listed.or(self.program_identifier.as_deref())
    }
}

fn runtime_config(file: &Path, bytes: &[u8]) -> Result<RuntimeConfig, PublishError> {
    RuntimeConfig::parse(bytes).map_err(|source| PublishError::RuntimeConfig {
        file: file.to_owned(),
        source,
    })
}

fn deps_json(file: &Path, bytes: &[u8], app: &str) -> Result<DepsJson, PublishError> {
    DepsJson::parse(bytes, app).map_err(|source| PublishError::DepsJson {
        file: file.to_owned(),
        source,
    })
}

// At the top; `createdump` is the runtime's.
fn is_app_program(file: &PublishedFile) -> bool {
    file.is_elf_program && !file.path.contains(&b'/') && file.path != b"createdump"
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

//! What `mizzen.toml` and `global.json` ask for; what NuGet's files do, the builder knows.

use super::territory::Territory;
use super::{Request, Wanted};
use crate::Process;
use crate::building::arguments::BuildArgs;
use crate::config::{Config, Setting};
use crate::error::CommandError;
use crate::places::{ImageSource, ImageTarget};
use mizzen_dotnet::{ChosenSdk, Toolchain, Workspace};
use std::path::{Path, PathBuf};

/// How the places of `mizzen.toml` begin among those that settings come from.
const FILE: &str = "mizzen.toml";

/// Returns what the configuration asks for of a verb that only talks to registries and uses the cache.
///
/// # Errors
/// The configuration cannot be.
pub(crate) fn asked_by_config(config: &Config, process: &Process) -> Result<Request, CommandError> {
    let mut asked = Asked::new(config, None, process);
    asked.registries(config)?;
    let is_named = process.variable("MIZZEN_CACHE_DIR").is_some();
    if let Some(folder) = config.cache_dir().filter(|_| !is_named) {
        asked.write(&folder, "mizzen.toml [cache] dir");
    }
    Ok(asked.request)
}

/// Returns what the configuration asks for of a build, but for what the command line and the environment
/// say, too.
///
/// # Errors
/// The configuration cannot be.
pub(crate) fn asked_by_build(
    (arguments, settings): (&BuildArgs, &[Setting]),
    config: &Config,
    workspace: Option<&Workspace>,
    process: &Process,
) -> Result<Request, CommandError> {
    let mut asked = Asked::new(config, workspace, process);
    asked.registries(config)?;
    asked.inputs(config, workspace);
    for setting in settings {
        if setting.origin.starts_with(FILE) {
            asked.option(arguments, setting, process)?;
        }
    }
    if let Some(workspace) = workspace {
        asked.sdk(workspace, process);
    }
    Ok(asked.request)
}

/// Asks to build a project that a solution names and that lies in another repository.
pub(super) fn ask_of_solution(
    request: &mut Request,
    solution: &Path,
    workspace: &Workspace,
    process: &Process,
) {
    let folder = solution.parent().unwrap_or(solution);
    let folder = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let territory = Territory::of(&folder, process.home().as_deref());
    if let Some(outside) = territory.outside(&workspace.root)
        && !folder.starts_with(&workspace.root)
    {
        let solution = solution.display().to_string();
        request.add(Wanted::Read(text(&outside)), &solution);
    }
}

/// Returns the folder that consents are kept by: that of `mizzen.toml`, else the workspace's root.
pub(super) fn asking_folder(config: &Config, workspace: Option<&Workspace>) -> PathBuf {
    let root = workspace.map(|workspace| &workspace.root);
    let folder = config.folder.as_ref().or(root);
    // Without either nothing asks.
    let folder = folder.map_or(Path::new("/"), PathBuf::as_path);
    fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Returns `dotnet` and the SDK that it runs; what is wrong with them, the build itself tells.
pub(super) fn sdk_of(workspace: &Workspace, process: &Process) -> Option<(Toolchain, ChosenSdk)> {
    let root = process.variable("DOTNET_ROOT").map(PathBuf::from);
    let toolchain = Toolchain::find(&process.path(), root.as_deref()).ok()?;
    let sdk = toolchain.choose(&workspace.project_folder(), &workspace.root);
    Some((toolchain, sdk.ok()?))
}

struct Asked {
    request: Request,
    territory: Territory,
}

impl Asked {
    fn new(config: &Config, workspace: Option<&Workspace>, process: &Process) -> Self {
        let folder = asking_folder(config, workspace);
        Self {
            territory: Territory::of(&folder, process.home().as_deref()),
            request: Request {
                workspace: folder,
                ..Request::default()
            },
        }
    }

    fn read(&mut self, path: &Path, asked_by: &str) {
        if let Some(outside) = self.territory.outside(path) {
            self.request.add(Wanted::Read(text(&outside)), asked_by);
        }
    }

    fn write(&mut self, path: &Path, asked_by: &str) {
        if let Some(outside) = self.territory.outside(path) {
            self.request.add(Wanted::Write(text(&outside)), asked_by);
        }
    }

    fn registries(&mut self, config: &Config) -> Result<(), CommandError> {
        for (host, settings) in config.hosts()? {
            let asked_by = format!("mizzen.toml [registry.\"{host}\"]");
            if settings.insecure == Some(true) && !is_this_machine(&host) {
                self.request.add(Wanted::PlainHttp(host.clone()), &asked_by);
            }
            // Whoever holds the key of an authority can be the registry, wherever its certificate lies.
            if let Some(file) = &settings.ca {
                let file = text(file);
                let host = host.clone();
                self.request
                    .add(Wanted::Authority { host, file }, &asked_by);
            }
            if let Some((certificate, key)) = &settings.client_certificate
                && [certificate, key]
                    .iter()
                    .any(|file| self.territory.outside(file).is_some())
            {
                let file = text(certificate);
                self.request
                    .add(Wanted::ClientCertificate { host, file }, &asked_by);
            }
        }
        Ok(())
    }

    fn inputs(&mut self, config: &Config, workspace: Option<&Workspace>) {
        for name in config.env.pass.iter().chain(&config.env.secret) {
            let wanted = Wanted::Variable(name.clone());
            self.request.add(wanted, "mizzen.toml [env]");
        }
        let Some(workspace) = workspace else { return };
        if config.inputs.root.is_some() {
            self.read(&workspace.root, "mizzen.toml [inputs] root");
            self.territory.extend(&workspace.root);
        }
        for extra in &config.inputs.extra {
            let path = workspace.root.join(extra);
            self.read(&path, "mizzen.toml [inputs] extra");
        }
    }

    fn option(
        &mut self,
        arguments: &BuildArgs,
        setting: &Setting,
        process: &Process,
    ) -> Result<(), CommandError> {
        let asked_by = format!("{} {}", setting.origin, setting.name);
        let files = |file: &Option<PathBuf>| {
            file.iter()
                .map(|file| process.absolute(file))
                .collect::<Vec<_>>()
        };
        let written = match setting.name.as_str() {
            "isolation" if setting.value == "path" => {
                self.request.add(Wanted::Everything, &asked_by);
                Vec::new()
            }
            "add" => {
                for added in &arguments.image.add {
                    self.read(&process.absolute(&added.source), &asked_by);
                }
                Vec::new()
            }
            "base" => {
                let base = arguments.base.as_deref();
                let base = base.map(|base| ImageSource::parse(base, process));
                if let Some(path) = base.transpose()?.as_ref().and_then(ImageSource::local_path) {
                    self.read(path, &asked_by);
                }
                Vec::new()
            }
            "push" => {
                let place = "the project's ContainerRegistry and ContainerRepository";
                self.request.add(Wanted::Push(place.to_owned()), &asked_by);
                Vec::new()
            }
            "tag" => {
                for tag in &arguments.tags {
                    self.request
                        .add(Wanted::Push(format!("`{tag}`")), &asked_by);
                }
                Vec::new()
            }
            "cache-from" => {
                for repository in &arguments.sharing.from {
                    let wanted = Wanted::SharedCache(repository.to_string());
                    self.request.add(wanted, &asked_by);
                }
                Vec::new()
            }
            "cache-to" => {
                for repository in &arguments.sharing.to {
                    let wanted = Wanted::Push(format!("`{repository}`"));
                    self.request.add(wanted, &asked_by);
                }
                Vec::new()
            }
            "output" => {
                let mut files = Vec::new();
                for output in &arguments.outputs {
                    let place =
                        ImageTarget::output(&output.replace("{project}", "project"), process)?;
                    match place.local_path() {
                        Some(path) => files.push(path.to_owned()),
                        None => self.request.add(Wanted::Load(output.clone()), &asked_by),
                    }
                }
                files
            }
            "cache-dir" => files(&arguments.cache_dir),
            "digest-file" => files(&arguments.digest_file),
            "image-refs" => files(&arguments.image_refs),
            "metadata-file" => files(&arguments.metadata_file),
            _ => Vec::new(),
        };
        for path in written {
            self.write(&path, &asked_by);
        }
        Ok(())
    }

    /// An SDK is shown to the build with all that lies beside it.
    fn sdk(&mut self, workspace: &Workspace, process: &Process) {
        if let Some((toolchain, sdk)) = sdk_of(workspace, process)
            && sdk.has_paths
            && sdk.root != toolchain.root
        {
            let file = sdk.global_json.unwrap_or_default();
            self.read(&sdk.root, &file);
        }
    }
}

/// Returns whether nobody else can listen to what is sent to a host.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_the_loopback_is_this_machine() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:80", "[::1]:5000"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "ghcr.io",
            "localhost.example",
            "127.0.0.1.example:80",
            "r:5000",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}

use crate::Process;
use crate::args::{BuildArgs, Step};
use crate::config::Config;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::nuget::nuget;
use crate::settings;
use crate::ui::Ui;
use mizzen_build::{LayerOptions, ProjectRequest};
use mizzen_dotnet::{PublishOptions, Toolchain, Workspace};
use mizzen_plan::Skip;
use std::path::{Path, PathBuf};

/// Finds the project and its SDK, and says what is wanted of them.
pub(super) fn project(
    arguments: &BuildArgs,
    config: &Config,
    process: &Process,
    destinations: &[Destination],
    layers: &LayerOptions,
    ui: &Ui,
) -> Result<ProjectRequest, CommandError> {
    let workspace = Workspace::find(
        &process.absolute(&arguments.path),
        process.home().as_deref(),
    )?;
    if let Some(file) = &workspace.editor_config_above {
        ui.warn(&format!(
            "`{}` lies above the workspace root `{}`: plain dotnet would read it, mizzen does not",
            file.display(),
            workspace.root.display()
        ));
    }
    let dotnet_root = process.variable("DOTNET_ROOT").map(PathBuf::from);
    let toolchain = Toolchain::find(&process.path(), dotnet_root.as_deref())?;
    let sdk = toolchain.choose(&workspace.project_folder(), &workspace.root)?;
    ui.project(&workspace, &toolchain, &sdk);
    let skip = Skip {
        restore: arguments.no_cache == Some(Step::Restore),
        publish: arguments.no_cache == Some(Step::Publish),
    };
    Ok(ProjectRequest {
        ignore: own_results(arguments, process, destinations),
        workspace,
        toolchain,
        sdk,
        options: PublishOptions {
            configuration: arguments
                .configuration
                .clone()
                .or_else(|| config.build.configuration.clone())
                .unwrap_or_else(|| "Release".to_owned()),
            framework: arguments.framework.clone(),
            runtime_identifier: arguments.runtime_identifier.clone(),
            self_contained: arguments.self_contained,
            properties: arguments.properties.iter().cloned().collect(),
        },
        layers: layers.clone(),
        nuget: nuget(process),
        restore_environment: settings::restore_environment(process),
        icu: settings::icu(),
        offline: arguments.offline,
        skip,
    })
}

// What this build writes into the workspace would be read by the next one, which would so never be
// the same.
fn own_results(
    arguments: &BuildArgs,
    process: &Process,
    destinations: &[Destination],
) -> Vec<PathBuf> {
    let written = destinations
        .iter()
        .filter_map(Destination::local_path)
        .map(Path::to_owned);
    let files = [
        &arguments.metadata_file,
        &arguments.digest_file,
        &arguments.image_refs,
        &arguments.cache_dir,
    ];
    let files = files
        .into_iter()
        .flatten()
        .map(|file| process.absolute(file));
    let resolved = |path: PathBuf| {
        let name = path.file_name()?.to_owned();
        Some(fs_err::canonicalize(path.parent()?).ok()?.join(name))
    };
    written.chain(files).filter_map(resolved).collect()
}

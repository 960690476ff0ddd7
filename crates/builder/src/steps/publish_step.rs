use crate::BuildError;
use crate::inputs::file_based::written_by_restore;
use crate::inputs::floating::{assets_below, floating, project_path};
use crate::inputs::keyed_paths::{Keyed, keyed_paths};
use crate::inputs::package_findings::package_findings;
use crate::inputs::project_findings::Findings;
use crate::inputs::stage_layout::{
    COMPRESSED, COMPRESSED_KNOWN, COMPRESSED_MADE, FACTS_FILE, HOME, OUTPUT, PACKAGES, SOURCES,
    TEMPORARY, WARM_UP, working_folder,
};
use crate::inputs::staged::Staged;
use crate::inputs::unshown_paths::UnshownPaths;
use crate::layer_options::{APP_FOLDER, AppFiles};
use crate::records::compressed_assets::CompressedAssets;
use crate::records::publish_record::PublishRecord;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::Published;
use crate::report::Event;
use crate::result::app::AppRuntime;
use crate::result::kept_layer::KeptLayer;
use crate::result::layers;
use crate::result::workspace_files::WorkspaceFiles;
use crate::steps::restore_step::{package_folders, paths, refuse_floats, run};
use fs_err as fs;
use mizzen_dotnet::{
    AssetsJson, COMPRESSED_VARIABLE, ChosenSdk, CompilerWarmUp, ContainerSettings, ENDPOINTS_FILE,
    FACTS_FILE_VARIABLE, NO_COMPILER_SERVER, NotPublishable, ProjectFacts, PublishOutput,
    pinned_asset_times, without_restore,
};
use mizzen_plan::StepName;
use mizzen_stage::{Action, Content, Network, OutputSpec};
use mizzen_store::Output;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

/// What a publish gave.
pub(crate) struct PublishRun {
    pub(crate) published: Published,
    /// What a build depends on because of the packages that took part.
    pub(crate) findings: Findings,
    /// What its record is found by.
    pub(crate) keyed: Keyed,
    /// How long it waited before it began.
    pub(crate) waited: Duration,
}

/// What publish may leave out, for it is known to change nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shortcuts {
    /// Its own restore is proven to give what there is.
    pub(crate) is_restored: bool,
    /// What static assets were compressed to before, by what they were made of.
    pub(crate) compressed: Option<Output>,
}

/// Runs publish in a stage of its own, over what restore gave, and packs its output into layers.
///
/// It restores, too, and finds nothing to do, but for `shortcuts`.
///
/// Sources, `obj` and output are fresh each time: MSBuild decides by times what is up to date, and
/// an edit with an old time would be passed over.
///
/// # Errors
/// [`BuildError::Dotnet`] with the compiler's own messages; [`BuildError::Publish`] if what was
/// published cannot be run.
pub(crate) fn publish(
    staged: &Staged<'_>,
    restored: &RestoreRecord,
    shortcuts: Shortcuts,
) -> Result<PublishRun, BuildError> {
    let request = staged.request;
    let mut action = action(staged, restored)?;
    if shortcuts.is_restored {
        action.command = without_restore(&action.command);
    }
    let compressed = shortcuts.compressed;
    let compressed = compressed.map(|pack| (COMPRESSED_KNOWN.to_owned(), pack));
    action.packs.extend(compressed);
    let written = written_by_restore(&staged.canonical, &request.workspace.project);
    let began = staged.context.store.file_time_ns()?;
    let (outcome, lines) = run(staged, &action, StepName::Publish)?;
    let project = project_facts(outcome.read(FACTS_FILE)?);
    check_sdk(&project, &request.sdk)?;
    NotPublishable::check_evaluated(&request.workspace.project, &project)?;
    let folder = outcome.path(OUTPUT)?;
    pin_asset_times(&folder, staged)?;
    let mut output = PublishOutput::read(&folder)?;
    let written = paths(&outcome, &written)?;
    if let Some(assets) = assets(staged, &written, &output)? {
        output = output.with_assets(assets);
    }
    let resolved = restored.resolved();
    let weak = if shortcuts.is_restored {
        staged.inputs.weak_publish_key_without_restore(&resolved)
    } else {
        staged.inputs.weak_publish_key(&resolved)
    };
    let keyed = keyed_paths(staged, StepName::Publish, weak, &outcome.seen, began)?;
    let contents = staged.observed.contents();
    let looked_at = match keyed.paths() {
        Some(paths) => Cow::Owned(paths.among(&contents)),
        None => Cow::Borrowed(&contents),
    };
    let from_workspace = WorkspaceFiles::find(&output, &looked_at)?;
    if !outcome.changed[COMPRESSED_MADE].is_empty() {
        CompressedAssets::of(staged).put(outcome.outputs[COMPRESSED_MADE])?;
    }
    let context = staged.context;
    let settings = ContainerSettings::of(&project)?;
    let layers = &staged.request.layers;
    let named = settings.platforms_for(layers.default_platform.as_ref());
    let options = layers.resolved(&output, &named)?;
    let folder = settings.working_directory.as_deref();
    let files = AppFiles {
        output: &output,
        folder: folder.unwrap_or(APP_FOLDER),
        is_musl: settings.is_musl(),
        executables: &from_workspace.executables(),
    };
    let layers = layers::make(&files, &options, &context.store, &context.cancel)?;
    let inventory = layers::inventory(&output, &restored.packages, &layers, &context.store)?;
    // Publish's own restore may have added to what the restore step gave.
    let floating = floating(&written, staged.sources(), &contents)?;
    refuse_floats(staged, floating.as_ref())?;
    let findings = package_findings(&written, &package_folders(staged, &outcome)?)?;
    let record = PublishRecord {
        runtime: AppRuntime::of_project(&files, &project),
        layers: PublishRecord::kept_layers(&layers),
        symbols: layers.symbols.as_ref().map(KeptLayer::of),
        inventory,
        left_out: layers.left_out.clone(),
        sources: from_workspace.sources(),
        changed_sources: beside_sources(&outcome.changed[SOURCES]),
        warnings: lines.warnings(),
        unshown: UnshownPaths::of(&outcome.seen, &action.mounted, staged.stage_root, &contents),
        floating,
        rung: outcome.rung.max(restored.rung),
        machine: keyed.keep_answers(&context.store)?,
        staged_sources: staged.canonical.sources.clone(),
        project,
    };
    Ok(PublishRun {
        published: Published {
            record,
            layers,
            origin: None,
        },
        findings,
        keyed,
        waited: outcome.waited,
    })
}

/// Returns publish as an action over what restore gave.
fn action(staged: &Staged<'_>, restored: &RestoreRecord) -> Result<Action, BuildError> {
    let packs = restored
        .packs
        .iter()
        .map(|(name, output)| (name.clone(), *output));
    let mut environment = staged.environment();
    let in_stage = |path: &str| format!("{}/{path}", staged.stage_root.display());
    environment.insert(FACTS_FILE_VARIABLE.to_owned(), in_stage(FACTS_FILE));
    environment.insert(COMPRESSED_VARIABLE.to_owned(), in_stage(COMPRESSED));
    let mut inputs = staged.contents_for(StepName::Publish);
    let mut warm_up = Vec::new();
    if staged
        .context
        .executor
        .capabilities()?
        .leaves_the_machine_open()
    {
        // Only here is /tmp everyone's, where the server has its socket: one that the user's builds left
        // could answer, and ours would leave the socket.
        let (name, value) = NO_COMPILER_SERVER;
        environment.insert(name.to_owned(), value.to_owned());
    } else if let Some(found) = compiler_warm_up(staged)? {
        let staged = |(name, bytes): (String, Vec<u8>)| {
            (format!("{WARM_UP}/{name}"), Content::Bytes(bytes.into()))
        };
        inputs.extend(found.files.into_iter().map(staged));
        warm_up = found.command;
    }
    let request = staged.request;
    let sdk = staged.mounted_sdk()?;
    let mut mounted = sdk.mounted;
    mounted.extend(staged.observed.nuget.fallback_folders.iter().cloned());
    mounted.extend(staged.observed.mounted());
    let written = written_by_restore(&staged.canonical, &request.workspace.project);
    let read_again = [OUTPUT, PACKAGES].map(str::to_owned).into_iter();
    let read_again = read_again.chain(written.iter().cloned());
    let mut outputs: Vec<_> = read_again.map(OutputSpec::Folder).collect();
    outputs.push(OutputSpec::File(FACTS_FILE.to_owned()));
    outputs.push(OutputSpec::ChangedPaths(SOURCES.to_owned()));
    outputs.push(OutputSpec::Changes(COMPRESSED_MADE.to_owned()));
    Ok(Action {
        label: format!("publish of `{}`", staged.request.workspace.project),
        inputs,
        packs: packs.collect(),
        folders: [HOME, PACKAGES, TEMPORARY, OUTPUT, COMPRESSED_MADE]
            .map(str::to_owned)
            .to_vec(),
        mounted,
        masked: sdk.masked,
        shown: sdk.shown,
        command: staged.inputs.commands[&StepName::Publish].clone(),
        warm_up,
        working_folder: working_folder(request),
        environment,
        secret_environment: reaching(staged),
        outputs,
        network: if request.policy.network {
            Network::Full
        } else {
            Network::None
        },
        watched: request.policy.watch,
    })
}

/// Returns what to compile while MSBuild reads the projects; `None` where a second core would not be idle.
fn compiler_warm_up(staged: &Staged<'_>) -> Result<Option<CompilerWarmUp>, BuildError> {
    if available_parallelism().map_or(1, NonZero::get) == 1 {
        return Ok(None);
    }
    let (sdk, project) = (&staged.request.sdk, &staged.request.workspace.project);
    let text = match staged.observed.workspace.contents.get(project) {
        Some(Content::File { source, .. }) if is_csharp(project) => {
            fs::read_to_string(source).map_err(BuildError::Read)?
        }
        _ => return Ok(None),
    };
    let folder = format!("{}/{WARM_UP}", staged.stage_root.display());
    let found = CompilerWarmUp::of(&sdk.root, &sdk.version, &text, &folder);
    let found = found.map_err(BuildError::Read)?;
    let root = staged
        .sdk_place
        .root_of_sdk(staged.request, staged.stage_root);
    Ok(found.map(|found| found.seen_at(&sdk.root, &root)))
}

fn is_csharp(project: &str) -> bool {
    let extension = Path::new(project).extension();
    extension.is_some_and(|extension| extension == "csproj" || extension == "cs")
}

/// Returns what restore wrote for the published project; `None` where that cannot be told.
fn assets(
    staged: &Staged<'_>,
    written: &[PathBuf],
    output: &PublishOutput,
) -> Result<Option<AssetsJson>, BuildError> {
    let project = &staged.request.workspace.project;
    let project = format!("{}/{project}", staged.canonical.sources);
    // The SDK's own name for a file-based app.
    let of_file = format!("{project}.csproj");
    let target_framework = output.runtime_config.target_framework.as_deref();
    for file in assets_below(written)? {
        let bytes = fs::read(file).map_err(BuildError::Read)?;
        let path = project_path(&bytes);
        if path.is_some_and(|path| path == Path::new(&project) || path == Path::new(&of_file)) {
            let runtime_identifier = output.runtime_identifier();
            return Ok(AssetsJson::parse(
                &bytes,
                target_framework,
                runtime_identifier,
            ));
        }
    }
    Ok(None)
}

/// Takes the time of this build out of what was published, where the injected targets did not: an SDK
/// that has renamed what they lean on writes it there.
fn pin_asset_times(folder: &Path, staged: &Staged<'_>) -> Result<(), BuildError> {
    for entry in fs::read_dir(folder).map_err(BuildError::Read)? {
        let entry = entry.map_err(BuildError::Read)?;
        let name = entry.file_name();
        // What a link of the project's points to is not this build's to write.
        let is_file = entry.file_type().map_err(BuildError::Read)?.is_file();
        let is_endpoints = |name: &&str| is_file && name.ends_with(ENDPOINTS_FILE);
        let Some(name) = name.to_str().filter(is_endpoints) else {
            continue;
        };
        let text = fs::read_to_string(entry.path()).map_err(BuildError::Read)?;
        if let Some(pinned) = pinned_asset_times(&text) {
            fs::write(entry.path(), pinned).map_err(BuildError::Read)?;
            let note =
                format!("`{name}` contained the time of this build; it has a fixed time now");
            staged.context.reporter.event(&Event::Note(&note));
        }
    }
    Ok(())
}

/// Compares the SDK that ran, as far as it told, with the one whose content is in the key.
fn check_sdk(facts: &ProjectFacts, chosen: &ChosenSdk) -> Result<(), BuildError> {
    let Some(ran) = facts.property("MSBuildBinPath") else {
        return Ok(());
    };
    let ran = ran.trim_end_matches('/');
    if ran.rsplit('/').next() == Some(&chosen.version) {
        return Ok(());
    }
    Err(BuildError::OtherSdk {
        ran: ran.to_owned(),
        chosen: chosen.version.clone(),
    })
}

/// Returns what publish needs to reach the network, if it may: proxies and certificates, never the
/// credentials that restore has.
fn reaching(staged: &Staged<'_>) -> BTreeMap<String, String> {
    let request = staged.request;
    let is_way =
        |name: &str| name.to_ascii_lowercase().ends_with("_proxy") || name.starts_with("SSL_CERT_");
    let variables = request.restore_environment.iter();
    let variables = variables.filter(|(name, _)| request.policy.network && is_way(name));
    let variables = variables.map(|(name, value)| (name.clone(), value.clone()));
    variables.collect()
}

/// Returns those of the files that a publish made or changed which are not where builds put theirs.
fn beside_sources(changed: &[String]) -> Vec<String> {
    let beside = changed.iter().filter(|path| !is_where_builds_write(path));
    beside.cloned().collect()
}

/// Returns whether a path of the workspace lies where builds put what they make.
pub(crate) fn is_where_builds_write(path: &str) -> bool {
    let mut folders = path.split('/').rev().skip(1);
    folders.any(|folder| ["bin", "obj", "artifacts", ".git"].contains(&folder))
}

/// Returns what the injected target wrote; nothing if the project's own targets kept it from running.
fn project_facts(written: Option<Vec<u8>>) -> ProjectFacts {
    let facts = written.and_then(|bytes| ProjectFacts::parse(&String::from_utf8_lossy(&bytes)));
    facts.unwrap_or_default()
}

#[cfg(test)]
mod tests;

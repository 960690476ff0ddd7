use super::arguments::{BuildArgs, Step};
use super::environment::{icu, now, restore_environment};
use super::found_sdk::{FoundSdk, found_sdk};
use super::lock_file::{self, Lock};
use super::nuget::nuget;
use crate::Process;
use crate::config::Config;
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::session::Session;
use crate::ui::Ui;
use mizzen_builder::{Allowed, BuildError, InputRules, LayerOptions, Policy, ProjectRequest};
use mizzen_dotnet::{
    ChosenSdk, NotPublishable, Properties, PublishOptions, Toolchain, Workspace, global_json_fault,
};
use mizzen_plan::Skip;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Finds the workspace around the project that `path` names.
pub(crate) fn workspace(
    path: &Path,
    config: &Config,
    process: &Process,
) -> Result<Workspace, CommandError> {
    let (path, root) = (process.absolute(path), config.inputs.root.as_deref());
    Ok(Workspace::find_in(&path, process.home().as_deref(), root)?)
}

/// Finds the SDK, and says what is wanted of it and of the project.
pub(crate) fn project(
    workspace: Workspace,
    arguments: &BuildArgs,
    config: &Config,
    (session, ui): (&Session<'_>, &Ui),
    (destinations, layers): (&[ImageTarget], &LayerOptions),
) -> Result<ProjectRequest, CommandError> {
    let process = session.process;
    if let Some(file) = &workspace.editor_config_above {
        ui.warn(&format!(
            "`{}` is above the workspace root `{}`: plain dotnet would read it, mizzen does not",
            file.display(),
            workspace.root.display()
        ));
    }
    if arguments
        .properties
        .iter()
        .all(|(name, _)| !name.eq_ignore_ascii_case("IsPublishable"))
    {
        let checked = NotPublishable::check(&workspace.root, &workspace.project);
        checked
            .map_err(BuildError::Read)?
            .map_err(BuildError::from)?;
    }
    let FoundSdk {
        toolchain,
        sdk,
        absent,
    } = found_sdk(&workspace, arguments, session)?;
    tell(ui, &workspace, &toolchain, &sdk);
    warn_of_global_json(ui, &workspace, &sdk);
    let skip = Skip {
        restore: arguments.reuse.no_cache == Some(Step::Restore),
        publish: arguments.reuse.no_cache == Some(Step::Publish),
        // What the policy says is for the build to see.
        unkeyed: None,
    };
    let variables = Variables::of(config, process);
    let lock = Lock::asked(arguments, &workspace.root)?;
    let mut ignore = own_results(arguments, process, destinations);
    ignore.push(lock_file::path(&workspace.root));
    let mut properties: Properties = arguments.properties.iter().cloned().collect();
    if lock.is_some() {
        properties.set("RestoreLockedMode", "true".to_owned());
    }
    Ok(ProjectRequest {
        ignore,
        locked: lock.map(|lock| lock.toolchain()),
        workspace,
        toolchain,
        sdk,
        absent_toolchain: absent,
        options: PublishOptions {
            configuration: arguments
                .configuration
                .clone()
                .unwrap_or_else(|| "Release".to_owned()),
            framework: arguments.framework.clone(),
            runtime_identifier: arguments.runtime_identifier.clone(),
            self_contained: arguments.self_contained,
            properties,
        },
        layers: layers.clone(),
        nuget: nuget(process),
        restore_environment: restore_environment(process)
            .into_iter()
            .chain(variables.secret.clone())
            .collect(),
        secrets: variables.secret.into_values().collect(),
        passed: variables.passed,
        inputs: input_rules(config)?,
        allowed: Allowed::default(),
        policy: Policy {
            watch: config.policy.watch && !arguments.reuse.no_watch,
            shortcuts: config.policy.shortcuts && !arguments.reuse.no_shortcuts,
            ..config.policy
        },
        now: now(),
        icu: icu(),
        offline: arguments.offline,
        skip,
        check_cache: arguments.reuse.check_cache,
    })
}

fn tell(ui: &Ui, workspace: &Workspace, toolchain: &Toolchain, sdk: &ChosenSdk) {
    let root = workspace.root.display().to_string();
    let event = json!({
        "event": "project", "root": root,
        "sdk": { "version": sdk.version, "folder": sdk.root.display().to_string() },
    });
    ui.tell(&format!("project  {} in {root}", workspace.project), &event);
    if ui.is_verbose() {
        ui.people(&format!("SDK      {}", chosen(toolchain, sdk)));
    }
}

/// `dotnet` chooses an SDK as if there were no such file, and fails later with other words, or not.
fn warn_of_global_json(ui: &Ui, workspace: &Workspace, sdk: &ChosenSdk) {
    let file = sdk
        .global_json
        .as_ref()
        .map(|file| workspace.root.join(file));
    let fault = file.as_ref().and_then(|file| fs_err::read(file).ok());
    let fault = fault.and_then(|text| global_json_fault(&text));
    if let Some((file, fault)) = file.zip(fault) {
        ui.warn(&format!("`{}` is not JSON: {fault}", file.display()));
    }
}

/// Returns which SDK runs, where it is, and why it is that one.
pub(crate) fn chosen(toolchain: &Toolchain, sdk: &ChosenSdk) -> String {
    let by = sdk
        .global_json
        .iter()
        .map(|file| format!(", as `{file}` asks"));
    format!(
        "{} in {}{}; dotnet found by {}",
        sdk.version,
        sdk.root.display(),
        by.collect::<String>(),
        toolchain.found_by
    )
}

/// The user's variables that `mizzen.toml` names.
struct Variables {
    passed: BTreeMap<String, String>,
    secret: BTreeMap<String, String>,
}

impl Variables {
    fn of(config: &Config, process: &Process) -> Self {
        let named = |names: &[String]| {
            let set = names.iter().filter_map(|name| {
                let value = process.environment.get(name)?;
                Some((name.clone(), value.clone()))
            });
            set.collect()
        };
        Self {
            passed: named(&config.env.pass),
            secret: named(&config.env.secret),
        }
    }
}

pub(crate) fn input_rules(config: &Config) -> Result<InputRules, CommandError> {
    let pattern = |text: &String| {
        text.parse().map_err(|error| {
            CommandError::usage(format!(
                "[inputs] ignore: `{text}` is not a pattern: {error}"
            ))
        })
    };
    let ignore = config.inputs.ignore.iter().map(pattern);
    Ok(InputRules {
        extra: config.inputs.extra.clone(),
        ignore: ignore.collect::<Result<_, _>>()?,
    })
}

// What this build writes into the workspace would be read by the next one, which would so never be
// the same.
pub(crate) fn own_results(
    arguments: &BuildArgs,
    process: &Process,
    destinations: &[ImageTarget],
) -> Vec<PathBuf> {
    let written = destinations
        .iter()
        .filter_map(ImageTarget::local_path)
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

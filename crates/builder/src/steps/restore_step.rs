use crate::dotnet_lines::{DotnetLines, without_secrets};
use crate::inputs::file_based::written_by_restore;
use crate::inputs::floating::{floating, without_lock_file};
use crate::inputs::keyed_paths::{Keyed, keyed_paths};
use crate::inputs::package_findings::package_findings;
use crate::inputs::scan::check_mounted;
use crate::inputs::stage_layout::{HOME, PACKAGES, TEMPORARY, working_folder};
use crate::inputs::staged::Staged;
use crate::inputs::unshown_paths::UnshownPaths;
use crate::records::restore_record::{Floating, RestoreRecord};
use crate::report::Event;
use crate::{BuildError, FloatPolicy};
use mizzen_dotnet::{COMPILES, RestoredPackage};
use mizzen_plan::StepName;
use mizzen_stage::{Action, Network, Outcome, OutputSpec, Stream};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a restore gave.
pub(crate) struct RestoreRun {
    pub(crate) record: RestoreRecord,
    /// What the record is found by.
    pub(crate) keyed: Keyed,
    /// How long it waited before it began.
    pub(crate) waited: Duration,
}

/// Runs restore in a stage of its own.
///
/// It is a fetch step: what it gives is everything that it or the evaluation put into an empty
/// package folder, one pack a package, and the small files that it wrote beside the projects. With
/// both, publish's own restore has nothing to do.
///
/// # Errors
/// [`BuildError::Dotnet`] with NuGet's own messages.
pub(crate) fn restore(staged: &Staged<'_>) -> Result<RestoreRun, BuildError> {
    let request = staged.request;
    let sdk = staged.mounted_sdk()?;
    let written = written_by_restore(&staged.canonical, &request.workspace.project);
    let packages = OutputSpec::Packages(PACKAGES.to_owned());
    let changes = written.iter().cloned().map(OutputSpec::Changes);
    let action = Action {
        label: format!("restore of `{}`", request.workspace.project),
        inputs: staged.contents_for(StepName::Restore),
        packs: Vec::new(),
        folders: [HOME, PACKAGES, TEMPORARY].map(str::to_owned).to_vec(),
        mounted: [sdk.mounted, mounted(staged)].concat(),
        masked: sdk.masked,
        shown: sdk.shown,
        command: staged.inputs.commands[&StepName::Restore].clone(),
        warm_up: Vec::new(),
        working_folder: working_folder(request),
        environment: staged.environment(),
        secret_environment: secret_environment(staged),
        outputs: std::iter::once(packages).chain(changes).collect(),
        network: if request.offline {
            Network::None
        } else {
            Network::Full
        },
        watched: request.policy.watch,
    };
    let began = staged.context.store.file_time_ns()?;
    let (outcome, _) = run(staged, &action, StepName::Restore)?;
    let packages = outcome.outputs.keys().filter_map(|name| {
        let (id, version) = name
            .strip_prefix(PACKAGES)?
            .strip_prefix('/')?
            .split_once('/')?;
        Some((name, id, version))
    });
    let packages = packages.map(|(name, id, version)| {
        let folder = outcome.path(name)?;
        RestoredPackage::read(&folder, id, version).map_err(BuildError::Read)
    });
    let packages = packages.collect::<Result<_, _>>()?;
    let written = paths(&outcome, &written)?;
    let contents = &staged.observed.workspace.contents;
    let floating = floating(&written, staged.sources(), contents)?;
    refuse_floats(staged, floating.as_ref())?;
    if request.locked.is_some() {
        let unlocked = without_lock_file(&written, staged.sources(), contents)?;
        if !unlocked.is_empty() {
            return Err(BuildError::NoLockFile(unlocked));
        }
    }
    let findings = package_findings(&written, &package_folders(staged, &outcome)?)?;
    let weak = staged.inputs.weak_restore_key();
    let keyed = keyed_paths(staged, StepName::Restore, weak, &outcome.seen, began)?;
    let waited = outcome.waited;
    let record = RestoreRecord {
        packs: outcome.outputs,
        packages,
        floating: floating.map(|what| Floating {
            what,
            resolved_at: request.now,
        }),
        findings,
        rung: outcome.rung,
        machine: keyed.keep_answers(&staged.context.store)?,
        looked_up: keyed.keep_paths(&staged.context.store)?,
        origin: None,
    };
    Ok(RestoreRun {
        record,
        keyed,
        waited,
    })
}

/// Returns the folders in which a project's packages are.
///
/// # Errors
/// [`BuildError::Stage`] if the executor cannot give them.
pub(crate) fn package_folders(
    staged: &Staged<'_>,
    outcome: &Outcome,
) -> Result<Vec<PathBuf>, BuildError> {
    let fetched = outcome.path(PACKAGES)?;
    let fallback = staged.observed.nuget.fallback_folders.iter().cloned();
    Ok(std::iter::once(fetched).chain(fallback).collect())
}

/// Returns where to read `folders` of the stage.
///
/// # Errors
/// [`BuildError::Stage`] if the executor cannot give them.
pub(crate) fn paths(outcome: &Outcome, folders: &[String]) -> Result<Vec<PathBuf>, BuildError> {
    let paths = folders.iter().map(|folder| outcome.path(folder));
    Ok(paths.collect::<Result<_, _>>()?)
}

/// Says no to packages that float where the policy is not to build what floats.
///
/// # Errors
/// [`BuildError::Floats`] with what floats.
pub(crate) fn refuse_floats(
    staged: &Staged<'_>,
    floating: Option<&String>,
) -> Result<(), BuildError> {
    match (floating, staged.request.policy.floats) {
        (Some(what), FloatPolicy::Error) => Err(BuildError::Floats(what.clone())),
        _ => Ok(()),
    }
}

/// Variables of restore that name files and folders of the machine.
const PATH_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Returns what restore may read of the machine beside the SDK: feeds that are folders, credential
/// providers, certificates.
fn mounted(staged: &Staged<'_>) -> Vec<PathBuf> {
    let variables = &staged.request.restore_environment;
    let paths = PATH_VARIABLES
        .iter()
        .filter_map(|name| variables.get(*name));
    let nuget = &staged.observed.nuget;
    let mounted = nuget.mounted.iter().chain(&nuget.fallback_folders);
    let mounted = mounted.cloned().chain(staged.observed.mounted());
    mounted.chain(paths.map(PathBuf::from)).collect()
}

fn secret_environment(staged: &Staged<'_>) -> BTreeMap<String, String> {
    let mut variables = staged.request.restore_environment.clone();
    variables.extend(staged.observed.nuget.secret_variables.clone());
    if let Some(folder) = &staged.observed.nuget.plugin_tools {
        // NuGet finds credential providers that are tools by `PATH` alone.
        let path = &staged.inputs.environment["PATH"];
        variables.insert("PATH".to_owned(), format!("{path}:{folder}"));
    }
    variables
}

/// Runs a command of `dotnet`, reports its lines with the user's paths, and turns a failure into an
/// error. Returns what it left and the lines.
pub(crate) fn run(
    staged: &Staged<'_>,
    action: &Action,
    step: StepName,
) -> Result<(Outcome, DotnetLines), BuildError> {
    let (context, request) = (staged.context, staged.request);
    let mut lines = DotnetLines::default();
    let outcome = context.executor.run(action, &context.cancel, &mut |line| {
        let said = match line.stream {
            Stream::Output | Stream::Error => None,
            Stream::Executor => Some(Event::Note(&line.text)),
            Stream::Waiting if line.text.is_empty() => Some(Event::GoesOn(step)),
            Stream::Waiting => Some(Event::Waiting(&line.text)),
            Stream::Packages => Some(Event::Packages(line.text.parse().unwrap_or_default())),
        };
        let compiled = line.text.trim_start().strip_prefix(COMPILES);
        let said = said.or(compiled.map(Event::Compiling));
        if let Some(event) = said {
            return context.reporter.event(&event);
        }
        let text = without_secrets(&line.text, &request.secrets);
        lines.add(&text);
        let text = staged.with_own_paths(&text, &staged.canonical.sources);
        context.reporter.event(&Event::DotnetLine(&text));
    })?;
    check_mounted(
        &request.workspace.root,
        &request.inputs,
        &staged.observed.workspace,
        &context.store,
        &context.cancel,
    )?;
    let observed = &staged.observed;
    observed.check_mounted(request, &context.store, &context.cancel)?;
    if outcome.exit_code == Some(0) {
        return Ok((outcome, lines));
    }
    // What is not shown may be why it failed.
    let contents = staged.observed.contents();
    let (seen, shown) = (&outcome.seen, &action.mounted);
    if let Some(unshown) = UnshownPaths::of(seen, shown, staged.stage_root, &contents) {
        staged.tell_unshown(&unshown);
    }
    let own = |message: crate::DotnetMessage| {
        message.with_text(|text| staged.with_own_paths(text, &staged.canonical.sources))
    };
    Err(BuildError::Dotnet {
        step,
        project: request.workspace.project.clone(),
        exit_code: outcome.exit_code,
        messages: lines.failure().into_iter().map(own).collect(),
        networked: match action.network {
            Network::None => staged.observed.dependencies.networked(),
            Network::Full => Vec::new(),
        },
    })
}

#[cfg(test)]
mod tests;

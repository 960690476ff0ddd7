use crate::BuildError;
use crate::dotnet_lines::{DotnetLines, with_own_paths};
use crate::facts::{HOME, PACKAGES, SOURCES, TEMPORARY};
use crate::publish_project::Staged;
use crate::records::RestoreFacts;
use crate::report::Event;
use fs_err as fs;
use mizzen_dotnet::{RestoredPackage, floating_version};
use mizzen_plan::{StepCommand, StepName};
use mizzen_stage::{Action, Content, Network, OutputSpec};
use mizzen_store::{ActionResult, Output};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Runs restore in a stage of its own.
///
/// It is a fetch step: what it gives is everything that it or the evaluation put into an empty
/// package folder, one pack a package, and the small files that it wrote beside the projects. With
/// both, publish's own restore has nothing to do.
///
/// # Errors
/// [`BuildError::Dotnet`] with NuGet's own messages.
pub(crate) fn restore(staged: &Staged<'_>) -> Result<ActionResult, BuildError> {
    let action = Action {
        inputs: staged.inputs(),
        packs: Vec::new(),
        folders: [HOME, PACKAGES, TEMPORARY].map(str::to_owned).to_vec(),
        command: staged.facts.commands[&StepCommand::Restore].clone(),
        working_folder: SOURCES.to_owned(),
        environment: staged.facts.environment.clone(),
        secret_environment: staged.request.restore_environment.clone(),
        outputs: vec![
            OutputSpec::Packages(PACKAGES.to_owned()),
            OutputSpec::Changes(SOURCES.to_owned()),
        ],
        network: Network::Full,
    };
    let (outcome, _) = run(staged, &action, StepName::Restore)?;
    let packages = outcome.outputs.keys().filter_map(|name| {
        let (id, version) = name
            .strip_prefix(PACKAGES)?
            .strip_prefix('/')?
            .split_once('/')?;
        Some(RestoredPackage::read(&outcome.path(name), id, version))
    });
    let packages = packages
        .collect::<Result<_, _>>()
        .map_err(BuildError::Read)?;
    let changed = &outcome.changed[SOURCES];
    let floating = floating(&outcome.path(SOURCES), changed, &action.inputs)?;
    let table = staged.facts.to_bytes();
    Ok(ActionResult {
        inputs: Output {
            digest: staged.context.store.put(&table)?,
            size_bytes: table.len() as u64,
        },
        outputs: outcome.outputs.clone(),
        facts: json!(RestoreFacts { packages, floating }),
    })
}

// A lock file beside the project pins what floats.
fn floating(
    sources: &Path,
    changed: &[String],
    inputs: &BTreeMap<String, Content>,
) -> Result<Option<String>, BuildError> {
    let assets = changed
        .iter()
        .filter(|path| path.ends_with("/project.assets.json") || *path == "project.assets.json");
    let mut found = false;
    for path in assets {
        found = true;
        let text = fs::read_to_string(sources.join(path)).map_err(BuildError::Read)?;
        let project = path.rsplit_once("/obj/").map_or("", |(folder, _)| folder);
        let prefix = if project.is_empty() {
            format!("{SOURCES}/packages")
        } else {
            format!("{SOURCES}/{project}/packages")
        };
        let is_lock = |path: &String| {
            path.strip_prefix(&prefix)
                .is_some_and(|rest| !rest.contains('/') && rest.ends_with(".lock.json"))
        };
        if !inputs.keys().any(is_lock)
            && let Some(floating) = floating_version(&text)
        {
            return Ok(Some(floating));
        }
    }
    Ok((!found).then(|| "restore left no project.assets.json".to_owned()))
}

/// Runs a command of `dotnet`, reports its lines with the user's paths, and turns a failure into an
/// error. Returns what it left and the lines.
pub(crate) fn run(
    staged: &Staged<'_>,
    action: &Action,
    step: StepName,
) -> Result<(mizzen_stage::Outcome, DotnetLines), BuildError> {
    let (context, request) = (staged.context, staged.request);
    let mut lines = DotnetLines::default();
    let outcome = context.executor.run(action, &context.cancel, &mut |line| {
        lines.add(&line.text);
        let text = with_own_paths(
            &line.text,
            &staged.canonical.sources,
            &request.workspace.root,
        );
        context.reporter.event(&Event::DotnetLine(&text));
    })?;
    if outcome.exit_code == Some(0) {
        return Ok((outcome, lines));
    }
    let own = |message: crate::DotnetMessage| {
        message.with_own_paths(&staged.canonical.sources, &request.workspace.root)
    };
    Err(BuildError::Dotnet {
        step,
        project: request.workspace.project.clone(),
        exit_code: outcome.exit_code,
        messages: lines.failure().into_iter().map(own).collect(),
    })
}

use crate::BuildError;
use crate::app::AppFacts;
use crate::facts::{FACTS_FILE, HOME, OUTPUT, PACKAGES, SOURCES, TEMPORARY, sdk_folders};
use crate::floating::floating;
use crate::layers_step::{self, Layers};
use crate::publish_project::Staged;
use crate::records::rung_of;
use crate::restore_step::run;
use crate::workspace_files::WorkspaceFiles;
use fs_err as fs;
use mizzen_dotnet::{FACTS_FILE_VARIABLE, PublishOutput};
use mizzen_plan::{StepCommand, StepName};
use mizzen_stage::{Action, Network, OutputSpec, Rung};
use mizzen_store::ActionResult;
use std::collections::BTreeMap;
use std::path::Path;

/// Runs publish in a stage of its own, over what restore gave, and packs its output into layers.
///
/// Sources, `obj` and output are fresh each time: MSBuild decides by times what is up to date, and
/// an edit with an old time would be passed over.
///
/// # Errors
/// [`BuildError::Dotnet`] with the compiler's own messages; [`BuildError::Publish`] if what was
/// published cannot be run.
pub(crate) fn publish(
    staged: &Staged<'_>,
    restored: &ActionResult,
) -> Result<(AppFacts, Layers), BuildError> {
    let packs = restored
        .outputs
        .iter()
        .map(|(name, output)| (name.clone(), *output));
    let mut environment = staged.facts.environment.clone();
    let facts_file = format!("{}/{FACTS_FILE}", staged.stage_root.display());
    environment.insert(FACTS_FILE_VARIABLE.to_owned(), facts_file);
    let action = Action {
        inputs: staged.inputs(),
        packs: packs.collect(),
        folders: [HOME, PACKAGES, TEMPORARY, OUTPUT]
            .map(str::to_owned)
            .to_vec(),
        shown: sdk_folders(&staged.request.toolchain.root)?,
        command: staged.facts.commands[&StepCommand::Publish].clone(),
        working_folder: SOURCES.to_owned(),
        environment,
        secret_environment: BTreeMap::new(),
        outputs: vec![OutputSpec::Folder(OUTPUT.to_owned())],
        network: Network::None,
    };
    let (outcome, lines) = run(staged, &action, StepName::Publish)?;
    let folder = outcome.path(OUTPUT);
    let output = PublishOutput::read(&folder)?;
    let from_workspace = WorkspaceFiles::find(&output, &staged.scan.contents)?;
    let context = staged.context;
    let options = &staged.request.layers;
    let layers = layers_step::make(
        &output,
        options,
        &from_workspace.executables(),
        &context.store,
        &context.cancel,
    )?;
    let mut facts = layers_step::facts(&output, &layers);
    facts.runtime.version = fact(&outcome.path(FACTS_FILE), "Version")?;
    facts.sources = from_workspace.sources();
    facts.warnings = lines.warnings();
    // Publish's own restore may have added to what the restore step gave.
    facts.floating = floating(&outcome.path(SOURCES), &staged.scan.contents)?;
    let weakest = outcome.rung.max(rung_of(restored).unwrap_or(Rung::Path));
    weakest.as_str().clone_into(&mut facts.rung);
    facts.staged_sources.clone_from(&staged.canonical.sources);
    Ok((facts, layers))
}

/// Returns a fact that the injected target wrote; `None` if the project's own targets kept it from
/// running, or the fact is empty.
fn fact(file: &Path, name: &str) -> Result<Option<String>, BuildError> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(BuildError::Read)?,
    };
    let mut facts = text.lines().filter_map(|line| line.split_once('='));
    let value = facts
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim().to_owned());
    Ok(value.filter(|value| !value.is_empty()))
}

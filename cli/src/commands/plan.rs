use crate::Process;
use crate::building::arguments::BuildArgs;
use crate::building::environment::stage;
use crate::building::options::layer_options;
use crate::building::project::{chosen, project};
use crate::building::services::{Service, Services};
use crate::config::{Config, Setting, other_settings};
use crate::consent::{allowed, open_build_session};
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::{Lines, Ui, out, out_json};
use mizzen_builder::{
    Context, FileRole, OutsideFile, ProjectPlan, ProjectRequest, StepPlan, plan_project,
};
use mizzen_plan::FileInput;
use mizzen_store::FsActionCache;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Prints what `build` would do and why, without doing it: starts nothing, sends nothing
#[derive(clap::Args, Debug)]
pub(crate) struct PlanArgs {
    /// Say whether this file is an input, and of what
    #[arg(long, value_name = "FILE")]
    pub(crate) why: Option<PathBuf>,

    /// Print each setting and where it came from
    #[arg(long)]
    pub(crate) config: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) build: BuildArgs,
}

/// Prints what `build` would do and why, without doing it.
pub(crate) fn run(arguments: &PlanArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let services = Services::find(&arguments.build, invocation)?;
    if arguments.config {
        let mut text = Lines::default();
        for service in &services.each {
            text.add_gap();
            add_settings(&mut text, &service.config, &service.settings);
        }
        return out(&text);
    }
    let session = open_build_session(invocation, &services, Ui::silent())?.reading();
    let (process, ui) = (session.process, &session.ui);
    let written = services.destinations(process)?;
    let store = session.store()?;
    let executor = stage(store, services.common().isolation)?;
    let context = Context {
        stage_root: executor.root(),
        executor: &executor,
        store: store.clone(),
        records: &FsActionCache(store),
        reporter: ui,
        cancel: session.cancel.clone(),
        preflight: &|| Ok(()),
    };
    let mut texts = Lines::default();
    let mut plans = Vec::new();
    for service in &services.each {
        let Service {
            arguments: build,
            config,
            workspace,
            ..
        } = service;
        let workspace = workspace.clone();
        let workspace = workspace.expect("`plan` has no --from-publish");
        let layers = layer_options(build, &session.engines, process)?;
        let allowed = allowed(&session.granted, service, &workspace);
        let request = project(workspace, build, config, process, (&written, &layers), ui)?;
        let request = ProjectRequest { allowed, ..request };
        let plan = plan_project(&context, &request)?;
        if let Some(file) = &arguments.why {
            let of = (services.len() > 1).then_some(&*plan.inputs.project);
            texts.add(why(file, &plan, &request.workspace.root, process, of));
        } else if arguments.json {
            plans.push(to_json(&plan));
        } else {
            let found = chosen(&request.toolchain, &request.sdk);
            let text = text(&plan, &request.workspace.root, &found);
            texts.add_gap();
            texts.append(&text);
        }
    }
    if arguments.why.is_some() || !arguments.json {
        return out(&texts);
    }
    // One project's plan is as it always was.
    let json = match plans.len() {
        1 => plans.remove(0),
        _ => json!({ "schema": 1, "projects": plans }),
    };
    out_json(&json)
}

/// Adds one line for each setting: its name, its value, where it came from.
fn add_settings(text: &mut Lines, config: &Config, settings: &[Setting]) {
    let mut lines: Vec<[String; 3]> = settings
        .iter()
        .map(|setting| {
            let Setting {
                name,
                value,
                origin,
            } = setting.clone();
            [name, value, origin]
        })
        .collect();
    lines.extend(other_settings(config));
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or_default().min(40)
    };
    let (name_width, value_width) = (width(0), width(1));
    for [name, value, origin] in &lines {
        text.add(format_args!(
            "{name:name_width$}  {value:value_width$}  {origin}"
        ));
    }
}

fn text(plan: &ProjectPlan, root: &Path, found: &str) -> Lines {
    let mut text = Lines::default();
    text.add(format_args!(
        "project    {} in {}",
        plan.inputs.project,
        root.display()
    ));
    text.add(format_args!("SDK        {found}"));
    text.add(format_args!("stage      {}", plan.inputs.stage));
    text.add(format_args!("files      {}", plan.inputs.files.len()));
    for oddity in &plan.oddities {
        text.add(format_args!("caution    {oddity}"));
    }
    for (name, value) in &plan.inputs.layers {
        text.add(format_args!("layers     {name} {value}"));
    }
    if let Some(tailored) = plan.tailored {
        text.add(format_args!("layers     {tailored}"));
    }
    for StepPlan { step, key, runs } in &plan.steps {
        let key = key.map_or_else(|| "after restore".to_owned(), |key| key.to_string());
        let verdict = if runs.is_some() { "runs" } else { "reused" };
        text.add(format_args!("{:<10} {verdict:<7} {key}", step.as_str()));
        for reason in runs.iter().flatten() {
            text.add(format_args!("  {reason}"));
        }
    }
    text
}

fn to_json(plan: &ProjectPlan) -> serde_json::Value {
    let steps = plan.steps.iter().map(|step| {
        let reasons = step.runs.iter().flatten().map(ToString::to_string);
        json!({
            "step": step.step.as_str(),
            "key": step.key,
            "outcome": if step.runs.is_some() { "run" } else { "hit" },
            "changed": reasons.collect::<Vec<_>>(),
        })
    });
    json!({
        "schema": 1,
        "steps": steps.collect::<Vec<_>>(),
        "tailored": plan.tailored,
        "oddities": plan.oddities,
        "facts": plan.inputs,
    })
}

fn why(
    file: &Path,
    plan: &ProjectPlan,
    root: &Path,
    process: &Process,
    of: Option<&str>,
) -> String {
    let absolute = process.absolute(file);
    // A file that is not there has no resolved path; its folder has.
    let resolved = absolute
        .parent()
        .and_then(|folder| fs_err::canonicalize(folder).ok());
    let resolved = resolved
        .zip(absolute.file_name())
        .map(|(folder, name)| folder.join(name));
    let absolute = resolved.unwrap_or(absolute);
    let path = absolute
        .strip_prefix(root)
        .unwrap_or(&absolute)
        .to_string_lossy()
        .into_owned();
    let (role, fact) = match plan.role_of(&path) {
        FileRole::Restore(fact) => ("an input of restore and of publish", fact),
        FileRole::Publish(fact) => ("an input of publish", fact),
        FileRole::NotStaged => {
            let of = of_project(of);
            return if fs_err::symlink_metadata(&absolute).is_err() {
                format!("{path}: does not exist; whether a build would read it is not known")
            } else if absolute.starts_with(root) {
                format!("{path}: not an input{of}; it is left out of the stage")
            } else {
                let role = outside(&plan.outside_file(&absolute, root));
                format!("{path}: not an input{of}; {role}")
            };
        }
    };
    let fact = match fact {
        FileInput::File(digest) => digest.to_string(),
        FileInput::Program(digest) => format!("{digest}, executable"),
        FileInput::Link(target) => format!("a link to {target}"),
        FileInput::Folder => "an empty folder".to_owned(),
    };
    format!("{path}: {role}{} ({fact})", of_project(of))
}

fn outside(file: &OutsideFile) -> String {
    let why = match file {
        OutsideFile::OfTheSystem => {
            "every stage shows it where it is, and publish's key has it if publish looks at it"
        }
        OutsideFile::LookedFor(unshown) => return unshown.to_string(),
        OutsideFile::NotLookedFor => {
            "it is outside the workspace, where no stage shows it, and publish did not look for it"
        }
        OutsideFile::Unknown => {
            "it is outside the workspace, where no stage shows it; whether plain `dotnet publish` would \
             read it is not known, for publish has not run like this, or could not be watched"
        }
    };
    why.to_owned()
}

fn of_project(of: Option<&str>) -> String {
    of.map_or_else(String::new, |project| format!(" of `{project}`"))
}

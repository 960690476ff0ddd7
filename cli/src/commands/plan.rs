use super::plan_inputs;
use super::plan_why::Why;
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
    Context, ProjectPlan, ProjectRequest, StepPlan, plan_project, plan_with_looks,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Prints what `build` would do and why, without doing it: starts nothing, sends nothing
#[derive(clap::Args, Debug)]
pub(crate) struct PlanArgs {
    /// Say which steps look at this file, how, and since when that is known
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "inputs"])]
    pub(crate) why: Option<PathBuf>,

    /// Print every path that restore and publish are known to look up, and how
    #[arg(long, conflicts_with = "config")]
    pub(crate) inputs: bool,

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
    let executor = stage(store, services.common())?;
    let context = Context {
        stage_root: executor.root(),
        executor: &executor,
        store: store.clone(),
        records: session.records()?,
        reporter: ui,
        observations: &session.observations,
        cancel: session.cancel.clone(),
        preflight: &|| Ok(()),
    };
    let mut texts = Lines::default();
    let mut plans = Vec::new();
    let mut why: Option<Why> = None;
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
        let request = project(
            workspace,
            build,
            config,
            (&session, ui),
            (&written, &layers),
        )?;
        let request = ProjectRequest { allowed, ..request };
        let root = &request.workspace.root;
        if let Some(file) = &arguments.why {
            let why = why.get_or_insert_with(|| Why::new(file, process, request.now));
            why.add(&plan_with_looks(&context, &request)?, root, store)?;
            continue;
        }
        if arguments.inputs {
            let plan = plan_with_looks(&context, &request)?;
            plan_inputs::add(&mut texts, &plan, request.now);
            plans.push(plan_inputs::json(&plan, request.now));
            continue;
        }
        let plan = plan_project(&context, &request)?;
        if arguments.json {
            plans.push(to_json(&plan));
        } else {
            let found = chosen(&request.toolchain, &request.sdk);
            let text = text(&plan, root, &found);
            texts.add_gap();
            texts.append(&text);
        }
    }
    // The session of a plan is silent.
    let ui = Ui::of(&arguments.build.output, process);
    ui.warn_all(&session.records()?.take_told());
    drop(ui);
    if let Some(why) = why {
        return if arguments.json {
            out_json(&why.json())
        } else {
            out(&why.lines())
        };
    }
    if !arguments.json {
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
    text.add(match &plan.not_watched {
        None => "watched    yes".to_owned(),
        Some(why) => format!("watched    no: {why}; a change of any staged file runs both steps"),
    });
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
        "notWatched": plan.not_watched,
        "tailored": plan.tailored,
        "oddities": plan.oddities,
        "facts": plan.inputs,
    })
}

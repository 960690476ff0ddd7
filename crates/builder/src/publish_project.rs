use crate::inputs::staged::read;
use crate::inputs::told::Told;
use crate::publish_each::EachPlatform;
use crate::records::stored_records::StoredRecords;
use crate::report::Event;
use crate::result::app::App;
use crate::steps::carry_out::Steps;
use crate::{BuildError, Context, ProjectRequest, cache_check};
use mizzen_stage::StageError;
use std::time::Instant;
use tracing::debug_span;

/// How often a workspace that changes under the build is read again.
const ATTEMPTS: usize = 3;

/// Turns a project into layers: reads the workspace, looks for what is known, runs the rest.
///
/// A hit starts no process and makes no layer.
///
/// # Errors
/// [`BuildError`]; nothing of a failed step is kept.
pub fn publish_project(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let _span = debug_span!("project", path = request.workspace.project).entered();
    let result = publish_steady(context, request);
    context.observations.save(&context.store)?;
    for text in context.store.take_healed() {
        context.reporter.event(&Event::Note(&text));
    }
    result
}

fn publish_steady(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let mut attempt = 1;
    loop {
        match publish_once(context, request) {
            Err(BuildError::Stage(error @ StageError::Changed(_))) if attempt == ATTEMPTS => {
                return Err(BuildError::Unsteady(error));
            }
            Err(BuildError::Stage(StageError::Changed(file))) => {
                let note = format!(
                    "`{}` changed while it was read; reading the workspace again",
                    file.display()
                );
                context.reporter.event(&Event::Note(&note));
                context.store.mistook(&file);
                context.observations.forget();
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Publishes it as the workspace is now.
fn publish_once(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let started = Instant::now();
    let mut staged = read(context, request)?;
    let mut calls_in_vain = 0;
    if let Some(each) = EachPlatform::known(&staged)? {
        let app = each.publish(context, request, publish_once)?;
        if each.is_confirmed(&app, request) {
            return Ok(app);
        }
        calls_in_vain = app.dotnet_calls;
        EachPlatform::keep(None, &staged)?;
    }
    let volatile = request.policy.volatile;
    let mut told = Told::default();
    staged.observed.dependencies.check(volatile)?;
    told.tell(&staged.observed.dependencies, volatile, context.reporter);
    let records = StoredRecords::of(&staged);
    let mut steps = Steps::new(&mut staged, &records, started);
    let result = steps.carry_out();
    let calls = steps.dotnet_calls();
    // What restore told of packages.
    told.tell(&staged.observed.dependencies, volatile, context.reporter);
    let mut app = match result {
        Err(error) => {
            let Some(each) = EachPlatform::instead_of(&error, request) else {
                return Err(error);
            };
            let mut app = each.publish(context, request, publish_once)?;
            if !each.is_as_before(&app) {
                return Err(error);
            }
            EachPlatform::keep(Some(&each), &staged)?;
            app.dotnet_calls += calls;
            return Ok(app);
        }
        Ok(app) => app,
    };
    if request.check_cache {
        // Both steps are to run, where a hit has asked for no rung yet.
        staged.settle_sdk()?;
        app.dotnet_calls += cache_check::check(&staged, &records, &app)?;
    }
    records.check()?;
    app.dotnet_calls += calls_in_vain;
    Ok(app)
}

use crate::app::App;
use crate::records::Known;
use crate::report::Event;
use crate::staged::read;
use crate::steps::Steps;
use crate::{BuildError, Context, ProjectRequest, cache_check};
use mizzen_stage::StageError;
use std::time::Instant;

/// How often a workspace that changes under the build is read anew.
const ATTEMPTS: usize = 3;

/// Turns a project into layers: reads the workspace, looks for what is known, runs the rest.
///
/// A hit starts no process and makes no layer.
///
/// # Errors
/// [`BuildError`]; nothing of a failed step is kept.
pub fn publish_project(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let result = publish_steady(context, request);
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
                attempt += 1;
            }
            result => return result,
        }
    }
}

fn publish_once(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let started = Instant::now();
    let mut staged = read(context, request)?;
    let volatile = request.policy.volatile;
    staged.odd.check(volatile)?;
    staged.odd.tell(volatile, context.reporter);
    let known = Known::of(&staged);
    let skip = staged.skip();
    let result = Steps::new(&mut staged, &known, started).carry_out(skip);
    // What restore told of packages.
    staged.odd.tell(volatile, context.reporter);
    let mut app = result?;
    if request.check_cache {
        app.dotnet_calls += cache_check::check(&staged, &known, &app)?;
    }
    known.check()?;
    Ok(app)
}

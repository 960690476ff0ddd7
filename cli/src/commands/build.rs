use crate::building::arguments::BuildArgs;
use crate::building::deliver::{Tools, deliver};
use crate::building::results::{self, Results};
use crate::building::service_image::service_image;
use crate::building::services::Services;
use crate::building::sharing::share;
use crate::building::summary;
use crate::consent::open_build_session;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::Ui;
use std::time::Instant;

/// How many damaged files one build heals: all that a cache may have, unless its disk goes on
/// damaging what is written.
const HEALINGS: usize = 100;

/// Builds, and says what was made.
pub(crate) fn run(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let ui = || Ui::of(&arguments.output, invocation.process);
    let made = build(arguments, invocation, &ui, |results, ui| {
        summary::done(ui, results, invocation.process);
        results::print(results)
    });
    made?.map_or(Ok(()), Err)
}

/// Builds, and builds again when a blob of the cache turned out to be damaged where it was needed:
/// it is gone then, and what it held is made again. `tell` says what was made, on the screen of `ui`. Returns why
/// not all was made that should be.
///
/// # Errors
/// Nothing was made, or it cannot be said.
pub(crate) fn build(
    arguments: &BuildArgs,
    invocation: &Invocation<'_>,
    ui: &dyn Fn() -> Ui,
    tell: impl Fn(&Results, &Ui) -> Result<(), CommandError>,
) -> Result<Option<CommandError>, CommandError> {
    let mut has_shared_caches = true;
    for _ in 0..HEALINGS {
        match build_once((arguments, invocation), ui(), &tell, has_shared_caches) {
            Err(error) if error.healed().is_some() => {
                let healed = error.healed().unwrap_or_default();
                ui().note(&format!("{healed}; building again"));
                // One that names what it does not have is not asked twice.
                has_shared_caches = false;
            }
            result => return result,
        }
    }
    build_once((arguments, invocation), ui(), &tell, false)
}

/// Builds images and brings them where the user wants them.
///
/// What can be known to be wrong before the long part fails before it: destinations, the project,
/// the SDK, a base that was named.
fn build_once(
    (arguments, invocation): (&BuildArgs, &Invocation<'_>),
    ui: Ui,
    tell: &dyn Fn(&Results, &Ui) -> Result<(), CommandError>,
    has_shared_caches: bool,
) -> Result<Option<CommandError>, CommandError> {
    let started = Instant::now();
    let services = Services::find(arguments, invocation)?;
    let arguments = services.common();
    let process = invocation.process;
    let mut session = open_build_session(invocation, &services, ui)?;
    if !has_shared_caches {
        session.shared_places.from.clear();
    }
    let ui = &session.ui;
    services.tell(ui);
    session.store()?;
    let tools = Tools {
        session: &session,
        written: services.destinations(process)?,
    };
    let mut images = deliver(&services, &tools, service_image);
    if images
        .failure
        .as_ref()
        .is_none_or(|error| !error.is_interruption())
    {
        share(&session, &images.delivered)?;
    }
    let results = Results {
        images: std::mem::take(&mut images.delivered),
        shared: session.records()?.counts(),
        took: started.elapsed(),
    };
    let is_damaged = |error: &CommandError| error.healed().is_some();
    let is_final = |error: &CommandError| results.images.is_empty() || is_damaged(error);
    if let Some(error) = images.failure.take_if(|error| is_final(error)) {
        return Err(error);
    }
    results::write(&results, arguments, process)?;
    tell(&results, ui)?;
    Ok(images.failure)
}

use crate::building::arguments::BuildArgs;
use crate::building::deliver::{Tools, deliver};
use crate::building::results::{self, Results};
use crate::building::service_image::service_image;
use crate::building::services::Services;
use crate::building::summary;
use crate::consent::open_build_session;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::Ui;
use std::time::Instant;

/// How many damaged files one build heals: all that a cache may have, unless its disk goes on
/// damaging what is written.
const HEALINGS: usize = 100;

/// Builds, and builds again when a blob of the cache turned out to be damaged where it was needed:
/// it is gone then, and what it held is made again.
pub(crate) fn run(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    for _ in 0..HEALINGS {
        match build(arguments, invocation) {
            Err(error) if error.healed().is_some() => {
                let healed = error.healed().unwrap_or_default();
                Ui::of(&arguments.output, invocation.process)
                    .note(&format!("{healed}; building again"));
            }
            result => return result,
        }
    }
    build(arguments, invocation)
}

/// Builds images and brings them where the user wants them.
///
/// What can be known to be wrong before the long part fails before it: destinations, the project,
/// the SDK, a base that was named.
fn build(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let started = Instant::now();
    let services = Services::find(arguments, invocation)?;
    let arguments = services.common();
    let process = invocation.process;
    let session = open_build_session(invocation, &services, Ui::of(&arguments.output, process))?;
    let ui = &session.ui;
    services.tell(ui);
    session.store()?;
    let tools = Tools {
        session: &session,
        written: services.destinations(process)?,
    };
    let mut images = deliver(&services, &tools, service_image);
    let results = Results {
        images: std::mem::take(&mut images.delivered),
        took: started.elapsed(),
    };
    let is_damaged = |error: &CommandError| error.healed().is_some();
    let is_final = |error: &CommandError| results.images.is_empty() || is_damaged(error);
    if let Some(error) = images.failure.take_if(|error| is_final(error)) {
        return Err(error);
    }
    results::write(&results, arguments, process)?;
    summary::done(ui, &results, process);
    results::print(&results)?;
    images.failure.map_or(Ok(()), Err)
}

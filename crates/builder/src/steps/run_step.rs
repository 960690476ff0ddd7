//! How a step is run, whether what it gives is to be kept or to be compared.

use crate::BuildError;
use crate::inputs::staged::Staged;
use crate::records::restore_record::RestoreRecord;
use crate::steps::publish_step::{self, PublishRun, Shortcuts};
use crate::steps::restore_step::{self, RestoreRun};
use mizzen_plan::MissReason;

/// Runs restore, because of `reasons`; `starts` is called when nothing is in its way.
///
/// # Errors
/// [`BuildError::Offline`] if it needs a network that it may not have, else as
/// [`restore`](restore_step::restore).
pub(crate) fn run_restore(
    staged: &Staged<'_>,
    reasons: &[MissReason],
    starts: impl FnOnce(),
) -> Result<RestoreRun, BuildError> {
    let offline = |messages| BuildError::Offline {
        reasons: reasons.to_vec(),
        messages,
    };
    let is_offline = staged.request.offline;
    // Feeds that are folders are not a network; but on the lowest rung nothing keeps restore from one.
    if is_offline
        && staged
            .context
            .executor
            .capabilities()?
            .leaves_the_machine_open()
    {
        return Err(offline(Vec::new()));
    }
    begin(staged, starts)?;
    match restore_step::restore(staged) {
        Err(error) if is_offline && error.is_about_packages() => {
            Err(offline(error.into_messages()))
        }
        result => result,
    }
}

/// Runs publish over what restore gave, with these `shortcuts`; `starts` is called when nothing is in its way.
///
/// # Errors
/// As [`publish`](publish_step::publish).
pub(crate) fn run_publish(
    staged: &Staged<'_>,
    restored: &RestoreRecord,
    shortcuts: Shortcuts,
    starts: impl FnOnce(),
) -> Result<PublishRun, BuildError> {
    begin(staged, starts)?;
    publish_step::publish(staged, restored, shortcuts)
}

/// Begins a step unless somebody asked to stop, or it would be in vain.
fn begin(staged: &Staged<'_>, starts: impl FnOnce()) -> Result<(), BuildError> {
    staged.context.cancel.check()?;
    (staged.context.preflight)().map_err(BuildError::Preflight)?;
    starts();
    Ok(())
}

#[cfg(test)]
mod tests;

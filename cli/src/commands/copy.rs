use crate::Process;
use crate::args::CopyArgs;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::transfer::transfer;

/// Brings an image from a registry to a registry; what the target has or can mount stays where it
/// is.
pub(crate) fn run(
    arguments: &CopyArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let from = Destination::reference(&arguments.from)?;
    let to = Destination::tag(&arguments.to)?;
    transfer(&from, &to, &arguments.common, process, interrupt)
}

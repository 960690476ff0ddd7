use crate::Process;
use crate::args::PullArgs;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::transfer::transfer;

/// Brings an image from a registry to disk.
pub(crate) fn run(
    arguments: &PullArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let from = Destination::reference(&arguments.reference)?;
    let to = Destination::output(&arguments.destination, process)?;
    transfer(&from, &to, &arguments.common, process, interrupt)
}

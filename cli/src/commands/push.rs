use crate::Process;
use crate::args::PushArgs;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::transfer::transfer;

/// Brings an image from disk to a registry.
pub(crate) fn run(
    arguments: &PushArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let from = Destination::base(&arguments.source, process)?;
    if matches!(from, Destination::Registry(_)) {
        let text = format!("`{}` is no image on disk", arguments.source);
        return Err(CommandError::usage(text).hinted(
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE; from registry to registry, use copy",
        ));
    }
    let to = Destination::tag(&arguments.reference)?;
    transfer(&from, &to, &arguments.common, process, interrupt)
}

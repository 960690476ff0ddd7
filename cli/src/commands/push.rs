use crate::destination::Destination;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::transfer::{TransferArgs, transfer};

/// Brings an image from disk to a registry, as it is; prints what it is called there
#[derive(clap::Args, Debug)]
pub(crate) struct PushArgs {
    /// oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) source: String,

    /// registry/repository[:tag]
    pub(crate) reference: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// Brings an image from disk to a registry.
pub(crate) fn run(arguments: &PushArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let from = Destination::base(&arguments.source, invocation.process)?;
    if matches!(from, Destination::Registry(_)) {
        let text = format!("`{}` is no image on disk", arguments.source);
        return Err(CommandError::usage(text).hinted(
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE; from registry to registry, use copy",
        ));
    }
    let to = Destination::tag(&arguments.reference)?;
    transfer(&from, &to, &arguments.common, invocation)
}

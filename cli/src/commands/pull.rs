use crate::error::CommandError;
use crate::places::{ImageSource, ImageTarget};
use crate::session::Invocation;
use crate::transfer::{TransferArgs, transfer};

/// Copies an image from a registry to disk, as it is; prints what it is called there
#[derive(clap::Args, Debug)]
pub(crate) struct PullArgs {
    /// registry/repository[:tag][@digest]
    pub(crate) reference: String,

    /// oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) destination: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// Copies an image from a registry to disk.
pub(crate) fn run(arguments: &PullArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let from = ImageSource::reference(&arguments.reference)?;
    let to = ImageTarget::output(&arguments.destination, invocation.process)?;
    transfer(&from, &to, &arguments.common, invocation)
}

use crate::error::CommandError;
use crate::places::{ImageSource, ImageTarget};
use crate::session::Invocation;
use crate::transfer::{TransferArgs, transfer};

/// Copies an image from a registry to a registry, as it is; moves only what the target lacks and
/// cannot mount
#[derive(clap::Args, Debug)]
pub(crate) struct CopyArgs {
    /// registry/repository[:tag][@digest]
    pub(crate) from: String,

    /// registry/repository[:tag]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// Copies an image from a registry to a registry; what the target has or can mount stays where it
/// is.
pub(crate) fn run(arguments: &CopyArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let from = ImageSource::reference(&arguments.from)?;
    let to = ImageTarget::tag(&arguments.to)?;
    transfer(&from, &to, &arguments.common, invocation)
}

use crate::error::CommandError;
use crate::places::{ImageSource, ImageTarget};
use crate::session::Invocation;
use crate::transfer::{TransferArgs, transfer};

/// Copies an image from disk to a registry or into an engine, unchanged; prints its name there
#[derive(clap::Args, Debug)]
pub(crate) struct PushArgs {
    /// oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) source: String,

    /// registry/repository[:tag], docker:NAME[:TAG] or podman:NAME[:TAG]
    pub(crate) reference: String,

    #[command(flatten)]
    pub(crate) common: TransferArgs,
}

/// Copies an image from disk to a registry.
pub(crate) fn run(arguments: &PushArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let from = ImageSource::parse(&arguments.source, invocation.process)?;
    if from.in_registry().is_some() {
        let text = format!("`{}` is not an image on disk", arguments.source);
        return Err(CommandError::usage(text).hinted(
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE; from registry to registry, use copy",
        ));
    }
    let to = ImageTarget::tag_or_engine(&arguments.reference)?;
    transfer(&from, &to, &arguments.common, invocation)
}

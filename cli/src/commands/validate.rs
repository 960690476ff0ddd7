use crate::consent::open_session;
use crate::error::CommandError;
use crate::places::opened::{ImageArg, Opened};
use crate::session::Invocation;
use crate::ui::Ui;
use mizzen_image::{validate, validate_all};

/// Checks every digest, size, media type and rule of the specs; says nothing if all hold
#[derive(clap::Args, Debug)]
pub(crate) struct ValidateArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// Checks every digest, size, media type and rule of the specs; says nothing if all hold.
pub(crate) fn run(
    arguments: &ValidateArgs,
    invocation: &Invocation<'_>,
) -> Result<(), CommandError> {
    let cache_dir = arguments.common.cache_dir.as_deref();
    let session = open_session(invocation, Ui::silent(), cache_dir)?.reading();
    let opened = Opened::open(&arguments.image, &arguments.common, &session)?;
    let result = match &arguments.common.platform {
        Some(platform) => validate(&opened.image()?, Some(platform)),
        None => validate_all(&opened.read()?),
    };
    result
        .map_err(|defects| CommandError::check(format!("`{}` is not valid", opened.name), &defects))
}

use crate::Process;
use crate::args::ValidateArgs;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::opened::Opened;
use mizzen_image::{validate, validate_all};

/// Checks every digest, size, media type and rule of the specs; says nothing if all hold.
pub(crate) fn run(
    arguments: &ValidateArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let opened = Opened::open(&arguments.image, &arguments.common, process, interrupt)?;
    let result = match &arguments.common.platform {
        Some(platform) => validate(opened.image()?, Some(platform)),
        None => validate_all(&opened.what),
    };
    result
        .map_err(|defects| CommandError::check(format!("`{}` is not sound", opened.name), &defects))
}

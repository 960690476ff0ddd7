//! The verbs: one file each.

mod base;
mod build;
mod results;

pub(crate) use results::Results;

use crate::Process;
use crate::args::{Args, Command};
use crate::error::CommandError;
use crate::interrupt::Interrupt;

/// Runs the verb that the user asked for.
pub(crate) fn run(
    arguments: &Args,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    match &arguments.command {
        Command::Build(arguments) => build::run(arguments, process, interrupt),
    }
}

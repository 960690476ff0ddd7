//! The verbs: one file each.

mod build;
mod cache;
mod copy;
mod diff;
mod inspect;
mod lock;
mod login;
mod package_diff;
mod plan;
mod pull;
mod push;
mod validate;

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
        Command::Plan(arguments) => plan::run(arguments, process, interrupt),
        Command::Lock(arguments) => lock::run(arguments, process, interrupt),
        Command::Cache(arguments) => cache::run(arguments, process, interrupt),
        Command::Inspect(arguments) => inspect::run(arguments, process, interrupt),
        Command::Diff(arguments) => diff::run(arguments, process, interrupt),
        Command::Validate(arguments) => validate::run(arguments, process, interrupt),
        Command::Push(arguments) => push::run(arguments, process, interrupt),
        Command::Pull(arguments) => pull::run(arguments, process, interrupt),
        Command::Copy(arguments) => copy::run(arguments, process, interrupt),
        Command::Login(arguments) => login::run(arguments, process, interrupt),
        Command::Logout(arguments) => login::logout(arguments, process),
    }
}

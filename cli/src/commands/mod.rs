//! The verbs: one file each.

mod base;
mod base_choice;
mod build;
mod build_options;
mod cache;
mod copy;
mod diff;
mod images;
mod inspect;
mod lock;
mod login;
mod opened;
mod package_diff;
mod plan;
mod project;
mod project_image;
mod pull;
mod push;
mod push_check;
mod ready;
mod results;
mod services;
mod symbols;
mod transfer;
mod validate;

pub(crate) use results::{Built, Results};
pub(crate) use services::Services;

use crate::Process;
use crate::args::{Args, BuildArgs, Command};
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::ui::Ui;
use std::io::{self, Write};

/// Runs the verb that the user asked for.
pub(crate) fn run(
    arguments: &Args,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    match &arguments.command {
        Command::Build(arguments) => build(arguments, process, interrupt),
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

/// How many damaged files one build heals: all that a cache may have, unless its disk goes on
/// damaging what is written.
const HEALINGS: usize = 100;

/// Builds, and builds again when a blob of the cache turned out to be damaged where it was needed:
/// it is gone then, and what it held is made anew.
fn build(
    arguments: &BuildArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    for _ in 0..HEALINGS {
        match build::run(arguments, process, interrupt) {
            Err(error) if error.healed().is_some() => {
                let healed = error.healed().unwrap_or_default();
                Ui::of(&arguments.output, process).note(&format!("{healed}; building again"));
            }
            result => return result,
        }
    }
    build::run(arguments, process, interrupt)
}

/// Prints data on stdout.
fn out(text: &str) -> Result<(), CommandError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| CommandError::local("stdout cannot be written", &error)),
    }
}

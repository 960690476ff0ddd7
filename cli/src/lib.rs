//! The command line: reads what the user says and has configured, and hands it to the libraries.
//!
//! Only this crate knows the environment, the home and working folders, the terminal and the clock.
//! One verb, one file in `commands/`; what `build`, `plan` and `lock` have in common is in `building/`.

mod building;
mod commands;
mod config;
mod consent;
mod error;
mod hints;
mod init;
mod interrupt;
mod keychain;
mod migrate;
mod places;
mod process;
mod refusals;
mod session;
mod transfer;
mod ui;

pub use process::Process;

use clap::FromArgMatches;
use error::CommandError;
use std::process::ExitCode;

/// Runs the command line of `process` and returns its exit code, by the contract.
pub fn run(process: &Process) -> ExitCode {
    ui::tame_panics();
    let command = commands::command();
    let words = commands::spelled_out(&process.arguments);
    let arguments = commands::for_words(&command, &words).try_get_matches_from(&words);
    let arguments = arguments.and_then(|matches| commands::Args::from_arg_matches(&matches));
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => return usage(&commands::with_nearest(error, &command, &words)),
    };
    let json = arguments.is_for_machines();
    if let Err(error) = ui::start_log(process, json) {
        return say(&error, None, json, process);
    }
    let interrupt = match interrupt::Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            let error = CommandError::bug("cannot listen for signals", error);
            return say(&error, None, json, process);
        }
    };
    let invocation = session::Invocation {
        process,
        cancel: interrupt.cancel.clone(),
        command,
        words,
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        commands::run(&arguments, &invocation)
    }));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => say(&error, interrupt.exit_code(), json, process),
        Err(_) => say(
            &CommandError::panicked(),
            interrupt.exit_code(),
            json,
            process,
        ),
    }
}

fn usage(error: &clap::Error) -> ExitCode {
    // Help and version are data; clap prints them on stdout, and its errors on stderr.
    ui::usage(error);
    if error.use_stderr() {
        ExitCode::from(error::USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Says why it failed: as the last lines on stderr, or as the last object.
fn say(error: &CommandError, interrupted: Option<u8>, json: bool, process: &Process) -> ExitCode {
    let code = match interrupted {
        Some(code) if error.is_interruption() => code,
        _ => error.exit_code(),
    };
    if json {
        ui::err_json(&error.to_json(code));
    } else {
        ui::err(&error.lines(), ui::Colours::of(process));
    }
    ExitCode::from(code)
}

use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::out_own;
use clap_complete::{Shell, generate};

/// Prints a script that completes verbs and options
#[derive(clap::Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell that reads it
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(
    arguments: &CompletionsArgs,
    invocation: &Invocation<'_>,
) -> Result<(), CommandError> {
    let mut script = Vec::new();
    let mut command = invocation.command.clone();
    generate(arguments.shell, &mut command, "mizzen", &mut script);
    out_own(&String::from_utf8_lossy(&script))
}

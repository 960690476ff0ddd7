//! The `mizzen` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let process = mizzen::Process::current();
    // Before anything starts a thread.
    mizzen_stage::play_part(&process.arguments).unwrap_or_else(|| mizzen::run(&process))
}

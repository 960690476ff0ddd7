//! The `mizzen` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mizzen::run(&mizzen::Process::current())
}

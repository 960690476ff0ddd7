use crate::error::CommandError;
use std::io::{self, Write};

/// Prints data on stdout.
pub(crate) fn out(text: &str) -> Result<(), CommandError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| CommandError::local("stdout cannot be written", &error)),
    }
}

//! The one way to stdout and to stderr: what is said goes through [`Lines`], what is told to
//! machines through JSON that shows no control character either.

use super::colours::Colours;
use super::lines::{Lines, escaped_json, is_plain, write_pretty};
use crate::error::CommandError;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

const MANY_BYTES: usize = 1 << 16;

/// Prints data on stdout.
pub(crate) fn out(lines: &Lines) -> Result<(), CommandError> {
    print(lines.as_str())
}

/// Prints a text of mizzen's own, in which nothing comes from outside: a script, a page of the manual.
pub(crate) fn out_own(text: &str) -> Result<(), CommandError> {
    print(text)
}

/// Prints the lines, and takes them away, as soon as they are many: more will be added.
pub(crate) fn out_many(lines: &mut Lines) -> Result<(), CommandError> {
    if lines.as_str().len() < MANY_BYTES {
        return Ok(());
    }
    out(&std::mem::take(lines))
}

/// Prints one line of data on stdout.
pub(crate) fn out_line(line: impl std::fmt::Display) -> Result<(), CommandError> {
    let mut lines = Lines::default();
    lines.add(line);
    out(&lines)
}

/// Prints data as JSON on stdout.
pub(crate) fn out_json(value: &impl Serialize) -> Result<(), CommandError> {
    #[expect(clippy::disallowed_methods, reason = "the one way to stdout")]
    printed(write_pretty(value, io::stdout().lock()))
}

/// Prints a document of JSON on stdout as it is, but for characters that do something to a terminal.
pub(crate) fn out_document(bytes: &[u8]) -> Result<(), CommandError> {
    let text = String::from_utf8_lossy(bytes);
    print(&(escaped_json(text.trim_end()) + "\n"))
}

/// Says something on stderr.
pub(crate) fn err(lines: &Lines, colours: Colours) {
    let lines = lines.as_str().lines();
    say(&lines.fold(String::new(), |text, line| {
        text + &colours.paint(line) + "\n"
    }));
}

/// Tells a machine something on stderr.
pub(crate) fn err_json(value: &Value) {
    say(&(escaped_json(&value.to_string()) + "\n"));
}

/// Says what the parser of the command line has to say; help is data. It is in colour where nothing
/// that was given to mizzen can be in the way.
pub(crate) fn usage(error: &clap::Error) {
    let text = error.render().to_string();
    if is_plain(&text) {
        drop(error.print());
        return;
    }
    let mut lines = Lines::default();
    lines.add_text(text);
    err(&lines, Colours::Off);
}

/// Lets a panic say where it was without what it was about, if that would reach into the terminal.
pub(crate) fn tame_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_plain(&panic.to_string()) {
            return usual(panic);
        }
        let mut lines = Lines::default();
        lines.add_text(panic);
        err(&lines, Colours::Off);
    }));
}

fn print(text: &str) -> Result<(), CommandError> {
    #[expect(clippy::disallowed_methods, reason = "the one way to stdout")]
    printed(io::stdout().lock().write_all(text.as_bytes()))
}

fn printed(result: io::Result<()>) -> Result<(), CommandError> {
    match result {
        // A reader that has seen enough is not a failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| CommandError::local("stdout cannot be written", &error)),
    }
}

/// Says on stderr what is escaped already.
pub(super) fn say(text: &str) {
    // A closed terminal is not a reason to stop a build, or to fail in another way.
    #[expect(clippy::disallowed_methods, reason = "the one way to stderr")]
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

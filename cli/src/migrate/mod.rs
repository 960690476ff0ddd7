//! What each instruction of a Dockerfile becomes.

mod image_settings;
mod instruction;
mod line;
mod publish;
mod stages;
mod words;

pub(crate) use line::{Becomes, Line};
pub(crate) use words::quoted;

use parse_dockerfile::Dockerfile;
use stages::Stages;

/// What a Dockerfile becomes.
#[derive(Debug)]
pub(crate) struct Migration {
    /// Each instruction, in the order of the file.
    pub(crate) lines: Vec<Line>,
    /// The words of the command that makes the same image.
    pub(crate) command: Vec<String>,
}

impl Migration {
    /// Reads a Dockerfile.
    ///
    /// # Errors
    /// What the parser does not understand.
    pub(crate) fn of(text: &str) -> Result<Self, parse_dockerfile::Error> {
        let file: Dockerfile<'_> = parse_dockerfile::parse(text)?;
        let stages = Stages::of(&file);
        let mut reader = instruction::Reader::new(text, &stages);
        for (stage, instruction) in Stages::instructions(&file) {
            reader.read(stage, instruction);
        }
        let (lines, command) = reader.finish();
        Ok(Self { lines, command })
    }
}

#[cfg(test)]
mod tests;

use crate::keeper::Keeper;
use crate::place::Place;
use crate::{Action, Rung, StageError, StagedPath};
use mizzen_store::{Cancel, Output};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Runs actions: in a stage on this machine, or on an engine elsewhere.
pub trait Executor {
    /// Runs `action` and gives each line that the command prints to `on_line` as it comes.
    ///
    /// # Errors
    /// [`StageError`] if the command could not be given what it needs, or was interrupted.
    fn run(
        &self,
        action: &Action,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&OutputLine),
    ) -> Result<Outcome, StageError>;

    /// Returns whether the record of an action that ran on the rung `made_on` is as good as what this
    /// executor would make.
    ///
    /// # Errors
    /// [`StageError`] if this executor cannot run anything.
    fn accepts(&self, made_on: Rung) -> Result<bool, StageError>;
}

/// One line that a command printed, or that tells why it does not run yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputLine {
    /// Where it was printed.
    pub stream: Stream,
    /// Its text, without the end of line; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Where a command prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
    /// Nowhere: the executor itself says what it waits for.
    Executor,
}

/// What a command left. Its folders are there until this value is dropped.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` if a signal ended it. Outputs are there only after 0.
    pub exit_code: Option<i32>,
    /// What was stored, by the names that [`OutputSpec`](crate::OutputSpec) gives.
    pub outputs: BTreeMap<String, Output>,
    /// The files behind each `OutputSpec::Changes` and `ChangedPaths`, relative to its folder.
    pub changed: BTreeMap<StagedPath, Vec<StagedPath>>,
    /// Where the stage's root is to be read.
    pub root: PathBuf,
    /// What the command could see of the machine.
    pub rung: Rung,
    /// In this order: the locks go when nothing is left.
    pub(crate) _stage: (Keeper, Place),
}

impl Outcome {
    /// Returns where to read a path of the stage.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

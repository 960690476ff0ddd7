use crate::{Action, Outcome, Rung, StageError};
use mizzen_store::Cancel;

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

    /// Returns what can be said of every action that runs here, before one runs.
    ///
    /// The first call may have to try: ask only if something depends on it.
    ///
    /// # Errors
    /// [`StageError`] if this executor cannot run anything.
    fn capabilities(&self) -> Result<Capabilities, StageError>;

    /// Returns why an action that asks to be watched would not be, as far as that can be told before it
    /// runs; `None` if nothing is in the way.
    ///
    /// # Errors
    /// As [`capabilities`](Self::capabilities).
    fn cannot_watch(&self) -> Result<Option<String>, StageError>;
}

/// What an executor can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// The rung of isolation on which actions run.
    pub rung: Rung,
}

impl Capabilities {
    /// Returns whether a command may reach the network, and `/tmp`, whatever its action says.
    pub fn leaves_the_machine_open(self) -> bool {
        !self.rung.hides_the_machine()
    }
}

/// One line that a command printed, or that tells how far it is.
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
    /// Nowhere: the executor itself says something.
    Executor,
    /// Nowhere: the text says what the command waits for; it is empty when that is over.
    Waiting,
    /// Nowhere: the text is the number of packages that have come into the action's folders of packages.
    Packages,
}

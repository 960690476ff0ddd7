use crate::{Rung, Seen, StageError, StagedPath};
use fs_err as fs;
use mizzen_store::Output;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What a command left.
///
/// The values are there to stay; the files can be read until this value is dropped.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` if a signal ended it. Outputs are there only after 0.
    pub exit_code: Option<i32>,
    /// What was stored, by the names that [`OutputSpec`](crate::OutputSpec) gives.
    pub outputs: BTreeMap<String, Output>,
    /// The files behind each `OutputSpec::Changes` and `ChangedPaths`, relative to its folder.
    pub changed: BTreeMap<StagedPath, Vec<StagedPath>>,
    /// What the command could see of the machine.
    pub rung: Rung,
    /// What its processes looked up.
    pub seen: Seen,
    /// How long it waited for a place before it began.
    pub waited: Duration,
    /// Gives the files of every [`OutputSpec`](crate::OutputSpec), wherever they are; what holds the
    /// stage goes with it.
    pub files: Box<dyn LeftFiles>,
}

/// Files that a command left, for as long as the value lives.
pub trait LeftFiles: Debug {
    /// Returns where on this machine `path` of the stage can be read, a file or a folder. An executor
    /// elsewhere fetches it first. There may be nothing at the path: then the command left nothing.
    ///
    /// # Errors
    /// [`StageError`] if it cannot be fetched.
    fn path(&self, path: &str) -> Result<PathBuf, StageError>;
}

impl Outcome {
    /// Returns where to read an output of the action: see [`LeftFiles::path`].
    ///
    /// # Errors
    /// [`StageError`] if it cannot be fetched.
    pub fn path(&self, path: &str) -> Result<PathBuf, StageError> {
        self.files.path(path)
    }

    /// Returns the bytes of a file that the command left; `None` if it left none.
    ///
    /// # Errors
    /// [`StageError`] if it cannot be fetched or read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StageError> {
        match fs::read(self.path(path)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

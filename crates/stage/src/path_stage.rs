use crate::root::{LockedRoot, claim};
use crate::{Action, Executor, Outcome, OutputLine, StageError};
use crate::{capture, materialize, process};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The lowest rung of the ladder: a copy of the inputs at a canonical path, a scrubbed environment,
/// an empty home. Absolute paths elsewhere and the network stay reachable.
#[derive(Debug)]
pub struct PathStage {
    root: PathBuf,
    store: Arc<Store>,
}

impl PathStage {
    /// Claims the stage's root for this user.
    ///
    /// # Errors
    /// [`StageError::Root`] or [`StageError::Above`] if no sound root can be had.
    pub fn new(store: Arc<Store>) -> Result<Self, StageError> {
        Ok(Self {
            root: claim()?,
            store,
        })
    }

    /// Returns the root: a part of every key, for it ends up in what is built.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Executor for PathStage {
    fn run(
        &self,
        action: &Action,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&OutputLine),
    ) -> Result<Outcome, StageError> {
        let stage = LockedRoot::lock(&self.root, cancel)?;
        materialize::materialize(action, &self.root, &self.store)?;
        let variables = action.environment.iter().chain(&action.secret_environment);
        let folder = self.root.join(&action.working_folder);
        let exit_code = process::run(&action.command, &folder, variables, cancel, on_line)?;
        let (outputs, changed) = match exit_code {
            Some(0) => {
                let captured = capture::capture(action, &self.root, &self.store)?;
                (captured.outputs, captured.changed)
            }
            _ => (BTreeMap::new(), BTreeMap::new()),
        };
        Ok(Outcome {
            exit_code,
            outputs,
            changed,
            root: self.root.clone(),
            _stage: stage,
        })
    }
}

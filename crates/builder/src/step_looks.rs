use crate::inputs::machine_tree::MachineTree;
use crate::{BuildError, ProjectPlan};
use mizzen_plan::{PathSet, Sight, StepName};
use mizzen_store::Store;
use std::path::Path;

/// What is known of the paths that a step looks up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepLooks {
    /// The step.
    pub step: StepName,
    /// What is known.
    pub known: KnownLooks,
}

/// What is known of the paths that a step looks up, and since when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KnownLooks {
    /// It was watched.
    Seen {
        /// What it looked up.
        paths: PathSet,
        /// When, in seconds since 1970; `None` if that was not kept.
        at: Option<u64>,
        /// Whether it ran with the SDK, the options and the packages of today.
        is_of_today: bool,
    },
    /// It ran, and nobody knows what it looked up.
    NotSeen {
        /// Why not.
        why: String,
        /// When it ran, in seconds since 1970.
        at: u64,
    },
    /// It has not run here.
    NeverRan,
}

/// How a step saw one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepSight<'a> {
    /// What is known of the step.
    pub looks: &'a StepLooks,
    /// How it saw the file; `None` if it did not, or nobody knows.
    pub sight: Option<Sight>,
}

impl ProjectPlan {
    /// Returns how each step saw `file`, absolute, which need not be there, in the workspace at `root` or
    /// elsewhere on the machine.
    ///
    /// # Errors
    /// [`BuildError`] if a path that a step looked up is there and cannot be read.
    pub fn sights(
        &self,
        file: &Path,
        root: &Path,
        store: &Store,
    ) -> Result<Vec<StepSight<'_>>, BuildError> {
        let sources = &self.inputs.files;
        let machine = MachineTree::load(store, root)?;
        // No path set names what is not UTF-8.
        let sight = |paths: &PathSet| match file.strip_prefix(root).map(Path::to_str) {
            Ok(Some(inside)) => paths.sight_of_source(inside, sources),
            Ok(None) => Ok(None),
            Err(_) => match file.to_str() {
                Some(file) => paths.sight_on_machine(file, &machine),
                None => Ok(None),
            },
        };
        let mut sights = Vec::new();
        for looks in &self.looks {
            let sight = match &looks.known {
                KnownLooks::Seen { paths, .. } => sight(paths).map_err(BuildError::Read)?,
                KnownLooks::NotSeen { .. } | KnownLooks::NeverRan => None,
            };
            sights.push(StepSight { looks, sight });
        }
        machine.save(store)?;
        Ok(sights)
    }
}

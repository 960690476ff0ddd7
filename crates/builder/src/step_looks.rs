use crate::BuildError;
use crate::inputs::machine_tree::MachineTree;
use crate::records::known_looks::KnownLooks;
use mizzen_plan::{PathSet, Sight, SourceTree, StepName};
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

/// How a step saw one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepSight<'a> {
    /// What is known of the step.
    pub looks: &'a StepLooks,
    /// How it saw the file; `None` if it did not, or nobody knows.
    pub sight: Option<Sight>,
}

impl StepSight<'_> {
    /// Returns how each step of `all` saw `file`, absolute, which need not be there, in the workspace at
    /// `root`, of which `sources` is what was staged, or elsewhere on the machine.
    ///
    /// # Errors
    /// [`BuildError`] if a path that a step looked up is there and cannot be read.
    pub(crate) fn of_each<'a>(
        all: &'a [StepLooks],
        file: &Path,
        (root, sources): (&Path, &SourceTree),
        store: &Store,
    ) -> Result<Vec<StepSight<'a>>, BuildError> {
        let machine = MachineTree::load(store, Path::new("/"), root)?;
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
        for looks in all {
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

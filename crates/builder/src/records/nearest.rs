use mizzen_oci::Digest;
use mizzen_plan::{Inputs, SourceTree, StepName};
use std::collections::BTreeMap;

/// The newest table of inputs of a project, whatever folder its workspace lies in: what a miss is compared
/// with on a machine that has not built the project yet.
///
/// It leaves the machine, so it holds no option: a property of the command line may be a secret.
#[derive(Clone)]
pub(crate) struct Nearest {
    /// The name under which it is kept.
    pub(crate) key: Digest,
    commands: BTreeMap<StepName, Vec<String>>,
    passed: BTreeMap<String, Digest>,
}

impl Nearest {
    /// Returns where the newest table of the project of `inputs` is kept.
    pub(crate) fn of(inputs: &Inputs) -> Self {
        Self {
            key: inputs.slot(""),
            commands: inputs.commands.clone(),
            passed: inputs.passed.clone(),
        }
    }

    /// Returns what is kept of `inputs`.
    pub(crate) fn table(inputs: &Inputs) -> Inputs {
        Inputs {
            commands: BTreeMap::new(),
            passed: BTreeMap::new(),
            ..inputs.clone()
        }
    }

    /// Reads a table to compare `files` with; `None` if it is of another repository, which has a project
    /// of the same name.
    pub(crate) fn read(&self, bytes: &[u8], files: &SourceTree) -> Option<Inputs> {
        let table = Inputs::parse(bytes)?;
        let in_both = table.files.keys().filter(|path| files.contains_key(*path));
        let is_same = 2 * in_both.count() > table.files.len();
        is_same.then(|| Inputs {
            // What is not kept is not told to differ.
            commands: self.commands.clone(),
            passed: self.passed.clone(),
            ..table
        })
    }
}

use crate::inputs::machine_tree::MachineTree;
use crate::inputs::scan::scan_workspace;
use crate::inputs::sdk::toolchain_id;
use crate::inputs::workspace_scan::WorkspaceScan;
use crate::{BuildError, InputRules};
use mizzen_dotnet::{ChosenSdk, Toolchain};
use mizzen_oci::Digest;
use mizzen_store::{Cancel, Store};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the builds of one command have looked at: workspaces, toolchains, the machine. Each is looked at
/// once, however many services of a repository ask, so that all of them are of one state.
///
/// What a step is given is compared with what was seen here as it is copied: a file that has changed by
/// then makes the build begin anew, and everything is looked at again.
#[derive(Default)]
pub struct Observations {
    workspaces: Mutex<Vec<(Asked, Arc<WorkspaceScan>)>>,
    toolchains: Mutex<Vec<(PathBuf, PathBuf, String, Digest)>>,
    machines: Mutex<Vec<(PathBuf, Arc<MachineTree>)>>,
    /// Where a test's machine lies; none is `/`.
    machine_root: Option<PathBuf>,
}

/// What decides about what a scan finds.
#[derive(PartialEq, Eq)]
struct Asked {
    root: PathBuf,
    rules: InputRules,
    ignore: Vec<PathBuf>,
}

impl Observations {
    /// Returns those of a machine of the test's own.
    #[cfg(test)]
    pub(crate) fn of_machine(root: PathBuf) -> Self {
        Self {
            machine_root: Some(root),
            ..Self::default()
        }
    }

    /// Returns where the machine's own paths begin.
    pub(crate) fn machine_root(&self) -> &Path {
        self.machine_root.as_deref().unwrap_or(Path::new("/"))
    }

    /// Returns the workspace at `root` by `rules`, but for `ignore`.
    ///
    /// # Errors
    /// As [`scan_workspace`].
    pub(crate) fn workspace(
        &self,
        root: &Path,
        rules: &InputRules,
        ignore: Vec<PathBuf>,
        (store, cancel): (&Store, &Cancel),
    ) -> Result<Arc<WorkspaceScan>, BuildError> {
        let asked = Asked {
            root: root.to_owned(),
            rules: rules.clone(),
            ignore,
        };
        // Held while it is scanned: who asks meanwhile wants the same.
        let mut known = lock(&self.workspaces);
        if let Some((_, scan)) = known.iter().find(|(of, _)| *of == asked) {
            return Ok(scan.clone());
        }
        let scan = scan_workspace(&asked.root, &asked.rules, &asked.ignore, store, cancel)?;
        let scan = Arc::new(scan);
        known.push((asked, scan.clone()));
        Ok(scan)
    }

    /// Returns what names the bytes of `dotnet` and the SDK.
    ///
    /// # Errors
    /// As [`toolchain_id`].
    pub(crate) fn toolchain(
        &self,
        toolchain: &Toolchain,
        sdk: &ChosenSdk,
        (store, cancel): (&Store, &Cancel),
    ) -> Result<Digest, BuildError> {
        let mut known = lock(&self.toolchains);
        let is_it = |(root, of_sdk, version, _): &&(PathBuf, PathBuf, String, Digest)| {
            (root, of_sdk, version) == (&toolchain.root, &sdk.root, &sdk.version)
        };
        if let Some((.., id)) = known.iter().find(is_it) {
            return Ok(*id);
        }
        let id = toolchain_id(toolchain, sdk, store, cancel)?;
        let (root, version) = (sdk.root.clone(), sdk.version.clone());
        known.push((toolchain.root.clone(), root, version, id));
        Ok(id)
    }

    /// Returns the machine as it was when each path was first asked for, for the workspace at `root`.
    ///
    /// # Errors
    /// [`BuildError::Store`] if the store cannot be read.
    pub(crate) fn machine(
        &self,
        root: &Path,
        store: &Store,
    ) -> Result<Arc<MachineTree>, BuildError> {
        let mut known = lock(&self.machines);
        if let Some((_, machine)) = known.iter().find(|(of, _)| of == root) {
            return Ok(machine.clone());
        }
        let machine = Arc::new(MachineTree::load(store, self.machine_root(), root)?);
        known.push((root.to_owned(), machine.clone()));
        Ok(machine)
    }

    /// Remembers for later commands what was read of the machine.
    ///
    /// # Errors
    /// [`BuildError::Store`] if the store cannot be written.
    pub(crate) fn save(&self, store: &Store) -> Result<(), BuildError> {
        let machines = lock(&self.machines);
        machines
            .iter()
            .try_for_each(|(_, machine)| machine.save(store))
    }

    /// Forgets everything, for something of it is not so any more.
    pub(crate) fn forget(&self) {
        lock(&self.workspaces).clear();
        lock(&self.toolchains).clear();
        lock(&self.machines).clear();
    }
}

fn lock<T>(known: &Mutex<T>) -> MutexGuard<'_, T> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Observations;
    use crate::bench::Bench;
    use mizzen_store::Cancel;
    use std::sync::Arc;

    #[test]
    fn each_thing_is_looked_at_once_until_it_turns_out_to_be_another() {
        let bench = Bench::new();
        let (request, cancel) = (&bench.request, Cancel::default());
        let tools = (&*bench.store, &cancel);
        let seen = Observations::default();
        let root = &request.workspace.root;
        let by = |ignore| seen.workspace(root, &request.inputs, ignore, tools);
        let workspace = || by(Vec::new()).unwrap();
        let toolchain = || {
            seen.toolchain(&request.toolchain, &request.sdk, tools)
                .unwrap()
        };
        let (first, sdk) = (workspace(), toolchain());
        bench.write("shop/New.cs", "new");
        bench.write("dotnet/sdk/10.0.401/new.dll", "new");
        assert!(Arc::ptr_eq(&workspace(), &first));
        assert_eq!(toolchain(), sdk);
        // Other rules find other files.
        let scan = by(vec![root.join("README.md")]).unwrap();
        assert!(!scan.contents.contains_key("README.md"));
        assert!(first.contents.contains_key("README.md"));

        seen.forget();
        assert!(workspace().contents.contains_key("New.cs"));
        assert_ne!(toolchain(), sdk);
    }
}

use crate::BuildError;
use crate::inputs::machine_tree::MachineTree;
use crate::inputs::seen_paths::Zones;
use crate::inputs::staged::Staged;
use mizzen_oci::Digest;
use mizzen_plan::{PathSet, SourceTree, Tree};
use mizzen_stage::{Content, Seen};
use std::collections::BTreeMap;

/// What a publish looked up, and the keys that come of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyedPaths {
    pub(crate) paths: PathSet,
    /// Leads to the paths.
    pub(crate) weak: Digest,
    /// Names the record.
    pub(crate) strong: Digest,
    /// The files of the workspace at those paths, links followed.
    looked_at: Vec<String>,
}

/// Returns what a publish over `resolved`, the blobs that restore gave by name, looked up that began at `began`, in nanoseconds since 1970 by
/// the file system's clock; without it, why no key covers that.
///
/// # Errors
/// [`BuildError::Read`] names a file of the machine that cannot be read.
pub(crate) fn keyed_paths(
    staged: &Staged<'_>,
    resolved: &BTreeMap<String, Digest>,
    seen: &Seen,
    began: i128,
) -> Result<Result<KeyedPaths, String>, BuildError> {
    let seen = match seen {
        Seen::All(seen) => seen,
        Seen::NotWatched(why) => return Ok(Err(format!("publish was not watched: {why}"))),
    };
    let request = staged.request;
    let store = &staged.context.store;
    let machine = MachineTree::load(store, &request.workspace.root)?;
    let sources = SourceTree::new(staged.inputs.workspace_files());
    let mut covered = vec![request.toolchain.root.clone(), request.sdk.root.clone()];
    covered.extend(staged.observed.nuget.mounted.iter().cloned());
    covered.extend(staged.observed.nuget.fallback_folders.iter().cloned());
    let mounted: Vec<_> = staged.observed.mounted().collect();
    let zones = Zones {
        stage_root: staged.stage_root,
        covered: &covered,
        mounted: &mounted,
        sources: &sources,
        machine: &machine,
    };
    let paths = match zones.path_set(seen).map_err(BuildError::Read)? {
        Ok(paths) => paths,
        Err(why) => return Ok(Err(why)),
    };
    let weak = staged.inputs.weak_publish_key(resolved);
    let strong = paths
        .strong_key(&weak, &sources, &machine)
        .map_err(BuildError::Read)?;
    let mut looked_at = Vec::with_capacity(paths.sources.len());
    for path in paths.sources.keys() {
        looked_at.push(sources.look_up(path).map_err(BuildError::Read)?.end);
    }
    let is_steady = !machine.has_changed_since(began);
    machine.save(store)?;
    Ok(if is_steady {
        Ok(KeyedPaths {
            paths,
            weak,
            strong,
            looked_at,
        })
    } else {
        Err("a file of the machine that publish looked up changed meanwhile".to_owned())
    })
}

impl KeyedPaths {
    /// Returns those of `contents` that publish looked at: what else the workspace holds cannot have
    /// become part of what it gave.
    pub(crate) fn among(&self, contents: &BTreeMap<String, Content>) -> BTreeMap<String, Content> {
        let found = self.looked_at.iter().filter_map(|path| {
            let content = contents.get(path)?;
            Some((path.clone(), content.clone()))
        });
        found.collect()
    }
}

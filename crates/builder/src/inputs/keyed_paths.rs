use crate::BuildError;
use crate::inputs::machine_tree::MachineTree;
use crate::inputs::sdk_place::SdkPlace;
use crate::inputs::seen_paths::Zones;
use crate::inputs::staged::Staged;
use mizzen_dotnet::GitReads;
use mizzen_oci::{Digest, canonical_json};
use mizzen_plan::{Answers, PathSet, StepName, Tree};
use mizzen_stage::{Content, Seen};
use mizzen_store::{Output, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the result of a step that has run can be found by, beside the key of everything that was staged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Keyed {
    /// By what it looked up.
    Paths(Box<KeyedPaths>),
    /// By nothing else, for the step was not watched: why.
    NotWatched(String),
    /// Not even by that key: why.
    Never(String),
}

/// What a step looked up, and the keys that come of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyedPaths {
    pub(crate) paths: PathSet,
    /// Leads to the paths.
    pub(crate) weak: Digest,
    /// Names the record.
    pub(crate) strong: Digest,
    /// What the machine answered.
    pub(crate) machine: Answers,
    /// The files of the workspace at those paths, links followed.
    looked_at: Vec<String>,
}

/// The paths that a step looked up, and what they answered to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct LookedUp {
    /// The [`PathSet`].
    pub(crate) paths: Output,
    /// The strong key of it.
    pub(crate) strong: Digest,
}

/// Why nothing was watched where nothing was to be.
pub(crate) const ASKED_NOT_TO: &str = "asked not to";

/// How restore reaches feeds: names of hosts, certificates, whether there is a network. It decides
/// whether packages come, not which, and it is another with every network that a laptop joins.
const WAYS_TO_FEEDS: [&str; 14] = [
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/proc/net",
    "/sys/class/net",
    "/usr/lib/ssl",
    "/usr/share/ca-certificates",
];

/// Returns what `step` is found by that looked up `seen`, led to by `weak`, and began at `began`, in
/// nanoseconds since 1970 by the file system's clock.
///
/// # Errors
/// [`BuildError::Read`] names a file of the machine that cannot be read.
pub(crate) fn keyed_paths(
    staged: &Staged<'_>,
    step: StepName,
    weak: Digest,
    seen: &Seen,
    began: i128,
) -> Result<Keyed, BuildError> {
    let request = staged.request;
    let seen = match seen {
        Seen::All(seen) => seen,
        Seen::NotWatched(why) => {
            let why = if request.policy.watch {
                why
            } else {
                ASKED_NOT_TO
            };
            let unseen = staged.observed.dependencies.read_by(step, request);
            let never = |what| Keyed::Never(format!("{what}, and nothing watched it ({why})"));
            return Ok(unseen.map_or_else(|| Keyed::NotWatched(why.to_owned()), never));
        }
    };
    let store = &staged.context.store;
    let machine = MachineTree::load(
        store,
        staged.context.observations.machine_root(),
        &request.workspace.root,
    )?;
    let sources = &staged.inputs.files;
    // An SDK that the stage has at a path of its own lies below the stage's root.
    let mut covered = match staged.sdk_place {
        SdkPlace::Stage => Vec::new(),
        SdkPlace::Machine => vec![request.toolchain.root.clone(), request.sdk.root.clone()],
    };
    covered.extend(staged.observed.nuget.mounted.iter().cloned());
    covered.extend(staged.observed.nuget.fallback_folders.iter().cloned());
    let mounted: Vec<_> = staged.observed.mounted().collect();
    let git = &staged.observed.dependencies.git;
    if git.reads == Some(GitReads::History) {
        // An object is named by its content, so the references say what is found here, whether it lies
        // in a pack or alone.
        covered.extend(git.mounted.iter().cloned());
    }
    if step == StepName::Restore {
        covered.extend(WAYS_TO_FEEDS.map(PathBuf::from));
    }
    let zones = Zones {
        stage_root: staged.stage_root,
        covered: &covered,
        mounted: &mounted,
        sources,
        machine: &machine,
    };
    let paths = match zones.path_set(seen).map_err(BuildError::Read)? {
        Ok(paths) => paths,
        Err(why) => return Ok(Keyed::Never(why)),
    };
    let strong = paths
        .strong_key(&weak, sources, &machine)
        .map_err(BuildError::Read)?;
    let answers = Answers::of(&paths, &machine).map_err(BuildError::Read)?;
    let mut looked_at = Vec::with_capacity(paths.sources.len());
    for path in paths.sources.keys() {
        looked_at.push(sources.look_up(path).map_err(BuildError::Read)?.end);
    }
    let changed = machine.changed_since(began);
    machine.save(store)?;
    Ok(match changed {
        Some(path) => Keyed::Never(format!("`{path}` changed while it ran")),
        None => Keyed::Paths(Box::new(KeyedPaths {
            paths,
            weak,
            strong,
            machine: answers,
            looked_at,
        })),
    })
}

impl Keyed {
    /// Returns whether the step was watched, and if not, why; `None` if its result is kept by no key.
    pub(crate) fn watched(&self) -> Option<Result<(), String>> {
        match self {
            Self::Paths(_) => Some(Ok(())),
            Self::NotWatched(why) => Some(Err(why.clone())),
            Self::Never(_) => None,
        }
    }

    /// Returns what it was found to have looked up.
    pub(crate) fn paths(&self) -> Option<&KeyedPaths> {
        match self {
            Self::Paths(paths) => Some(paths),
            Self::NotWatched(_) | Self::Never(_) => None,
        }
    }

    /// Keeps what the machine answered, for the step's record.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn keep_answers(&self, store: &Store) -> Result<Option<Output>, StoreError> {
        let Some(paths) = self.paths() else {
            return Ok(None);
        };
        Output::keep(&paths.machine.to_bytes(), store).map(Some)
    }

    /// Keeps the paths, for the step's record.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be kept.
    pub(crate) fn keep_paths(&self, store: &Store) -> Result<Option<LookedUp>, StoreError> {
        let Some(keyed) = self.paths() else {
            return Ok(None);
        };
        Ok(Some(LookedUp {
            paths: Output::keep(&canonical_json(&json!(keyed.paths)), store)?,
            strong: keyed.strong,
        }))
    }
}

impl KeyedPaths {
    /// Returns those of `contents` that the step looked at: what else the workspace holds cannot have
    /// become part of what it gave.
    pub(crate) fn among(&self, contents: &BTreeMap<String, Content>) -> BTreeMap<String, Content> {
        let found = self.looked_at.iter().filter_map(|path| {
            let content = contents.get(path)?;
            Some((path.clone(), content.clone()))
        });
        found.collect()
    }
}

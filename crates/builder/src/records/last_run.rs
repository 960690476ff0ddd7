use crate::inputs::keyed_paths::Keyed;
use crate::records::known_looks::KnownLooks;
use crate::records::{from_value, to_value};
use mizzen_oci::{Digest, canonical_json};
use mizzen_plan::StepName;
use mizzen_store::{ActionCache, ActionResult, Output, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Counts up when the record has another shape.
const FORMAT: &str = "mizzen last run 1";
/// The name among the outputs of what was looked up.
const PATHS: &str = "paths";

/// The newest run of a step of one project in one workspace, whatever its key: for people, and for no
/// decision.
pub(crate) struct LastRun<'a> {
    pub(crate) store: &'a Store,
    pub(crate) cache: &'a dyn ActionCache,
    pub(crate) step: StepName,
    /// Names the newest records of the project.
    pub(crate) slot: &'a Digest,
}

#[derive(Serialize, Deserialize)]
struct Facts {
    /// When it ran, in seconds since 1970.
    at: u64,
    /// Why nobody knows what it looked up, if nobody does.
    not_seen: Option<String>,
}

impl LastRun<'_> {
    /// Returns what is known of it.
    ///
    /// # Errors
    /// [`StoreError`] if the cache cannot be asked.
    pub(crate) fn get(&self) -> Result<KnownLooks, StoreError> {
        let Some(result) = self.cache.get(&self.name(), self.slot)? else {
            return Ok(KnownLooks::NeverRan);
        };
        let Some(Facts { at, not_seen }) = from_value(FORMAT, &result.facts) else {
            return Ok(KnownLooks::NeverRan);
        };
        if let Some(why) = not_seen {
            return Ok(KnownLooks::NotSeen { why, at });
        }
        let paths = result.outputs.get(PATHS);
        let bytes = paths.map(|paths| self.store.read(&paths.digest));
        let paths = bytes.transpose()?.flatten();
        let paths = paths.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(match paths {
            Some(paths) => KnownLooks::Seen {
                paths,
                at: Some(at),
                is_of_today: false,
            },
            None => KnownLooks::NotSeen {
                why: "the cache has lost it".to_owned(),
                at,
            },
        })
    }

    /// Keeps what is known of a run at `at`.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn put(&self, keyed: &Keyed, at: u64) -> Result<(), StoreError> {
        let (paths, not_seen) = match keyed {
            Keyed::Paths(keyed) => (Some(&keyed.paths), None),
            Keyed::NotWatched(why) | Keyed::Never(why) => (None, Some(why.clone())),
        };
        let kept = Output::keep(&canonical_json(&json!(paths)), self.store)?;
        let result = ActionResult {
            outputs: paths
                .map(|_| (PATHS.to_owned(), kept))
                .into_iter()
                .collect(),
            inputs: kept,
            facts: to_value(FORMAT, &Facts { at, not_seen }),
            origin: None,
        };
        self.cache.put(&self.name(), self.slot, &result)
    }

    fn name(&self) -> String {
        format!("latest-{}-paths", self.step)
    }
}

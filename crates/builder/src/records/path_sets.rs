use crate::records::{from_value, to_value};
use mizzen_oci::{Digest, canonical_json};
use mizzen_plan::{PathSet, StepName};
use mizzen_store::{ActionCache, ActionResult, Output, Store, StoreError};
use serde_json::json;
use std::collections::BTreeMap;

/// How many path sets of one weak key are kept: a project that looks up other paths after an edit looks
/// up the former ones when the edit is taken back.
const MOST: usize = 8;

/// How many paths a set may name. More is a step that walks through a whole disk.
const MOST_PATHS: usize = 50_000;

/// The format in which it is kept when each was seen.
const TIMES: &str = "mizzen path sets 1";

/// The path sets that a weak key leads to, in a cache.
///
/// A set is advice, never proof: it says which paths to look at, and the record is found by what they
/// answer today.
pub(crate) struct PathSets<'a> {
    pub(crate) store: &'a Store,
    pub(crate) cache: &'a dyn ActionCache,
    pub(crate) step: StepName,
}

/// A path set, and when a step was last seen to look up these paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeptPathSet {
    pub(crate) paths: PathSet,
    /// In seconds since 1970; in no key.
    pub(crate) seen_at: Option<u64>,
}

impl PathSets<'_> {
    /// Returns the path sets of `weak`, newest first. One that is damaged or of another format is left
    /// out.
    ///
    /// # Errors
    /// [`StoreError`] if the cache cannot be asked.
    pub(crate) fn get(&self, weak: &Digest) -> Result<Vec<KeptPathSet>, StoreError> {
        self.read(self.cache.get(&self.name(), weak)?)
    }

    /// Returns those that other machines have seen, of which none was known here.
    ///
    /// # Errors
    /// [`StoreError`] if the cache cannot be asked.
    pub(crate) fn get_elsewhere(&self, weak: &Digest) -> Result<Vec<KeptPathSet>, StoreError> {
        self.read(self.cache.get_elsewhere(&self.name(), weak)?)
    }

    fn read(&self, result: Option<ActionResult>) -> Result<Vec<KeptPathSet>, StoreError> {
        let Some(result) = result else {
            return Ok(Vec::new());
        };
        let times = times(&result);
        let mut sets = Vec::new();
        for output in result.outputs.values() {
            if let Some(bytes) = self.store.read(&output.digest)?
                && let Ok(paths) = serde_json::from_slice(&bytes)
            {
                let seen_at = times.get(&output.digest).copied();
                sets.push(KeptPathSet { paths, seen_at });
            }
        }
        Ok(sets)
    }

    /// Keeps `set`, seen at `now`, as the newest of `weak`. Two builds that do so at once may lose one of them, which is
    /// a miss too many later.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn put(&self, weak: &Digest, set: &PathSet, now: u64) -> Result<(), StoreError> {
        if set.len() > MOST_PATHS {
            return Ok(());
        }
        let newest = Output::keep(&canonical_json(&json!(set)), self.store)?;
        let newest = together([newest], [(newest.digest, now)].into());
        let result = match self.cache.get(&self.name(), weak)? {
            Some(earlier) => merged(&newest, &earlier),
            None => newest,
        };
        self.cache.put(&self.name(), weak, &result)
    }

    /// Returns the name under which they are kept.
    fn name(&self) -> String {
        Self::name_of(self.step)
    }

    /// Returns the name under which those of `step` are kept.
    pub(crate) fn name_of(step: StepName) -> String {
        format!("{step}-paths")
    }
}

/// Returns the path sets of both, those of `newer` first, each once, and no more than are kept.
pub(crate) fn merged(newer: &ActionResult, older: &ActionResult) -> ActionResult {
    let mut all: Vec<Output> = Vec::new();
    for output in newer.outputs.values().chain(older.outputs.values()) {
        if !all.contains(output) {
            all.push(*output);
        }
    }
    let mut seen = times(older);
    for (digest, at) in times(newer) {
        let known = seen.entry(digest).or_insert(at);
        *known = at.max(*known);
    }
    together(all, seen)
}

fn together(
    sets: impl IntoIterator<Item = Output>,
    mut times: BTreeMap<Digest, u64>,
) -> ActionResult {
    let kept: Vec<Output> = sets.into_iter().take(MOST).collect();
    times.retain(|digest, _| kept.iter().any(|output| output.digest == *digest));
    ActionResult {
        inputs: kept[0],
        facts: to_value(TIMES, &times),
        // One digit each: their order is that of the names.
        outputs: kept
            .into_iter()
            .enumerate()
            .map(|(place, output)| (place.to_string(), output))
            .collect(),
        origin: None,
    }
}

/// Returns when each set was last seen; of a record that an earlier mizzen wrote, nothing.
fn times(result: &ActionResult) -> BTreeMap<Digest, u64> {
    from_value(TIMES, &result.facts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{KeptPathSet, MOST, PathSets};
    use mizzen_oci::Digest;
    use mizzen_plan::{Look, PathSet, StepName};
    use mizzen_store::{FsActionCache, Store};

    fn set(path: &str) -> PathSet {
        let mut set = PathSet::default();
        set.add_source(path, Look::Read);
        set
    }

    #[test]
    fn the_newest_comes_first_each_once_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let cache = FsActionCache(&store);
        let sets = PathSets {
            store: &store,
            cache: &cache,
            step: StepName::Publish,
        };
        let weak = Digest::of(b"weak");
        assert_eq!(sets.get(&weak).unwrap(), []);
        for (path, now) in [("a", 1), ("b", 2), ("a", 3)] {
            sets.put(&weak, &set(path), now).unwrap();
        }
        let kept = |path, seen_at| KeptPathSet {
            paths: set(path),
            seen_at: Some(seen_at),
        };
        assert_eq!(sets.get(&weak).unwrap(), [kept("a", 3), kept("b", 2)]);
        assert_eq!(sets.get(&Digest::of(b"other")).unwrap(), []);
        for number in 0..MOST {
            sets.put(&weak, &set(&number.to_string()), 4).unwrap();
        }
        let kept = sets.get(&weak).unwrap();
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[0].paths, set("7"));
        assert!(kept.iter().all(|kept| kept.paths != set("a")));
    }
}

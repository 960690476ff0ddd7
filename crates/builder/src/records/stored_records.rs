use crate::inputs::keyed_paths::KeyedPaths;
use crate::inputs::machine_tree::MachineTree;
use crate::inputs::staged::Staged;
use crate::layer_options::LayerOptions;
use crate::records::path_sets::PathSets;
use crate::records::publish_record::PublishRecord;
use crate::records::restore_record::RestoreRecord;
use crate::result::layers::Layers;
use crate::{BuildError, FloatPolicy};
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, MissReason, PathSet, Record, Records, SourceTree, StepName};
use mizzen_stage::{Executor, Rung};
use mizzen_store::{ActionCache, ActionResult, Output, Store, StoreError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

/// The names under which records are kept; the first is the final record of a whole key.
const WHOLE: &str = "whole";
/// A publish by the strong key of what it looked up.
const BY_PATHS: &str = "publish-by-paths";
const LATEST: &str = "latest";
/// The newest restore of a project, to be compared with.
const LATEST_RESTORE: &str = "latest-restore";

/// What the cache has for one build: records with all their blobs in the store.
pub(crate) struct StoredRecords<'a> {
    store: &'a Store,
    cache: &'a dyn ActionCache,
    executor: &'a dyn Executor,
    layers: &'a LayerOptions,
    slot: Digest,
    workspace_root: &'a Path,
    /// What was last looked at by paths, and in vain.
    changed_paths: RefCell<Option<PathSet>>,
    /// When what floats must have been resolved to be reused.
    fresh: Option<RangeInclusive<u64>>,
    /// The first failure of a look-up; the look-up itself counts as a miss.
    failed: RefCell<Option<BuildError>>,
}

/// A record of publish, and its layers as the store has them.
pub(crate) struct Published {
    pub(crate) record: PublishRecord,
    pub(crate) layers: Layers,
}

/// Returns when what floats must have been resolved to be reused; `None` if it never is.
///
/// A record of the future is one of a clock that was wrong, and says nothing of its age.
fn fresh(policy: FloatPolicy, now: u64) -> Option<RangeInclusive<u64>> {
    match policy {
        FloatPolicy::Ttl(ttl) => Some(now.saturating_sub(ttl.as_secs())..=now),
        FloatPolicy::Resolve | FloatPolicy::Error => None,
    }
}

impl<'a> StoredRecords<'a> {
    /// Returns what the cache has for the build of what was read.
    pub(crate) fn of(staged: &Staged<'a>) -> Self {
        let (context, request) = (staged.context, staged.request);
        Self {
            store: &context.store,
            cache: context.records,
            executor: context.executor,
            layers: &request.layers,
            slot: staged
                .inputs
                .slot(&request.workspace.root.to_string_lossy()),
            workspace_root: &request.workspace.root,
            changed_paths: RefCell::new(None),
            fresh: fresh(request.policy.floats, request.now),
            failed: RefCell::new(None),
        }
    }

    /// Returns the failure that made a look-up a miss.
    pub(crate) fn check(self) -> Result<(), BuildError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    /// Keeps what restore gave. Returns what to know about it: packages that had other bytes before.
    pub(crate) fn keep_restored(
        &self,
        inputs: &Inputs,
        key: &Digest,
        restored: &RestoreRecord,
    ) -> Result<Vec<String>, StoreError> {
        let earlier = self.cache.get(LATEST_RESTORE, &self.slot)?;
        let earlier = earlier.and_then(|earlier| RestoreRecord::from_result(&earlier));
        let result = restored.to_result(self.keep_table(inputs)?);
        self.cache.put(LATEST_RESTORE, &self.slot, &result)?;
        self.cache.put(StepName::Restore.as_str(), key, &result)?;
        let changed = earlier.map(|earlier| restored.packages_with_other_bytes(&earlier));
        Ok(changed.unwrap_or_default())
    }

    /// Keeps what publish gave under its key and under the whole key, as far as those name one result.
    ///
    /// If packages float, the whole key names none. If `restored` knows nothing of what floats, for
    /// publish's own restore asked for it, publish's key names none either.
    pub(crate) fn keep_published(
        &self,
        inputs: &Inputs,
        key: &Digest,
        published: &PublishRecord,
        restored: &RestoreRecord,
        by_paths: Option<&KeyedPaths>,
    ) -> Result<(), StoreError> {
        let result = published.to_result(self.keep_table(inputs)?);
        let floats = published.floating.is_some();
        if !floats || restored.floating.is_some() {
            let step = StepName::Publish.as_str();
            self.cache.put(step, key, &result)?;
            if let Some(by_paths) = by_paths {
                self.cache.put(BY_PATHS, &by_paths.strong, &result)?;
                self.path_sets().put(&by_paths.weak, &by_paths.paths)?;
            }
        }
        if !floats {
            self.cache.put(WHOLE, &inputs.whole_key(), &result)?;
        }
        self.cache.put(LATEST, &self.slot, &result)
    }

    /// Returns the newest record of this project, whatever its key.
    pub(crate) fn latest_published(&self) -> Option<PublishRecord> {
        PublishRecord::from_result(&self.latest_result()?)
    }

    fn latest_result(&self) -> Option<ActionResult> {
        self.cache.get(LATEST, &self.slot).ok()?
    }

    fn path_sets(&self) -> PathSets<'_> {
        PathSets {
            store: self.store,
            cache: self.cache,
        }
    }

    fn keep_table(&self, inputs: &Inputs) -> Result<Output, StoreError> {
        let table = inputs.to_bytes();
        Ok(Output {
            digest: self.store.put(&table)?,
            size_bytes: table.len() as u64,
        })
    }

    /// Looks for a result with all its blobs, and reads it.
    fn find<T>(
        &self,
        step: &str,
        key: &Digest,
        read: impl FnOnce(&ActionResult) -> Option<(T, Rung)>,
    ) -> Record<T> {
        let result = match self.cache.get(step, key) {
            Ok(None) => return Record::Missing,
            Ok(Some(result)) => result,
            Err(error) => return self.failed(error.into()),
        };
        let is_lost = |output: &Output| {
            let blob = self.store.blob(&output.digest, output.size_bytes);
            blob.is_none()
        };
        if let Some((name, _)) = result.outputs.iter().find(|(_, output)| is_lost(output)) {
            return Record::Unusable(MissReason::Incomplete(name.clone()));
        }
        match read(&result) {
            None => Record::Unusable(MissReason::OtherFormat),
            Some((record, rung)) => self.unless_weak(record, rung),
        }
    }

    fn find_published(&self, step: &str, key: &Digest) -> Record<Published> {
        let record = self.find(step, key, |result| {
            let record = PublishRecord::from_result(result)?;
            let rung = record.rung;
            Some((record, rung))
        });
        match record {
            Record::Missing => Record::Missing,
            Record::Unusable(reason) => Record::Unusable(reason),
            Record::Found(record) => match record.find_layers(self.layers, self.store) {
                Some(layers) => Record::Found(Published { record, layers }),
                None => Record::Unusable(MissReason::Incomplete("a layer".to_owned())),
            },
        }
    }

    fn find_by_paths(
        &self,
        inputs: &Inputs,
        restored: &RestoreRecord,
    ) -> Result<Record<Published>, BuildError> {
        let weak = inputs.weak_publish_key(&restored.resolved());
        let sets = self.path_sets().get(&weak)?;
        if sets.is_empty() {
            return Ok(Record::Missing);
        }
        let sources = SourceTree::new(inputs.workspace_files());
        let machine = MachineTree::load(self.store, self.workspace_root)?;
        let mut found = Record::Missing;
        for paths in &sets {
            let strong = paths.strong_key(&weak, &sources, &machine);
            found = self.find_published(BY_PATHS, &strong.map_err(BuildError::Read)?);
            if !matches!(found, Record::Missing) {
                break;
            }
        }
        if matches!(found, Record::Missing) {
            *self.changed_paths.borrow_mut() = sets.into_iter().next();
        }
        machine.save(self.store)?;
        Ok(found)
    }

    // What a command could see is no part of the key: on every rung a project that reads only what is
    // staged gives the same. One that reads more is found out only where there is nothing more.
    fn unless_weak<T>(&self, record: T, rung: Rung) -> Record<T> {
        if rung.hides_the_machine() {
            return Record::Found(record);
        }
        match self.executor.capabilities() {
            Ok(here) if here.leaves_the_machine_open() => Record::Found(record),
            Ok(_) => Record::Unusable(MissReason::Isolation(rung.to_string())),
            Err(error) => self.failed(error.into()),
        }
    }

    fn failed<T>(&self, error: BuildError) -> Record<T> {
        self.failed.borrow_mut().get_or_insert(error);
        Record::Missing
    }

    fn is_fresh(&self, resolved_at: u64) -> bool {
        let fresh = self.fresh.as_ref();
        fresh.is_some_and(|fresh| fresh.contains(&resolved_at))
    }
}

impl Records for StoredRecords<'_> {
    type Restored = RestoreRecord;
    type Published = Published;

    fn whole(&self, key: &Digest) -> Record<Published> {
        self.find_published(WHOLE, key)
    }

    fn restored(&self, key: &Digest) -> Record<RestoreRecord> {
        let record = self.find(StepName::Restore.as_str(), key, |result| {
            let record = RestoreRecord::from_result(result)?;
            let rung = record.rung;
            Some((record, rung))
        });
        match record {
            Record::Found(RestoreRecord {
                floating: Some(floating),
                ..
            }) if !self.is_fresh(floating.resolved_at) => {
                Record::Unusable(MissReason::Floating(floating.what))
            }
            record => record,
        }
    }

    fn published(&self, key: &Digest) -> Record<Published> {
        self.find_published(StepName::Publish.as_str(), key)
    }

    fn published_by_paths(&self, inputs: &Inputs, restored: &RestoreRecord) -> Record<Published> {
        self.find_by_paths(inputs, restored)
            .unwrap_or_else(|error| self.failed(error))
    }

    fn changed_paths(&self) -> Option<PathSet> {
        self.changed_paths.borrow().clone()
    }

    fn resolved(&self, restored: &RestoreRecord) -> BTreeMap<String, Digest> {
        restored.resolved()
    }

    fn latest(&self) -> Option<Inputs> {
        let result = self.latest_result()?;
        Inputs::parse(&self.store.read(&result.inputs.digest).ok()??)
    }
}

#[cfg(test)]
mod tests {
    use super::fresh;
    use crate::FloatPolicy;
    use std::time::Duration;

    #[test]
    fn what_floats_stays_good_for_its_time_and_a_record_of_the_future_is_none() {
        let hour = fresh(FloatPolicy::Ttl(Duration::from_secs(3600)), 10_000).unwrap();
        let good = [6399, 6400, 10_000, 10_001].map(|at| hour.contains(&at));
        assert_eq!(good, [false, true, true, false]);
        assert_eq!(fresh(FloatPolicy::Resolve, 10_000), None);
    }
}

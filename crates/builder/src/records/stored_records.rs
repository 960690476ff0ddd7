use crate::inputs::machine_tree::MachineTree;
use crate::inputs::observations::Observations;
use crate::inputs::staged::Staged;
use crate::layer_options::LayerOptions;
use crate::records::nearest::Nearest;
use crate::records::path_sets::PathSets;
use crate::records::publish_record::PublishRecord;
use crate::records::record_keeper::RecordKeeper;
use crate::records::restore_record::RestoreRecord;
use crate::records::{LATEST, NEAREST, WHOLE, kept_answers};
use crate::result::layers::Layers;
use crate::{BuildError, FloatPolicy};
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, LastLooks, MissReason, Record, Records, SourceTree, StepName};
use mizzen_stage::{Executor, Rung};
use mizzen_store::{ActionCache, ActionResult, Output, Store};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// What the cache has for one build: records with all their blobs in the store.
pub(crate) struct StoredRecords<'a> {
    pub(super) store: &'a Store,
    pub(super) cache: &'a dyn ActionCache,
    executor: &'a dyn Executor,
    layers: &'a LayerOptions,
    pub(super) slot: Digest,
    nearest: Nearest,
    files: SourceTree,
    workspace_root: &'a Path,
    observations: &'a Observations,
    /// What was last looked at by paths, and in vain.
    pub(super) last_looks: RefCell<Option<LastLooks>>,
    /// When what floats must have been resolved to be reused.
    fresh: Option<RangeInclusive<u64>>,
    /// Whether publish may leave out a restore that is proven to give what is there.
    pub(super) has_shortcuts: bool,
    /// The time of day, in seconds since 1970.
    now: u64,
    /// The first failure of a look-up; the look-up itself counts as a miss.
    failed: RefCell<Option<BuildError>>,
}

/// A record of publish, and its layers as the store has them.
pub(crate) struct Published {
    pub(crate) record: PublishRecord,
    pub(crate) layers: Layers,
    /// The shared cache that it was just taken from.
    pub(crate) origin: Option<String>,
}

/// A record that was read, and what it is to be believed for.
struct Read<T> {
    record: T,
    rung: Rung,
    machine: Option<Output>,
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
            nearest: Nearest::of(&staged.inputs),
            files: staged.inputs.files.clone(),
            workspace_root: &request.workspace.root,
            observations: context.observations,
            last_looks: RefCell::new(None),
            fresh: fresh(request.policy.floats, request.now),
            has_shortcuts: request.policy.shortcuts,
            now: request.now,
            failed: RefCell::new(None),
        }
    }

    /// Returns the failure that made a look-up a miss.
    pub(crate) fn check(self) -> Result<(), BuildError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    /// Returns the newest record of this project, whatever its key.
    pub(crate) fn latest_published(&self) -> Option<PublishRecord> {
        PublishRecord::from_result(&self.latest_result()?)
    }

    /// Brings what `restored` gave to this machine. Returns the name of the first that cannot be had.
    pub(crate) fn bring(&self, restored: &RestoreRecord) -> Result<Option<String>, BuildError> {
        let outputs: Vec<Output> = restored.packs.values().copied().collect();
        let lost = self.cache.bring(&outputs)?;
        let name_of = |lost: Output| {
            let mut packs = restored.packs.iter();
            packs.find(|(_, output)| **output == lost)
        };
        Ok(lost.and_then(name_of).map(|(name, _)| name.clone()))
    }

    fn latest_result(&self) -> Option<ActionResult> {
        self.cache.get(LATEST, &self.slot).ok()?
    }

    /// Returns what writes the records of this build.
    pub(crate) fn keeper(&self) -> RecordKeeper<'_> {
        RecordKeeper {
            store: self.store,
            cache: self.cache,
            slot: self.slot,
            nearest: self.nearest.key,
            now: self.now,
        }
    }

    pub(super) fn path_sets(&self, step: StepName) -> PathSets<'_> {
        PathSets {
            store: self.store,
            cache: self.cache,
            step,
        }
    }

    /// Returns the machine as it was first asked for in this command.
    pub(super) fn machine(&self) -> Result<Arc<MachineTree>, BuildError> {
        self.observations.machine(self.workspace_root, self.store)
    }

    /// Looks for a result with all its blobs, and reads it.
    fn find<T>(
        &self,
        step: &str,
        key: &Digest,
        read: impl FnOnce(&ActionResult) -> Option<Read<T>>,
    ) -> Record<T> {
        let result = match self.cache.get(step, key) {
            Ok(None) => return Record::Missing,
            Ok(Some(result)) => result,
            Err(error) => return self.failed(error.into()),
        };
        let is_lost = |output: &Output| self.cache.blob(output).is_none();
        if let Some((name, _)) = result.outputs.iter().find(|(_, output)| is_lost(output)) {
            return Record::Unusable(MissReason::Incomplete(name.clone()));
        }
        match read(&result) {
            None => Record::Unusable(MissReason::OtherFormat),
            Some(read) => {
                let (rung, machine) = (read.rung, read.machine);
                let found = self.unless_weak(read.record, rung);
                self.unless_answered_otherwise(found, machine)
                    .unwrap_or_else(|error| self.failed(error))
            }
        }
    }

    fn find_restored(&self, step: &str, key: &Digest) -> Record<RestoreRecord> {
        let record = self.find(step, key, |result| {
            let record = RestoreRecord::from_result(result)?;
            Some(Read {
                rung: record.rung,
                machine: record.machine,
                record,
            })
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

    fn find_published(&self, step: &str, key: &Digest) -> Record<Published> {
        let mut origin = None;
        let record = self.find(step, key, |result| {
            let record = PublishRecord::from_result(result)?;
            origin.clone_from(&result.origin);
            Some(Read {
                rung: record.rung,
                machine: record.machine,
                record,
            })
        });
        match record {
            Record::Missing => Record::Missing,
            Record::Unusable(reason) => Record::Unusable(reason),
            Record::Found(record) => match record.find_layers(self.layers, self.cache) {
                Some(layers) => Record::Found(Published {
                    record,
                    layers,
                    origin,
                }),
                None => Record::Unusable(MissReason::Incomplete("a layer".to_owned())),
            },
        }
    }

    /// Says no to a record of steps to which the machine would answer otherwise today.
    fn unless_answered_otherwise<T>(
        &self,
        record: Record<T>,
        machine: Option<Output>,
    ) -> Result<Record<T>, BuildError> {
        if machine.is_none() || !matches!(record, Record::Found(_)) {
            return Ok(record);
        }
        let Some(answers) = kept_answers(machine, self.store)? else {
            return Ok(Record::Unusable(MissReason::OtherFormat));
        };
        let change = answers.first_change(&*self.machine()?);
        Ok(match change.map_err(BuildError::Read)? {
            Some((path, look)) => Record::Unusable(MissReason::Machine(
                format!("/{}", path.trim_start_matches('/')),
                look,
            )),
            None => record,
        })
    }

    // What a command could see is not a part of the key: on every rung a project that reads only what is
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
        self.find_restored(StepName::Restore.as_str(), key)
    }

    fn restored_by_paths(&self, inputs: &Inputs) -> Record<RestoreRecord> {
        let weak = inputs.weak_restore_key();
        let find = |step: &str, key: &Digest| self.find_restored(step, key);
        self.find_by_paths(StepName::Restore, &weak, inputs, find)
            .unwrap_or_else(|error| self.failed(error))
    }

    fn published(&self, key: &Digest) -> Record<Published> {
        self.find_published(StepName::Publish.as_str(), key)
    }

    fn published_by_paths(&self, inputs: &Inputs, restored: &RestoreRecord) -> Record<Published> {
        let weak = match self.weak_publish_keys(inputs, restored) {
            Ok(weak) => weak,
            Err(error) => return self.failed(error),
        };
        let find = |weak: &Digest| {
            let find = |step: &str, key: &Digest| self.find_published(step, key);
            self.find_by_paths(StepName::Publish, weak, inputs, find)
                .unwrap_or_else(|error| self.failed(error))
        };
        let mut found = Record::Missing;
        for weak in &weak {
            found = found.or(|| find(weak));
        }
        found
    }

    fn last_looks(&self) -> Option<LastLooks> {
        self.last_looks.borrow().clone()
    }

    fn resolved(&self, restored: &RestoreRecord) -> BTreeMap<String, Digest> {
        restored.resolved()
    }

    fn latest(&self) -> Option<Inputs> {
        if let Some(result) = self.latest_result() {
            return Inputs::parse(&self.store.read(&result.inputs.digest).ok()??);
        }
        let nearest = &self.nearest;
        let result = self.cache.get_elsewhere(NEAREST, &nearest.key).ok()??;
        let bytes = self.store.read(&result.inputs.digest).ok()??;
        nearest.read(&bytes, &self.files)
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

use crate::inputs::keyed_paths::Keyed;
use crate::records::last_run::LastRun;
use crate::records::nearest::Nearest;
use crate::records::path_sets::PathSets;
use crate::records::publish_record::PublishRecord;
use crate::records::restore_record::RestoreRecord;
use crate::records::toolchain_alias::ToolchainAlias;
use crate::records::{LATEST, LATEST_RESTORE, NEAREST, WHOLE, by_paths, kept_answers};
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, StepName};
use mizzen_store::{ActionCache, ActionResult, Output, Store, StoreError};
use serde_json::Value;
use std::collections::BTreeMap;

/// Writes the records of one build, under every key that names what a step gave.
pub(crate) struct RecordKeeper<'a> {
    pub(crate) store: &'a Store,
    pub(crate) cache: &'a dyn ActionCache,
    /// Names the newest records of the project.
    pub(crate) slot: Digest,
    /// Names the newest table of the project on any machine.
    pub(crate) nearest: Digest,
    /// The time of day, in seconds since 1970.
    pub(crate) now: u64,
}

/// What a step gave that has just run.
pub(crate) struct Made<'a, R> {
    pub(crate) record: &'a R,
    /// What it is found by.
    pub(crate) keyed: &'a Keyed,
}

impl RecordKeeper<'_> {
    /// Keeps what restore gave. Returns what to know about it: packages that had other bytes before.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn keep_restored(
        &self,
        inputs: &Inputs,
        key: &Digest,
        restore: &Made<'_, RestoreRecord>,
    ) -> Result<Vec<String>, StoreError> {
        let earlier = self.cache.get(LATEST_RESTORE, &self.slot)?;
        let earlier = earlier.and_then(|earlier| RestoreRecord::from_result(&earlier));
        let alias = ToolchainAlias {
            cache: self.cache,
            version: &inputs.toolchain.version,
        };
        alias.put(inputs.toolchain.id, self.store)?;
        let result = restore.record.to_result(self.keep_table(inputs)?);
        self.cache.put(LATEST_RESTORE, &self.slot, &result)?;
        self.keep(StepName::Restore, key, restore.keyed, &result)?;
        let changed = earlier.map(|earlier| restore.record.packages_with_other_bytes(&earlier));
        Ok(changed.unwrap_or_default())
    }

    /// Keeps what publish gave under its key and under the whole key, as far as those name one result.
    ///
    /// If packages float, the whole key names none. If restore knows nothing of what floats, for publish's
    /// own restore asked for it, publish's key names none either.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn keep_published(
        &self,
        inputs: &Inputs,
        key: &Digest,
        publish: &Made<'_, PublishRecord>,
        restore: &Made<'_, RestoreRecord>,
    ) -> Result<(), StoreError> {
        let table = self.keep_table(inputs)?;
        let result = publish.record.to_result(table);
        let floats = publish.record.floating.is_some();
        if !floats || restore.record.floating.is_some() {
            self.keep(StepName::Publish, key, publish.keyed, &result)?;
        }
        let is_never = |keyed| matches!(keyed, &Keyed::Never(_));
        if !floats && !is_never(publish.keyed) && !is_never(restore.keyed) {
            self.keep_whole(inputs, publish.record, restore.record, table)?;
        }
        self.cache.put(LATEST, &self.slot, &result)?;
        let table = ActionResult {
            outputs: BTreeMap::new(),
            inputs: self.keep_table(&Nearest::table(inputs))?,
            facts: Value::Null,
            origin: None,
        };
        self.cache.put(NEAREST, &self.nearest, &table)
    }

    /// Keeps `published` under the whole key, with what the machine answered to both steps.
    fn keep_whole(
        &self,
        inputs: &Inputs,
        published: &PublishRecord,
        restored: &RestoreRecord,
        table: Output,
    ) -> Result<(), StoreError> {
        let machine = match (
            kept_answers(published.machine, self.store)?,
            kept_answers(restored.machine, self.store)?,
        ) {
            (Some(one), Some(other)) => Some(Output::keep(&one.and(other).to_bytes(), self.store)?),
            (Some(_), None) => published.machine,
            (None, _) => restored.machine,
        };
        let whole = PublishRecord {
            machine,
            ..published.clone()
        };
        let result = whole.to_result(table);
        self.cache.put(WHOLE, &inputs.whole_key(), &result)
    }

    /// Keeps what a step was seen to look up that has just run, whether or not its result is kept.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub(crate) fn keep_looks(&self, step: StepName, keyed: &Keyed) -> Result<(), StoreError> {
        let last_run = LastRun {
            store: self.store,
            cache: self.cache,
            step,
            slot: &self.slot,
        };
        last_run.put(keyed, self.now)
    }

    /// Keeps what a step gave under its key and by what it looked up.
    fn keep(
        &self,
        step: StepName,
        key: &Digest,
        keyed: &Keyed,
        result: &ActionResult,
    ) -> Result<(), StoreError> {
        match keyed {
            Keyed::Never(_) => return Ok(()),
            Keyed::NotWatched(_) => {}
            Keyed::Paths(paths) => {
                self.cache.put(&by_paths(step), &paths.strong, result)?;
                let path_sets = PathSets {
                    store: self.store,
                    cache: self.cache,
                    step,
                };
                path_sets.put(&paths.weak, &paths.paths, self.now)?;
            }
        }
        self.cache.put(step.as_str(), key, result)
    }

    fn keep_table(&self, inputs: &Inputs) -> Result<Output, StoreError> {
        Output::keep(&inputs.to_bytes(), self.store)
    }
}

//! The records of a step that are found by what it was seen to look up.

use crate::BuildError;
use crate::records::known_looks::KnownLooks;
use crate::records::last_run::LastRun;
use crate::records::path_sets::KeptPathSet;
use crate::records::stored_records::StoredRecords;
use crate::records::{ANSWERS, LATEST, LATEST_RESTORE, by_paths, kept_answers};
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, LastLooks, Look, Record, StepName};

impl StoredRecords<'_> {
    /// Looks for the record of `step` by what it looked up, led to by `weak`.
    pub(super) fn find_by_paths<T>(
        &self,
        step: StepName,
        weak: &Digest,
        inputs: &Inputs,
        find: impl Fn(&str, &Digest) -> Record<T>,
    ) -> Result<Record<T>, BuildError> {
        let mut sets = self.path_sets(step).get(weak)?;
        let mut found = self.led_to_by(&sets, (step, weak, inputs), &find)?;
        if matches!(found, Record::Missing) {
            let mut others = self.path_sets(step).get_elsewhere(weak)?;
            others.retain(|other| sets.iter().all(|known| known.paths != other.paths));
            found = self.led_to_by(&others, (step, weak, inputs), &find)?;
            sets.extend(others);
        }
        if matches!(found, Record::Missing) && !sets.is_empty() {
            let change = self.change_of_the_machine(step)?;
            let newest = sets.into_iter().next();
            *self.last_looks.borrow_mut() = newest.map(|kept| LastLooks {
                paths: kept.paths,
                machine: change,
            });
        }
        Ok(found)
    }

    /// Looks for the record of `step` that one of `sets` leads to.
    fn led_to_by<T>(
        &self,
        sets: &[KeptPathSet],
        (step, weak, inputs): (StepName, &Digest, &Inputs),
        find: impl Fn(&str, &Digest) -> Record<T>,
    ) -> Result<Record<T>, BuildError> {
        for kept in sets {
            let strong = kept
                .paths
                .strong_key(weak, &inputs.files, &*self.machine()?);
            let found = find(&by_paths(step), &strong.map_err(BuildError::Read)?);
            if !matches!(found, Record::Missing) {
                return Ok(found);
            }
        }
        Ok(Record::Missing)
    }

    /// Returns what is known of the paths that `step` looks up, led to by `weak`: those by which a record
    /// is found today, else those of its newest run.
    pub(crate) fn looks(
        &self,
        step: StepName,
        weak: Option<&Digest>,
        inputs: &Inputs,
    ) -> Result<KnownLooks, BuildError> {
        let mut sets = match weak {
            Some(weak) => self.path_sets(step).get(weak)?,
            None => Vec::new(),
        };
        let mut found = 0;
        for (place, kept) in sets.iter().enumerate().filter(|_| sets.len() > 1) {
            let weak = weak.expect("it led to them");
            let strong = kept
                .paths
                .strong_key(weak, &inputs.files, &*self.machine()?);
            let strong = strong.map_err(BuildError::Read)?;
            if self.cache.get(&by_paths(step), &strong)?.is_some() {
                found = place;
                break;
            }
        }
        if sets.is_empty() {
            let (store, cache, slot) = (self.store, self.cache, &self.slot);
            let last_run = LastRun {
                store,
                cache,
                step,
                slot,
            };
            return Ok(last_run.get()?);
        }
        let KeptPathSet { paths, seen_at } = sets.swap_remove(found);
        Ok(KnownLooks::Seen {
            paths,
            at: seen_at,
            is_of_today: true,
        })
    }

    /// Returns the first path that answers otherwise today than to the newest run of `step`.
    fn change_of_the_machine(&self, step: StepName) -> Result<Option<(String, Look)>, BuildError> {
        let newest = match step {
            StepName::Restore => LATEST_RESTORE,
            StepName::Publish => LATEST,
        };
        let newest = self.cache.get(newest, &self.slot)?;
        let kept = newest.and_then(|newest| newest.outputs.get(ANSWERS).copied());
        let answers = kept_answers(kept, self.store)?.unwrap_or_default();
        let change = answers.first_change(&*self.machine()?);
        let change = change.map_err(BuildError::Read)?;
        Ok(change.map(|(path, look)| (path.to_owned(), look)))
    }
}

use crate::inputs::project_findings::Findings;
use crate::inputs::staged::Staged;
use crate::result::app::{AppFacts, LayerFacts};
use crate::{BuildError, FloatPolicy};
use mizzen_dotnet::RestoredPackage;
use mizzen_oci::Digest;
use mizzen_plan::{Inputs, MissReason, Record, Records, StepName};
use mizzen_stage::{Executor, Rung};
use mizzen_store::{ActionCache, ActionResult, Output, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The names under which records are kept; the first is the final record of a whole key.
const WHOLE: &str = "whole";
const LATEST: &str = "latest";
/// The newest restore of a project, to be compared with.
const LATEST_RESTORE: &str = "latest-restore";

/// What is known: records with all their blobs in the store.
pub(crate) struct Known<'a> {
    store: &'a Store,
    cache: &'a dyn ActionCache,
    executor: &'a dyn Executor,
    slot: Digest,
    /// When what floats must have been resolved to be reused.
    fresh: Option<RangeInclusive<u64>>,
    /// The first failure of a look-up; the look-up itself counts as a miss.
    failed: RefCell<Option<BuildError>>,
}

/// What restore's record keeps beside the packs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RestoreFacts {
    pub(crate) packages: Vec<RestoredPackage>,
    /// Why the same facts may restore others tomorrow.
    pub(crate) floating: Option<String>,
    /// When what floats was resolved, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resolved_at: Option<u64>,
    /// What is odd in the packages whose targets take part in the build, by package.
    pub(crate) odd: Findings,
    /// The rung of isolation on which it ran.
    pub(crate) rung: String,
}

/// Returns a sentence for each package that has the id and version of one of `earlier`, and not its
/// bytes. Feeds are taken to be append-only, so somebody should know.
fn other_bytes(earlier: &ActionResult, now: &ActionResult) -> Vec<String> {
    let packages = |result: &ActionResult| {
        let facts = serde_json::from_value::<RestoreFacts>(result.facts.clone());
        facts.map_or_else(|_| Vec::new(), |facts| facts.packages)
    };
    let earlier = packages(earlier);
    let changed = packages(now).into_iter().filter(|package| {
        let mut same = earlier
            .iter()
            .filter(|earlier| (&earlier.id, &earlier.version) == (&package.id, &package.version));
        package.sha512.is_some() && same.any(|earlier| earlier.sha512 != package.sha512)
    });
    let sentence = |package: RestoredPackage| {
        format!(
            "`{}` {} from `{}` has other bytes than in an earlier build; a lock file would refuse them",
            package.id,
            package.version,
            package.source.unwrap_or_default()
        )
    };
    changed.map(sentence).collect()
}

/// Returns the rung of isolation that a record names; `None` for one that names none.
pub(crate) fn rung_of(result: &ActionResult) -> Option<Rung> {
    Rung::parse(result.facts.get("rung")?.as_str()?)
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

impl<'a> Known<'a> {
    /// What is known to the build of what was read.
    pub(crate) fn of(staged: &Staged<'a>) -> Self {
        let (context, request) = (staged.context, staged.request);
        Self {
            store: &context.store,
            cache: context.records,
            executor: context.executor,
            slot: staged
                .inputs
                .slot(&request.workspace.root.to_string_lossy()),
            fresh: fresh(request.policy.floats, request.now),
            failed: RefCell::new(None),
        }
    }

    /// Returns the failure that made a look-up a miss.
    pub(crate) fn check(self) -> Result<(), BuildError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    /// Keeps what restore gave. Returns what to know about it: packages that had other bytes before.
    pub(crate) fn keep_restore(
        &self,
        key: &Digest,
        result: &ActionResult,
    ) -> Result<Vec<String>, StoreError> {
        let earlier = self.cache.get(LATEST_RESTORE, &self.slot)?;
        self.cache.put(LATEST_RESTORE, &self.slot, result)?;
        self.cache.put(StepName::Restore.as_str(), key, result)?;
        Ok(earlier.map_or_else(Vec::new, |earlier| other_bytes(&earlier, result)))
    }

    /// Keeps the layers under publish's key and under the whole key, as far as those name one result.
    ///
    /// If packages float, the whole key names none. If `restored` knows nothing of what floats, for
    /// publish's own restore asked for it, publish's key names none either.
    pub(crate) fn keep_app(
        &self,
        facts: &Inputs,
        publish_key: &Digest,
        app: &AppFacts,
        restored: &ActionResult,
    ) -> Result<(), StoreError> {
        let table = facts.to_bytes();
        let inputs = Output {
            digest: self.store.put(&table)?,
            size_bytes: table.len() as u64,
        };
        let output = |layer: &LayerFacts| Output {
            digest: layer.digest,
            size_bytes: layer.size_bytes,
        };
        let layers = app.layers.iter().flat_map(|(platform, layers)| {
            let named =
                move |layer: &LayerFacts| (format!("{platform}/{}", layer.name), output(layer));
            layers.iter().map(named)
        });
        let symbols = app.symbols.iter();
        let symbols = symbols.map(|layer| (layer.name.clone(), output(layer)));
        let result = ActionResult {
            outputs: layers.chain(symbols).collect(),
            inputs,
            facts: json!(app),
        };
        let is_resolved = |restored: RestoreFacts| restored.floating.is_some();
        let resolved = serde_json::from_value(restored.facts.clone()).is_ok_and(is_resolved);
        if app.floating.is_none() || resolved {
            let step = StepName::Publish.as_str();
            self.cache.put(step, publish_key, &result)?;
        }
        if app.floating.is_none() {
            self.cache.put(WHOLE, &facts.whole_key(), &result)?;
        }
        self.cache.put(LATEST, &self.slot, &result)
    }

    /// Returns the newest record of this project, whatever its key.
    pub(crate) fn latest_result(&self) -> Option<ActionResult> {
        self.cache.get(LATEST, &self.slot).ok()?
    }

    fn find(&self, step: &str, key: &Digest) -> Record<ActionResult> {
        match self.cache.get(step, key) {
            Ok(None) => Record::Missing,
            Ok(Some(result)) => {
                let lost = result.outputs.iter().find(|(_, output)| {
                    self.store.blob(&output.digest, output.size_bytes).is_none()
                });
                match lost {
                    Some((name, _)) => Record::Unusable(MissReason::Incomplete(name.clone())),
                    None => self.unless_weak(result),
                }
            }
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error.into());
                Record::Missing
            }
        }
    }
}

impl Known<'_> {
    fn is_fresh(&self, resolved_at: Option<u64>) -> bool {
        let fresh = self.fresh.as_ref().zip(resolved_at);
        fresh.is_some_and(|(fresh, at)| fresh.contains(&at))
    }

    // What a command could see is no part of the key: on every rung a project that reads only what is
    // staged gives the same. One that reads more is found out only where there is nothing more.
    fn unless_weak(&self, result: ActionResult) -> Record<ActionResult> {
        let rung = rung_of(&result).unwrap_or(Rung::Path);
        if rung.hides_the_machine() {
            return Record::Found(result);
        }
        match self.executor.capabilities() {
            Ok(here) if here.leaves_the_machine_open() => Record::Found(result),
            Ok(_) => Record::Unusable(MissReason::Isolation(rung.to_string())),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error.into());
                Record::Missing
            }
        }
    }
}

impl Records for Known<'_> {
    type Result = ActionResult;

    fn whole(&self, key: &Digest) -> Record<ActionResult> {
        self.find(WHOLE, key)
    }

    fn step(&self, step: StepName, key: &Digest) -> Record<ActionResult> {
        let record = self.find(step.as_str(), key);
        if let Record::Found(result) = &record
            && step == StepName::Restore
            && let Ok(facts) = serde_json::from_value::<RestoreFacts>(result.facts.clone())
            && let Some(what) = facts.floating
            && !self.is_fresh(facts.resolved_at)
        {
            return Record::Unusable(MissReason::Floating(what));
        }
        record
    }

    fn resolved(&self, restored: &ActionResult) -> BTreeMap<String, Digest> {
        restored
            .outputs
            .iter()
            .map(|(name, output)| (name.clone(), output.digest))
            .collect()
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

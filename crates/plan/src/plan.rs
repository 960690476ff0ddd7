use crate::seen_changes::seen_changes;
use crate::{Inputs, Key, Look, MissReason, PathSet, StepName};
use mizzen_oci::Digest;
use std::collections::BTreeMap;

/// What is already known, by key. A look-up asks once whether a record and all its blobs are there.
pub trait Records {
    /// What a record of restore holds; opaque here.
    type Restored: Clone;
    /// What a record of publish holds; opaque here.
    type Published;

    /// Returns the final record of a whole build.
    fn whole(&self, key: &Digest) -> Record<Self::Published>;

    /// Returns the record of restore.
    fn restored(&self, key: &Digest) -> Record<Self::Restored>;

    /// Returns the record of a restore that looked up paths which all answer today as they did then,
    /// whatever else of `inputs` is other: see [`PathSet`].
    fn restored_by_paths(&self, inputs: &Inputs) -> Record<Self::Restored>;

    /// Returns the record of publish.
    fn published(&self, key: &Digest) -> Record<Self::Published>;

    /// Returns the record of a publish over `restored` that looked up paths which all answer today as
    /// they did then, whatever else of `inputs` is other: see [`PathSet`].
    fn published_by_paths(
        &self,
        inputs: &Inputs,
        restored: &Self::Restored,
    ) -> Record<Self::Published>;

    /// Returns what a step looked up the last time of which no record was found by paths.
    fn last_looks(&self) -> Option<LastLooks>;

    /// Returns the names and digests of what a found restore resolved.
    fn resolved(&self, restored: &Self::Restored) -> BTreeMap<String, Digest>;

    /// Returns the inputs of the newest build of the same project, whatever it was.
    fn latest(&self) -> Option<Inputs>;
}

/// The answer to a look-up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record<R> {
    /// The result, complete.
    Found(R),
    /// No record.
    Missing,
    /// A record that cannot be used: what it lacks, or why it is not to be trusted today.
    Unusable(MissReason),
}

/// What a step looked up the last time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastLooks {
    /// The paths.
    pub paths: PathSet,
    /// The first path of the machine that has another answer today.
    pub machine: Option<(String, Look)>,
}

impl<R> Record<R> {
    /// Returns the record, else what `other` finds; if that is nothing, what this one lacks.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Found(_) => self,
            Self::Missing => other(),
            Self::Unusable(_) => match other() {
                Self::Missing => self,
                other => other,
            },
        }
    }
}

/// Which steps the caller wants run whatever is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skip {
    /// Do not look for restore's record, and so for none after it.
    pub restore: bool,
    /// Do not look for publish's record.
    pub publish: bool,
    /// Do not look for publish's record, for no key covers what it gives.
    pub unkeyed: Option<Unkeyed>,
}

/// Why no key covers what publish gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unkeyed {
    /// Some of it comes from the network.
    Network,
    /// It is another thing each time.
    Volatile,
}

impl Skip {
    /// `true` if publish's record is not looked for.
    pub fn of_publish(self) -> bool {
        self.restore || self.publish || self.unkeyed.is_some()
    }
}

/// What will be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan<R, P> {
    /// The first step.
    pub restore: PlannedRestore<R>,
    /// The second, over what the first gives.
    pub publish: PlannedPublish<P>,
}

/// Restore, with its key and what is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedRestore<R> {
    /// What its record is found by.
    pub key: Digest,
    /// Whether it runs.
    pub verdict: Verdict<R>,
}

/// Publish, with its key and what is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedPublish<P> {
    /// What its record is found by, as far as that can be said before restore has run.
    pub key: Key,
    /// Whether it runs.
    pub verdict: Verdict<P>,
}

/// Whether a step runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict<T> {
    /// Its result is known.
    Hit(T),
    /// Its result is known to be part of what a later step's record holds: nothing to fetch.
    Covered,
    /// It runs, for these reasons.
    Run(Vec<MissReason>),
}

/// Decides what runs. With `restored`, which a restore has just given, the rest is decided again.
pub fn plan<S: Records>(
    inputs: &Inputs,
    records: &S,
    skip: Skip,
    restored: Option<&S::Restored>,
) -> Plan<S::Restored, S::Published> {
    let restore = |verdict| PlannedRestore {
        key: inputs.restore_key(),
        verdict,
    };
    let mut unusable = Vec::new();
    if restored.is_none() && !skip.of_publish() {
        let key = inputs.whole_key();
        match records.whole(&key) {
            Record::Found(result) => {
                let verdict = Verdict::Hit(result);
                let key = Key::Known(key);
                return Plan {
                    restore: restore(Verdict::Covered),
                    publish: PlannedPublish { key, verdict },
                };
            }
            Record::Unusable(reason) => unusable.push(reason),
            Record::Missing => {}
        }
    }
    let known = match restored {
        Some(restored) => Record::Found(restored.clone()),
        None if skip.restore => Record::Missing,
        None => records
            .restored(&inputs.restore_key())
            .or(|| records.restored_by_paths(inputs)),
    };
    let reasons_to_restore = match known {
        Record::Found(restored) => {
            let publish = publish_over(&restored, inputs, records, skip, unusable);
            let restore = restore(Verdict::Hit(restored));
            return Plan { restore, publish };
        }
        Record::Unusable(reason) => vec![reason],
        Record::Missing => reasons(inputs, records, unusable, skip.restore.then_some(skip)),
    };
    Plan {
        restore: restore(Verdict::Run(reasons_to_restore.clone())),
        publish: PlannedPublish {
            key: Key::After(StepName::Restore),
            verdict: Verdict::Run(reasons_to_restore),
        },
    }
}

fn publish_over<S: Records>(
    restored: &S::Restored,
    inputs: &Inputs,
    records: &S,
    skip: Skip,
    unusable: Vec<MissReason>,
) -> PlannedPublish<S::Published> {
    let key = inputs.publish_key(&records.resolved(restored));
    let known = if skip.of_publish() {
        Record::Missing
    } else {
        let known = records.published(&key);
        known.or(|| records.published_by_paths(inputs, restored))
    };
    let skip = skip.of_publish().then_some(skip);
    let verdict = match known {
        Record::Found(result) => Verdict::Hit(result),
        Record::Unusable(reason) => Verdict::Run(vec![reason]),
        Record::Missing => Verdict::Run(reasons(inputs, records, unusable, skip)),
    };
    let key = Key::Known(key);
    PlannedPublish { key, verdict }
}

/// Returns why there is no record: what was `unusable`, else what is other than the last time. With
/// `skip`, nobody looked, for its reason.
fn reasons<S: Records>(
    inputs: &Inputs,
    records: &S,
    unusable: Vec<MissReason>,
    skip: Option<Skip>,
) -> Vec<MissReason> {
    if let Some(skip) = skip {
        let is_asked = skip.restore || skip.publish;
        return vec![match skip.unkeyed.filter(|_| !is_asked) {
            None => MissReason::Asked,
            Some(Unkeyed::Network) => MissReason::Network,
            Some(Unkeyed::Volatile) => MissReason::Volatile,
        }];
    }
    if !unusable.is_empty() {
        return unusable;
    }
    let Some(earlier) = records.latest() else {
        return vec![MissReason::FirstBuild];
    };
    let seen = records.last_looks();
    let seen = seen.and_then(|looks| seen_changes(&earlier, inputs, looks).ok());
    // The newest build may have been another than the one whose looks are known: then every change is
    // named.
    let changes = seen.filter(|changes| !changes.is_empty());
    let changes = changes.unwrap_or_else(|| MissReason::between(&earlier, inputs));
    if changes.is_empty() {
        vec![MissReason::NotKept]
    } else {
        changes
    }
}

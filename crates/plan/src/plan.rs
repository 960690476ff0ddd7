use crate::{Inputs, Key, MissReason, StepKey, StepName};
use mizzen_oci::Digest;
use std::collections::BTreeMap;

/// What is already known, by key. A look-up asks once whether a record and all its blobs are there.
pub trait Records {
    /// What a found record holds; opaque here.
    type Result: Clone;

    /// Returns the record of the whole build.
    fn whole(&self, key: &Digest) -> Record<Self::Result>;

    /// Returns the record of a step.
    fn step(&self, step: StepName, key: &Digest) -> Record<Self::Result>;

    /// Returns the names and digests of what a found restore resolved.
    fn resolved(&self, restored: &Self::Result) -> BTreeMap<String, Digest>;

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
    /// The machine's linker made it, of what is not known.
    Linker,
}

impl Skip {
    /// `true` if publish's record is not looked for.
    pub fn of_publish(self) -> bool {
        self.restore || self.publish || self.unkeyed.is_some()
    }
}

/// What will be done, step by step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan<R> {
    /// The steps in their order.
    pub steps: Vec<Planned<R>>,
}

/// A step with its key and what is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned<R> {
    /// The step and its key.
    pub key: StepKey,
    /// Whether it runs.
    pub verdict: Verdict<R>,
}

/// Whether a step runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict<R> {
    /// Its result is known.
    Hit(R),
    /// Its result is known to be part of what a later step's record holds: nothing to fetch.
    Covered,
    /// It runs, for these reasons.
    Run(Vec<MissReason>),
}

/// Decides what runs. With `restored`, the result of a restore that has just run, the rest is
/// decided anew.
pub fn plan<S: Records>(
    inputs: &Inputs,
    records: &S,
    skip: Skip,
    restored: Option<&S::Result>,
) -> Plan<S::Result> {
    let restore_key = inputs.restore_key();
    let restore = |verdict| planned(StepName::Restore, Key::Known(restore_key), verdict);
    let mut unusable = Vec::new();

    if restored.is_none() && !skip.of_publish() {
        let whole_key = inputs.whole_key();
        match records.whole(&whole_key) {
            Record::Found(result) => {
                let publish = planned(
                    StepName::Publish,
                    Key::Known(whole_key),
                    Verdict::Hit(result),
                );
                return Plan {
                    steps: vec![restore(Verdict::Covered), publish],
                };
            }
            Record::Unusable(reason) => unusable.push(reason),
            Record::Missing => {}
        }
    }
    let reasons = |mut reasons: Vec<MissReason>, asked: bool| {
        if asked {
            let is_asked = skip.restore || skip.publish;
            return vec![match skip.unkeyed.filter(|_| !is_asked) {
                None => MissReason::Asked,
                Some(Unkeyed::Network) => MissReason::Network,
                Some(Unkeyed::Volatile) => MissReason::Volatile,
                Some(Unkeyed::Linker) => MissReason::Linker,
            }];
        }
        if reasons.is_empty() {
            reasons = match records.latest() {
                None => vec![MissReason::FirstBuild],
                Some(earlier) => MissReason::between(&earlier, inputs),
            };
        }
        if reasons.is_empty() {
            reasons.push(MissReason::NotKept);
        }
        reasons
    };
    let known = match restored {
        Some(result) => Record::Found(result.clone()),
        None if skip.restore => Record::Missing,
        None => records.step(StepName::Restore, &restore_key),
    };
    let resolved = match known {
        Record::Found(result) => result,
        Record::Unusable(reason) => {
            return both_run(restore(Verdict::Run(vec![reason.clone()])), vec![reason]);
        }
        Record::Missing => {
            let why = reasons(unusable, skip.restore);
            return both_run(restore(Verdict::Run(why.clone())), why);
        }
    };
    let key = inputs.publish_key(&records.resolved(&resolved));
    let restore = restore(Verdict::Hit(resolved));
    let known = if skip.of_publish() {
        Record::Missing
    } else {
        records.step(StepName::Publish, &key)
    };
    let verdict = match known {
        Record::Found(result) => Verdict::Hit(result),
        Record::Unusable(reason) => Verdict::Run(vec![reason]),
        Record::Missing => Verdict::Run(reasons(unusable, skip.of_publish())),
    };
    Plan {
        steps: vec![
            restore,
            planned(StepName::Publish, Key::Known(key), verdict),
        ],
    }
}

fn both_run<R>(restore: Planned<R>, why: Vec<MissReason>) -> Plan<R> {
    let publish = planned(
        StepName::Publish,
        Key::After(StepName::Restore),
        Verdict::Run(why),
    );
    Plan {
        steps: vec![restore, publish],
    }
}

fn planned<R>(step: StepName, key: Key, verdict: Verdict<R>) -> Planned<R> {
    Planned {
        key: StepKey { step, key },
        verdict,
    }
}

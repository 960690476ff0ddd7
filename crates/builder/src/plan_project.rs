use crate::inputs::keyed_paths::ASKED_NOT_TO;
use crate::inputs::staged::{Staged, read};
use crate::inputs::unshown_paths::{UnshownPath, UnshownPaths};
use crate::publish_each::EachPlatform;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::StoredRecords;
use crate::request::{Context, ProjectRequest};
use crate::steps::decide::decide;
use crate::{BuildError, StepLooks, StepSight};
use mizzen_dotnet::{Tailored, is_restore_input};
use mizzen_oci::Digest;
use mizzen_plan::{FileInput, Inputs, Key, MissReason, Plan, Record, Records, StepName, Verdict};
use mizzen_stage::SYSTEM_FOLDERS;
use mizzen_store::Store;
use std::path::Path;

/// What a build would do now, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectPlan {
    /// Everything that decides about it; about the first platform, where each is published for by itself.
    pub inputs: Inputs,
    /// The steps in their order; for each platform, where each is published for by itself.
    pub steps: Vec<StepPlan>,
    /// What publish did to the files of packages and runtime for this one application; where it is
    /// to run, what it is asked to do, else what it did the last time.
    pub tailored: Option<Tailored>,
    /// Why no step would be watched here, as far as that can be told before one runs; `None` if nothing is
    /// in the way.
    pub not_watched: Option<String>,
    /// What is odd in the project files, a line each.
    pub oddities: Vec<String>,
    /// What each step is known to look up, in the order of `steps`; empty if nobody asked.
    pub looks: Vec<StepLooks>,
    /// What publish looked for outside the workspace, where that is known: it ran with these inputs, and
    /// was watched.
    unshown: Option<UnshownPaths>,
}

/// What would become of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepPlan {
    /// The step.
    pub step: StepName,
    /// Its key; `None` if a step before it has to run first.
    pub key: Option<Digest>,
    /// Why it would run; `None` if its result is known.
    pub runs: Option<Vec<MissReason>>,
}

/// What a file is to a build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileRole {
    /// It is in the key of restore and in that of publish.
    Restore(FileInput),
    /// It is in the key of publish alone.
    Publish(FileInput),
    /// It is not shown to `dotnet`.
    NotStaged,
}

/// What a file outside the workspace is to a build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutsideFile {
    /// Every stage shows it where it is, and publish's key has it if publish looks at it.
    OfTheSystem,
    /// Publish looked for it, or for a folder above it, and no stage shows that.
    LookedFor(UnshownPath),
    /// Publish did not look for it.
    NotLookedFor,
    /// Nobody knows: publish has not run with these inputs, or it was not watched.
    Unknown,
}

/// Decides what [`publish_project`](crate::publish_project()) would do, and does none of it.
///
/// # Errors
/// [`BuildError`] if the workspace, the SDK or the cache cannot be read.
pub fn plan_project(
    context: &Context<'_>,
    request: &ProjectRequest,
) -> Result<ProjectPlan, BuildError> {
    decided(context, request, false)
}

/// Decides the same, and finds what each step is known to look up.
///
/// # Errors
/// As [`plan_project`].
pub fn plan_with_looks(
    context: &Context<'_>,
    request: &ProjectRequest,
) -> Result<ProjectPlan, BuildError> {
    decided(context, request, true)
}

fn decided(
    context: &Context<'_>,
    request: &ProjectRequest,
    with_looks: bool,
) -> Result<ProjectPlan, BuildError> {
    let mut staged = read(context, request)?;
    if let Some(each) = EachPlatform::known(&staged)? {
        let requests = each.requests(request)?;
        let plans = requests
            .iter()
            .map(|request| decided(context, request, with_looks));
        let plans = plans.collect::<Result<Vec<_>, _>>()?.into_iter();
        let together = |mut all: ProjectPlan, next: ProjectPlan| {
            all.steps.extend(next.steps);
            all.looks.extend(next.looks);
            all
        };
        return Ok(plans
            .reduce(together)
            .expect("there is at least one platform"));
    }
    let records = StoredRecords::of(&staged);
    let Plan { restore, publish } = decide(&mut staged, &records, None)?;
    let unshown = match &publish.verdict {
        Verdict::Hit(published) => published.record.unshown.clone(),
        _ => None,
    };
    let tailored = match &publish.verdict {
        Verdict::Hit(published) => published.record.runtime.tailored,
        _ => request
            .options
            .tailored()
            .or_else(|| records.latest_published()?.runtime.tailored),
    };
    let not_watched = if request.policy.watch {
        context.executor.cannot_watch()?
    } else {
        Some(ASKED_NOT_TO.to_owned())
    };
    let looks = if with_looks {
        looks(&staged, &records, &restore.verdict)?
    } else {
        Vec::new()
    };
    records.check()?;
    context.observations.save(&context.store)?;
    let steps = vec![
        StepPlan {
            step: StepName::Restore,
            key: Some(restore.key),
            runs: reasons(restore.verdict),
        },
        StepPlan {
            step: StepName::Publish,
            key: match publish.key {
                Key::Known(key) => Some(key),
                Key::After(_) => None,
            },
            runs: reasons(publish.verdict),
        },
    ];
    Ok(ProjectPlan {
        oddities: staged.observed.dependencies.lines(),
        inputs: staged.inputs,
        not_watched,
        looks,
        steps,
        tailored,
        unshown,
    })
}

/// Returns what each step is known to look up, with what is known of `restore`.
fn looks(
    staged: &Staged<'_>,
    records: &StoredRecords<'_>,
    restore: &Verdict<RestoreRecord>,
) -> Result<Vec<StepLooks>, BuildError> {
    let inputs = &staged.inputs;
    let restored = match restore {
        Verdict::Hit(restored) => Record::Found(restored.clone()),
        // The record of the whole build says nothing of packages.
        Verdict::Covered => {
            let known = records.restored(&inputs.restore_key());
            known.or(|| records.restored_by_paths(inputs))
        }
        Verdict::Run(_) => Record::Missing,
    };
    let weak = match &restored {
        Record::Found(restored) => Some(records.weak_publish_key(inputs, restored)?),
        Record::Missing | Record::Unusable(_) => None,
    };
    let of = |step, weak: Option<&Digest>| -> Result<StepLooks, BuildError> {
        let known = records.looks(step, weak, inputs)?;
        Ok(StepLooks { step, known })
    };
    Ok(vec![
        of(StepName::Restore, Some(&inputs.weak_restore_key()))?,
        of(StepName::Publish, weak.as_ref())?,
    ])
}

fn reasons<T>(verdict: Verdict<T>) -> Option<Vec<MissReason>> {
    match verdict {
        Verdict::Hit(_) | Verdict::Covered => None,
        Verdict::Run(reasons) => Some(reasons),
    }
}

impl ProjectPlan {
    /// Returns how each step saw `file`, absolute, which need not be there, in the workspace at `root` or
    /// elsewhere on the machine.
    ///
    /// # Errors
    /// [`BuildError`] if a path that a step looked up is there and cannot be read.
    pub fn sights(
        &self,
        file: &Path,
        root: &Path,
        store: &Store,
    ) -> Result<Vec<StepSight<'_>>, BuildError> {
        StepSight::of_each(&self.looks, file, (root, &self.inputs.files), store)
    }

    /// Returns what the file at `path`, relative to the workspace with `/`, is to the build.
    pub fn role_of(&self, path: &str) -> FileRole {
        match self.inputs.files.get(path) {
            None => FileRole::NotStaged,
            Some(fact) if is_restore_input(path) => FileRole::Restore(fact.clone()),
            Some(fact) => FileRole::Publish(fact.clone()),
        }
    }

    /// Returns what a file outside the workspace at `root`, absolute, is to the build.
    pub fn outside_file(&self, file: &Path, root: &Path) -> OutsideFile {
        if SYSTEM_FOLDERS.iter().any(|folder| file.starts_with(folder)) {
            return OutsideFile::OfTheSystem;
        }
        let Some(unshown) = &self.unshown else {
            return OutsideFile::Unknown;
        };
        let mut found = unshown.on_machine(root).into_iter();
        found
            .find(|unshown| file.starts_with(&unshown.path))
            .map_or(OutsideFile::NotLookedFor, OutsideFile::LookedFor)
    }
}

#[cfg(test)]
mod tests;

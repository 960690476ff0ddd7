use crate::FloatPolicy;
use crate::inputs::git::GitRepository;
use crate::inputs::keyed_paths::Keyed;
use crate::inputs::staged::Staged;
use crate::records::compressed_assets::CompressedAssets;
use crate::records::record_keeper::Made;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::{Published, StoredRecords};
use crate::report::{Event, Outcome, StepReport};
use crate::result::app::App;
use crate::steps::decide::decide;
use crate::steps::publish_step::{PublishRun, Shortcuts};
use crate::steps::published_app::published_app;
use crate::steps::restore_step::RestoreRun;
use crate::steps::run_step::{run_publish, run_restore};
use crate::{BuildError, GitPolicy};
use mizzen_oci::Digest;
use mizzen_plan::{Key, MissReason, PlannedRestore, Record, Records, StepName, Verdict};
use mizzen_store::{StoreError, Turn};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::{debug, debug_span};

/// The steps of one build, as far as they have come.
pub(crate) struct Steps<'a, 'b> {
    staged: &'b mut Staged<'a>,
    records: &'b StoredRecords<'a>,
    started: Instant,
    /// What restore gave, once that is settled for this build.
    restored: Option<RestoreRecord>,
    /// What restore is found by, if this build ran it itself.
    restore_keyed: Option<Keyed>,
    reports: BTreeMap<StepName, StepReport>,
    dotnet_calls: usize,
}

impl<'a, 'b> Steps<'a, 'b> {
    /// Begins a build, of which nothing is done yet.
    pub(crate) fn new(
        staged: &'b mut Staged<'a>,
        records: &'b StoredRecords<'a>,
        started: Instant,
    ) -> Self {
        Self {
            staged,
            records,
            started,
            restored: None,
            restore_keyed: None,
            reports: BTreeMap::new(),
            dotnet_calls: 0,
        }
    }

    /// Returns how often `dotnet` was started.
    pub(crate) fn dotnet_calls(&self) -> usize {
        self.dotnet_calls
    }

    /// Reuses each step or runs it, and decides again after each.
    ///
    /// # Errors
    /// [`BuildError`]; nothing of a failed step is kept.
    pub(crate) fn carry_out(&mut self) -> Result<App, BuildError> {
        loop {
            let plan = decide(self.staged, self.records, self.restored.as_ref())?;
            let PlannedRestore { key, verdict } = plan.restore;
            match (verdict, plan.publish.key, plan.publish.verdict) {
                (restore, Key::Known(publish_key), Verdict::Hit(published)) => {
                    if let Verdict::Hit(restored) = restore {
                        self.reuse_restored(key, restored);
                    } else {
                        self.report_hit(StepName::Restore, key, published.origin.as_ref());
                    }
                    return Ok(self.reuse_published(publish_key, published));
                }
                (Verdict::Hit(restored), Key::Known(publish_key), publish) => {
                    self.reuse_restored(key, restored.clone());
                    let reasons = reasons(publish);
                    let app = self.publish(&restored, key, publish_key, reasons)?;
                    if let Some(app) = app {
                        return Ok(app);
                    }
                }
                (restore, _, _) => self.restore(key, reasons(restore))?,
            }
        }
    }

    /// Restores, unless another build has done so meanwhile.
    fn restore(&mut self, key: Digest, reasons: Vec<MissReason>) -> Result<(), BuildError> {
        let _turn = self.turn(StepName::Restore, &key)?;
        let is_looked_for = !self.staged.skip().restore;
        let records = self.records;
        let inputs = &self.staged.inputs;
        let known = records.restored(&key);
        match known.or(|| records.restored_by_paths(inputs)) {
            Record::Found(restored) if is_looked_for => {
                self.reuse_restored(key, restored);
                Ok(())
            }
            _ => self.run_restore(key, reasons),
        }
    }

    /// Publishes over what was restored, unless another build has done so meanwhile. Returns `None` if
    /// something came to light with which it has to be decided again.
    fn publish(
        &mut self,
        restored: &RestoreRecord,
        restore_key: Digest,
        key: Digest,
        reasons: Vec<MissReason>,
    ) -> Result<Option<App>, BuildError> {
        let _turn = self.turn(StepName::Publish, &key)?;
        if !self.staged.skip().of_publish() {
            let records = self.records;
            let inputs = &self.staged.inputs;
            let known = records.published(&key);
            if let Record::Found(published) =
                known.or(|| records.published_by_paths(inputs, restored))
            {
                return Ok(Some(self.reuse_published(key, published)));
            }
        }
        self.check_sdk(StepName::Publish, &reasons)?;
        // What this build has restored itself is here.
        if self.restore_keyed.is_none()
            && let Some(lost) = self.records.bring(restored)?
        {
            self.run_restore(restore_key, vec![MissReason::Incomplete(lost)])?;
            return Ok(None);
        }
        let shortcuts = Shortcuts {
            is_restored: self.records.is_proven(&self.staged.inputs, restored)?,
            compressed: CompressedAssets::of(self.staged).get()?,
        };
        self.dotnet_calls += 1;
        let staged = &*self.staged;
        let result = self.timed(
            StepName::Publish,
            key,
            reasons.clone(),
            |run: &PublishRun| (&run.keyed, run.waited),
            |_, starts| run_publish(staged, restored, shortcuts, starts),
        );
        let (run, report) = match result {
            // The project asks for packages that restore's key knows nothing of, because of a file
            // that restore does not read: restore it again with everything at hand.
            Err(error) if self.restore_keyed.is_none() && error.is_about_packages() => {
                self.run_restore(restore_key, reasons)?;
                return Ok(None);
            }
            result => result?,
        };
        if self.staged.add_packages(&run.findings)? {
            // A package of which restore did not know had no repository to ask.
            return Ok(None);
        }
        let staged = &*self.staged;
        let keeper = self.records.keeper();
        keeper.keep_looks(StepName::Publish, &run.keyed)?;
        if staged.skip().unkeyed.is_none() {
            let publish = &Made {
                record: &run.published.record,
                keyed: &run.keyed,
            };
            let reused = Keyed::NotWatched("it did not run".to_owned());
            let restore = &Made {
                record: restored,
                keyed: self.restore_keyed.as_ref().unwrap_or(&reused),
            };
            keeper.keep_published(&staged.inputs, &key, publish, restore)?;
            tell_never(staged, StepName::Publish, &run.keyed);
        }
        tell_git(staged, &run.keyed);
        self.reports.insert(StepName::Publish, report);
        Ok(Some(self.app(run.published)))
    }

    /// Says no where a step has to run and there is nothing to run it with.
    fn check_sdk(&self, step: StepName, reasons: &[MissReason]) -> Result<(), BuildError> {
        let request = self.staged.request;
        match request.absent_toolchain {
            None => Ok(()),
            Some(_) => Err(BuildError::NoSdk {
                step,
                version: request.sdk.version.clone(),
                reasons: reasons.to_vec(),
            }),
        }
    }

    fn run_restore(&mut self, key: Digest, reasons: Vec<MissReason>) -> Result<(), BuildError> {
        self.check_sdk(StepName::Restore, &reasons)?;
        self.dotnet_calls += 1;
        let staged = &*self.staged;
        let is_told = reasons
            .iter()
            .any(|it| matches!(it, MissReason::Floating(_)));
        let (run, report) = self.timed(
            StepName::Restore,
            key,
            reasons,
            |run: &RestoreRun| (&run.keyed, run.waited),
            |reasons, starts| run_restore(staged, reasons, starts),
        )?;
        let RestoreRun { record, keyed, .. } = run;
        let made = Made {
            record: &record,
            keyed: &keyed,
        };
        let keeper = self.records.keeper();
        keeper.keep_looks(StepName::Restore, &keyed)?;
        for note in keeper.keep_restored(&staged.inputs, &key, &made)? {
            staged.context.reporter.event(&Event::Note(&note));
        }
        tell_never(staged, StepName::Restore, &keyed);
        if let Some(floating) = record.floating.as_ref().filter(|_| !is_told) {
            tell_floating(staged, &floating.what);
        }
        self.reports.insert(StepName::Restore, report);
        self.restored = Some(record);
        self.restore_keyed = Some(keyed);
        Ok(())
    }

    /// Waits while another build makes the very same.
    fn turn(&self, step: StepName, key: &Digest) -> Result<Turn, BuildError> {
        let context = self.staged.context;
        let _span = debug_span!("wait for the same step of another build", step = %step).entered();
        let turn = context.store.turn(step.as_str(), key, &context.cancel, || {
            let note = format!("another build is running the same {step}; waiting for its result");
            context.reporter.event(&Event::Waiting(&note));
        });
        turn.map_err(|error| match error {
            StoreError::Cancelled(cancelled) => cancelled.into(),
            error => error.into(),
        })
    }

    /// Takes what a restore gave, now or before; tells of it once.
    fn reuse_restored(&mut self, key: Digest, restored: RestoreRecord) {
        if self.restored.is_none() {
            self.report_hit(StepName::Restore, key, restored.origin.as_ref());
            if let Some(floating) = &restored.floating {
                let seconds = self.staged.request.now.saturating_sub(floating.resolved_at);
                let minutes = match seconds / 60 {
                    1 => "1 minute".to_owned(),
                    minutes => format!("{minutes} minutes"),
                };
                let note = format!(
                    "package versions float ({}), and what was resolved {minutes} ago is reused",
                    floating.what
                );
                self.staged.context.reporter.event(&Event::Note(&note));
            }
        }
        self.restored = Some(restored);
    }

    fn reuse_published(&mut self, key: Digest, published: Published) -> App {
        self.report_hit(StepName::Publish, key, published.origin.as_ref());
        self.app(published)
    }

    fn app(&mut self, published: Published) -> App {
        let steps = std::mem::take(&mut self.reports);
        App {
            steps: steps.into_values().collect(),
            dotnet_calls: self.dotnet_calls,
            ..published_app(self.staged, published)
        }
    }

    fn report_hit(&mut self, step: StepName, key: Digest, origin: Option<&String>) {
        debug!(step = %step, %key, "hit");
        let report = StepReport {
            step,
            key,
            outcome: match origin {
                Some(_) => Outcome::RemoteHit,
                None => Outcome::Hit,
            },
            took: self.started.elapsed(),
            reasons: Vec::new(),
            watched: None,
        };
        let event = Event::StepEnded(&report);
        self.staged.context.reporter.event(&event);
        self.reports.insert(step, report);
    }

    fn timed<R>(
        &self,
        step: StepName,
        key: Digest,
        reasons: Vec<MissReason>,
        about: fn(&R) -> (&Keyed, Duration),
        work: impl FnOnce(&[MissReason], &dyn Fn()) -> Result<R, BuildError>,
    ) -> Result<(R, StepReport), BuildError> {
        let context = self.staged.context;
        let _span = debug_span!("step", name = %step, %key).entered();
        debug!(reasons = %listed(&reasons), "miss");
        let started = Cell::new(Instant::now());
        let starts = || {
            context.reporter.event(&Event::StepStarted(step, &reasons));
            started.set(Instant::now());
        };
        let result = work(&reasons, &starts)?;
        let (keyed, waited) = about(&result);
        let report = StepReport {
            step,
            key,
            outcome: Outcome::Ran,
            took: started.get().elapsed().saturating_sub(waited),
            reasons,
            watched: keyed.watched(),
        };
        context.reporter.event(&Event::StepEnded(&report));
        Ok((result, report))
    }
}

fn listed(reasons: &[MissReason]) -> String {
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    reasons.join(", ")
}

/// Tells why what a step gave is not kept, if it is not.
fn tell_never(staged: &Staged<'_>, step: StepName, keyed: &Keyed) {
    if let Keyed::Never(why) = keyed {
        let project = &staged.request.workspace.project;
        let warning = format!("what the {step} of `{project}` gave is not kept: {why}");
        staged.context.reporter.event(&Event::Warning(&warning));
    }
}

/// Says what will make restore run in each build, and how to end that; later builds have it as their
/// reason.
fn tell_floating(staged: &Staged<'_>, what: &str) {
    if staged.request.policy.floats != FloatPolicy::Resolve {
        return;
    }
    let what = what.trim_end_matches('.');
    let note = format!(
        "package versions float ({what}), so restore runs in each build; a lock file (RestorePackagesWithLockFile) ends that, or `floats = \"ttl:24h\"` under [policy] in mizzen.toml"
    );
    staged.context.reporter.event(&Event::Note(&note));
}

/// Tells if publish asked more of git than the SDK by itself, and had no repository to ask: the SDK looks
/// whether there is a `.git`, and goes no deeper where there is none.
fn tell_git(staged: &Staged<'_>, keyed: &Keyed) {
    let (request, git) = (staged.request, &staged.observed.dependencies.git);
    if request.policy.git != GitPolicy::Auto || git.reads.is_some() {
        return;
    }
    let is_deeper = |path: &&String| path.starts_with(".git/") || path.contains("/.git/");
    let paths = keyed.paths().map(|keyed| &keyed.paths);
    let deeper = paths.and_then(|paths| paths.sources.keys().find(is_deeper));
    if let Some(path) = deeper
        && GitRepository::of(&request.workspace.root).is_some()
    {
        let warning = format!(
            "the publish of `{}` asked git (it looked for `{path}`), and its stage has no repository; \
             `[policy] git = \"always\"` in mizzen.toml gives it one",
            request.workspace.project
        );
        let event = Event::Warning(&warning);
        staged.context.reporter.event(&event);
    }
}

/// Returns why a step runs.
fn reasons<T>(verdict: Verdict<T>) -> Vec<MissReason> {
    match verdict {
        Verdict::Run(reasons) => reasons,
        Verdict::Hit(_) | Verdict::Covered => Vec::new(),
    }
}

#[cfg(test)]
mod tests;

use crate::BuildError;
use crate::inputs::staged::Staged;
use crate::report::{Event, Outcome, StepReport};
use crate::result::app::{App, AppFacts};
use crate::result::layers;
use crate::result::published_app::published_app;
use crate::steps::decide::{decide, findings_of};
use crate::steps::records::{Known, RestoreFacts};
use crate::steps::run_step::{run_publish, run_restore};
use mizzen_oci::Digest;
use mizzen_plan::{Key, MissReason, Record, Records, Skip, StepName, Verdict, plan};
use mizzen_store::{ActionResult, StoreError, Turn};
use std::cell::Cell;
use std::time::Instant;

/// The steps of one build, as far as they have come.
pub(crate) struct Steps<'a, 'b> {
    staged: &'b mut Staged<'a>,
    known: &'b Known<'a>,
    started: Instant,
    reports: Vec<StepReport>,
    dotnet_calls: usize,
}

impl<'a, 'b> Steps<'a, 'b> {
    /// Begins a build, of which nothing is done yet.
    pub(crate) fn new(staged: &'b mut Staged<'a>, known: &'b Known<'a>, started: Instant) -> Self {
        Self {
            staged,
            known,
            started,
            reports: Vec::new(),
            dotnet_calls: 0,
        }
    }

    /// Returns how often `dotnet` was started.
    pub(crate) fn dotnet_calls(&self) -> usize {
        self.dotnet_calls
    }

    /// Reuses each step or runs it, and asks again after each.
    ///
    /// # Errors
    /// [`BuildError`]; nothing of a failed step is kept.
    pub(crate) fn carry_out(&mut self, skip: Skip) -> Result<App, BuildError> {
        let mut decided = decide(self.staged, self.known, skip)?;
        let (restore_key, verdict) = take(&mut decided.steps, StepName::Restore);
        let mut restored_now = false;
        let restored = match verdict {
            Verdict::Covered => {
                self.report_hit(StepName::Restore, restore_key);
                let (key, verdict) = take(&mut decided.steps, StepName::Publish);
                if let Some(app) = self.app_of(&verdict) {
                    return Ok(self.reused(key, app));
                }
                // The record is not of our shape, or a layer went since it was looked for.
                self.reports.clear();
                return self.carry_out(Skip {
                    publish: true,
                    ..skip
                });
            }
            Verdict::Hit(result) => {
                self.reuse_restore(restore_key, &result);
                result
            }
            Verdict::Run(reasons) => {
                let _turn = self.turn(StepName::Restore, &restore_key)?;
                let kept = self.kept_meanwhile(StepName::Restore, &restore_key, skip);
                let result = if let Some(kept) = kept {
                    self.reuse_restore(restore_key, &kept);
                    kept
                } else {
                    restored_now = true;
                    self.restore(restore_key, reasons)?
                };
                self.staged.add_packages(&findings_of(&result))?;
                let skip = self.staged.skip_now(skip);
                decided = plan(&self.staged.inputs, self.known, skip, Some(&result));
                take(&mut decided.steps, StepName::Restore);
                result
            }
        };
        let (key, verdict) = take(&mut decided.steps, StepName::Publish);
        if let Some(app) = self.app_of(&verdict) {
            return Ok(self.reused(key, app));
        }
        let reasons = match verdict {
            Verdict::Run(reasons) => reasons,
            Verdict::Hit(_) | Verdict::Covered => {
                vec![MissReason::Incomplete("a layer".to_owned())]
            }
        };
        let _turn = self.turn(StepName::Publish, &key)?;
        let kept = self.kept_meanwhile(StepName::Publish, &key, skip);
        if let Some(app) = kept.and_then(|result| self.app_of(&Verdict::Hit(result))) {
            return Ok(self.reused(key, app));
        }
        match self.publish(&restored, key, reasons.clone()) {
            // The project asks for packages that restore's key knows nothing of, because of a file
            // that restore does not read: restore it again with everything at hand.
            Err(error) if !restored_now && error.is_about_packages() => {
                self.reports.clear();
                let restored = self.restore(restore_key, reasons.clone())?;
                self.staged.add_packages(&findings_of(&restored))?;
                let key = self
                    .staged
                    .inputs
                    .publish_key(&self.known.resolved(&restored));
                self.publish(&restored, key, reasons)
            }
            result => result,
        }
    }

    /// Waits while another build makes the very same.
    fn turn(&self, step: StepName, key: &Digest) -> Result<Turn, BuildError> {
        let context = self.staged.context;
        let turn = context.store.turn(step.as_str(), key, &context.cancel, || {
            let note = format!("another build runs the same {step}; waiting for what it gives");
            context.reporter.event(&Event::Note(&note));
        });
        turn.map_err(|error| match error {
            StoreError::Cancelled(cancelled) => cancelled.into(),
            error => error.into(),
        })
    }

    /// Returns what another build kept since this one looked, unless it is not to be looked for.
    fn kept_meanwhile(&self, step: StepName, key: &Digest, skip: Skip) -> Option<ActionResult> {
        let is_skipped = match step {
            StepName::Restore => skip.restore,
            StepName::Publish => skip.of_publish(),
        };
        match self.known.step(step, key) {
            Record::Found(result) if !is_skipped => Some(result),
            _ => None,
        }
    }

    fn restore(
        &mut self,
        key: Digest,
        reasons: Vec<MissReason>,
    ) -> Result<ActionResult, BuildError> {
        self.dotnet_calls += 1;
        let staged = &*self.staged;
        let (result, report) = self.timed(StepName::Restore, key, reasons, |reasons, starts| {
            run_restore(staged, reasons, starts)
        })?;
        for note in self.known.keep_restore(&key, &result)? {
            staged.context.reporter.event(&Event::Note(&note));
        }
        self.reports.push(report);
        Ok(result)
    }

    fn publish(
        &mut self,
        restored: &ActionResult,
        key: Digest,
        reasons: Vec<MissReason>,
    ) -> Result<App, BuildError> {
        self.dotnet_calls += 1;
        let staged = &*self.staged;
        let result = self.timed(StepName::Publish, key, reasons.clone(), |_, starts| {
            run_publish(staged, restored, starts)
        });
        let ((facts, layers, odd), report) = result?;
        if self.staged.add_packages(&odd)? {
            // A package of which restore did not know had no repository to ask.
            let key = self
                .staged
                .inputs
                .publish_key(&self.known.resolved(restored));
            return self.publish(restored, key, reasons);
        }
        self.reports.push(report);
        let staged = &*self.staged;
        if staged.skip().unkeyed.is_none() {
            self.known
                .keep_app(&staged.inputs, &key, &facts, restored)?;
        }
        let (layers, symbols) = (layers.by_platform, layers.symbols);
        Ok(App {
            steps: std::mem::take(&mut self.reports),
            dotnet_calls: self.dotnet_calls,
            ..published_app(self.staged, facts, layers, symbols)
        })
    }

    fn reused(&mut self, key: Digest, app: App) -> App {
        self.report_hit(StepName::Publish, key);
        App {
            steps: std::mem::take(&mut self.reports),
            dotnet_calls: self.dotnet_calls,
            ..app
        }
    }

    /// Returns the app that a hit's record describes, if the store has all of it.
    fn app_of(&self, verdict: &Verdict<ActionResult>) -> Option<App> {
        let Verdict::Hit(result) = verdict else {
            return None;
        };
        let facts: AppFacts = serde_json::from_value(result.facts.clone()).ok()?;
        let (request, context) = (self.staged.request, self.staged.context);
        let found = layers::found(&facts, &request.layers, &context.store)?;
        let (layers, symbols) = (found.by_platform, found.symbols);
        Some(published_app(self.staged, facts, layers, symbols))
    }

    fn reuse_restore(&mut self, key: Digest, result: &ActionResult) {
        self.report_hit(StepName::Restore, key);
        let facts = serde_json::from_value::<RestoreFacts>(result.facts.clone());
        if let Ok(facts) = facts
            && let Some((what, at)) = facts.floating.zip(facts.resolved_at)
        {
            let minutes = self.staged.request.now.saturating_sub(at) / 60;
            let note = format!(
                "versions float ({what}), and what was resolved {minutes} minutes ago is reused"
            );
            self.staged.context.reporter.event(&Event::Note(&note));
        }
    }

    fn report_hit(&mut self, step: StepName, key: Digest) {
        let (outcome, took) = (Outcome::Hit, self.started.elapsed());
        let report = StepReport {
            step,
            key,
            outcome,
            took,
            reasons: Vec::new(),
        };
        self.staged
            .context
            .reporter
            .event(&Event::StepEnded(&report));
        self.reports.push(report);
    }

    fn timed<R>(
        &self,
        step: StepName,
        key: Digest,
        reasons: Vec<MissReason>,
        work: impl FnOnce(&[MissReason], &dyn Fn()) -> Result<R, BuildError>,
    ) -> Result<(R, StepReport), BuildError> {
        let context = self.staged.context;
        let started = Cell::new(Instant::now());
        let starts = || {
            context.reporter.event(&Event::StepStarted(step, &reasons));
            started.set(Instant::now());
        };
        let result = work(&reasons, &starts)?;
        let report = StepReport {
            step,
            key,
            outcome: Outcome::Ran,
            took: started.get().elapsed(),
            reasons,
        };
        context.reporter.event(&Event::StepEnded(&report));
        Ok((result, report))
    }
}

type Step = (Digest, Verdict<ActionResult>);

fn take(steps: &mut Vec<mizzen_plan::Planned<ActionResult>>, step: StepName) -> Step {
    let place = steps
        .iter()
        .position(|planned| planned.key.step == step)
        .expect("a plan has every step");
    let planned = steps.remove(place);
    match planned.key.key {
        Key::Known(key) => (key, planned.verdict),
        // Asked for again once restore has run; until then nothing is kept under it.
        Key::After(_) => (Digest::from_bytes([0; 32]), planned.verdict),
    }
}

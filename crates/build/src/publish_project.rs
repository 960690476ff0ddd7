use crate::app::{App, AppFacts};
use crate::facts::{Injected, SOURCES, canonical, facts, injected};
use crate::records::{Known, RestoreFacts};
use crate::report::{Event, Outcome, Reporter, StepReport};
use crate::scan::{Scan, scan_workspace, toolchain_id};
use crate::{BuildError, layers_step, publish_step, restore_step};
use mizzen_dotnet::{Canonical, PublishOptions, Toolchain, Workspace};
use mizzen_oci::{Digest, Platform};
use mizzen_plan::{Facts, Key, MissReason, Records, Skip, StepName, Verdict, plan};
use mizzen_stage::{Content, Executor, StageError};
use mizzen_store::{ActionCache, ActionResult, Cancel, Store};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What a build works with; everything that has a life of its own is injected.
pub struct Context<'a> {
    /// Runs the steps.
    pub executor: &'a dyn Executor,
    /// The canonical root of its stages.
    pub stage_root: &'a Path,
    /// Keeps blobs.
    pub store: Arc<Store>,
    /// Keeps records.
    pub records: &'a dyn ActionCache,
    /// Hears what happens.
    pub reporter: &'a dyn Reporter,
    /// Asks to stop.
    pub cancel: Cancel,
}

/// What to build.
pub struct ProjectRequest {
    /// The tree and the project in it.
    pub workspace: Workspace,
    /// The SDKs.
    pub toolchain: Toolchain,
    /// What `dotnet publish` is asked for.
    pub options: PublishOptions,
    /// What the image is for; at least one.
    pub platforms: Vec<Platform>,
    /// The user's own NuGet configuration, whether it is there or not.
    pub user_nuget_config: Option<PathBuf>,
    /// Variables that restore may need to fetch: proxies, credentials. In no key and no record.
    pub restore_environment: BTreeMap<String, String>,
    /// The build host's ICU library, `libicuuc.so.72`; without one .NET runs without cultures.
    pub icu: Option<String>,
    /// Whether restore may not fetch.
    pub offline: bool,
    /// Which records not to look for.
    pub skip: Skip,
    /// Files and folders of the workspace that this build writes itself, absolute.
    pub ignore: Vec<PathBuf>,
}

/// How often a workspace that changes under the build is read anew.
const ATTEMPTS: usize = 3;

/// Turns a project into layers: reads the workspace, looks for what is known, runs the rest.
///
/// A hit starts no process and makes no layer.
///
/// # Errors
/// [`BuildError`]; nothing of a failed step is kept.
pub fn publish_project(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let mut attempt = 1;
    loop {
        match publish_once(context, request) {
            Err(BuildError::Stage(error @ StageError::Changed(_))) if attempt == ATTEMPTS => {
                return Err(BuildError::Unsteady(error));
            }
            Err(BuildError::Stage(StageError::Changed(file))) => {
                let note = format!(
                    "`{}` changed while it was read; reading the workspace again",
                    file.display()
                );
                context.reporter.event(&Event::Note(&note));
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Everything that is the same for the steps of one build.
pub(crate) struct Staged<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) request: &'a ProjectRequest,
    pub(crate) stage_root: &'a Path,
    pub(crate) canonical: Canonical,
    pub(crate) scan: Scan,
    pub(crate) injected: Injected,
    pub(crate) facts: Facts,
}

impl Staged<'_> {
    /// Returns what every stage of this build shows.
    pub(crate) fn inputs(&self) -> BTreeMap<String, Content> {
        let sources = self
            .scan
            .contents
            .iter()
            .map(|(path, content)| (format!("{SOURCES}/{path}"), content.clone()));
        sources.chain(self.injected.contents.clone()).collect()
    }
}

fn publish_once(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let started = Instant::now();
    let staged = read(context, request)?;
    let slot = staged.facts.slot(&request.workspace.root.to_string_lossy());
    let known = Known::new(&context.store, context.records, slot);
    let mut reports = Vec::new();

    let mut decided = plan(&staged.facts, &known, request.skip, None);
    let mut dotnet_calls = 0;
    let mut floating = false;
    let restored = match take(&mut decided.steps, StepName::Restore) {
        (_, Verdict::Covered) => None,
        (_, Verdict::Hit(result)) => Some(result),
        (_, Verdict::Run(reasons)) if request.offline => {
            return Err(BuildError::Offline(reasons));
        }
        (key, Verdict::Run(reasons)) => {
            let (result, report) = timed(context, StepName::Restore, key, reasons, || {
                restore_step::restore(&staged)
            })?;
            dotnet_calls += 1;
            known.keep_restore(&key, &result)?;
            reports.push(report);
            decided = plan(&staged.facts, &known, request.skip, Some(&result));
            take(&mut decided.steps, StepName::Restore);
            Some(result)
        }
    };
    if reports.is_empty() {
        let key = staged.facts.restore_key();
        reports.push(hit(context, StepName::Restore, key, started));
    }
    if let Some(result) = &restored {
        floating = serde_json::from_value::<RestoreFacts>(result.facts.clone())
            .map_or(true, |facts| facts.floating.is_some());
    }
    let (key, verdict) = take(&mut decided.steps, StepName::Publish);
    if let Verdict::Hit(result) = &verdict
        && let Some(app) = app_of(result, context, request)
    {
        reports.push(hit(context, StepName::Publish, key, started));
        known.check()?;
        return Ok(App {
            steps: reports,
            dotnet_calls,
            ..app
        });
    }
    let reasons = match verdict {
        Verdict::Run(reasons) => reasons,
        Verdict::Hit(_) | Verdict::Covered => vec![MissReason::Incomplete("a layer".to_owned())],
    };
    let restored = restored.expect("publish runs only after a restore that was found or run");
    let ((facts, layers), report) = timed(context, StepName::Publish, key, reasons, || {
        publish_step::publish(&staged, &restored)
    })?;
    reports.push(report);
    let publish_key = staged.facts.publish_key(&known.resolved(&restored));
    known.keep_app(&staged.facts, &publish_key, &facts, floating)?;
    known.check()?;
    show_warnings(context, request, &facts);
    Ok(App {
        runtime: facts.runtime,
        layers: layers.by_platform,
        left_out: facts.left_out,
        steps: reports,
        dotnet_calls: dotnet_calls + 1,
    })
}

fn read<'a>(
    context: &'a Context<'a>,
    request: &'a ProjectRequest,
) -> Result<Staged<'a>, BuildError> {
    let (store, cancel) = (&context.store, &context.cancel);
    let scan = scan_workspace(&request.workspace.root, &request.ignore, store, cancel)?;
    for path in &scan.left_out {
        let note = format!("`{}` is not staged: its name is not UTF-8", path.display());
        context.reporter.event(&Event::Note(&note));
    }
    let toolchain = toolchain_id(&request.toolchain.root, store, cancel)?;
    let injected = injected(request)?;
    let facts = facts(request, context.stage_root, toolchain, &scan, &injected);
    Ok(Staged {
        context,
        request,
        stage_root: context.stage_root,
        canonical: canonical(context.stage_root, &request.toolchain.root),
        scan,
        injected,
        facts,
    })
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
        Key::After(_) => (Digest::from_bytes([0; 32]), planned.verdict),
    }
}

fn timed<R>(
    context: &Context<'_>,
    step: StepName,
    key: Digest,
    reasons: Vec<MissReason>,
    work: impl FnOnce() -> Result<R, BuildError>,
) -> Result<(R, StepReport), BuildError> {
    context.cancel.check()?;
    context.reporter.event(&Event::StepStarted(step, &reasons));
    let started = Instant::now();
    let result = work()?;
    let report = StepReport {
        step,
        key,
        outcome: Outcome::Ran,
        took: started.elapsed(),
        reasons,
    };
    context.reporter.event(&Event::StepEnded(&report));
    Ok((result, report))
}

fn hit(context: &Context<'_>, step: StepName, key: Digest, started: Instant) -> StepReport {
    let report = StepReport {
        step,
        key,
        outcome: Outcome::Hit,
        took: started.elapsed(),
        reasons: Vec::new(),
    };
    context.reporter.event(&Event::StepEnded(&report));
    report
}

fn app_of(result: &ActionResult, context: &Context<'_>, request: &ProjectRequest) -> Option<App> {
    let facts: AppFacts = serde_json::from_value(result.facts.clone()).ok()?;
    let layers = layers_step::found(&facts, &request.platforms, &context.store)?;
    show_warnings(context, request, &facts);
    Some(App {
        runtime: facts.runtime,
        layers,
        left_out: facts.left_out,
        steps: Vec::new(),
        dotnet_calls: 0,
    })
}

fn show_warnings(context: &Context<'_>, request: &ProjectRequest, facts: &AppFacts) {
    for warning in &facts.warnings {
        let warning = warning
            .clone()
            .with_own_paths(&facts.staged_sources, &request.workspace.root);
        context.reporter.event(&Event::Message(&warning));
    }
}

use crate::app::{App, AppFacts, GitIgnoredFile};
use crate::facts::{Injected, SOURCES, canonical, facts, injected};
use crate::file_based::add_directives;
use crate::git_ignored::GitIgnored;
use crate::nuget::{NugetSettings, StagedNuget, staged_nuget};
use crate::odd_workspace::OddWorkspace;
use crate::records::Known;
use crate::report::{Event, Outcome, Reporter, StepReport};
use crate::scan::{Scan, scan_workspace};
use crate::sdk::toolchain_id;
use crate::{
    BuildError, InputRules, LayerOptions, Policy, cache_check, layers_step, publish_step,
    restore_step,
};
use fs_err as fs;
use mizzen_dotnet::{Canonical, ChosenSdk, PublishOptions, Toolchain, Workspace, with_sdk_path};
use mizzen_oci::Digest;
use mizzen_plan::{Facts, Key, MissReason, Records, Skip, StepName, Verdict, plan};
use mizzen_stage::{Content, Executor, Rung, StageError};
use mizzen_store::{ActionCache, ActionResult, Cancel, Store};
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::resume_unwind;
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
    /// Asked before each step that runs: what would make its work vain.
    pub preflight: &'a dyn Fn() -> Result<(), Box<dyn Error + Send + Sync>>,
}

/// What to build.
pub struct ProjectRequest {
    /// The tree and the project in it.
    pub workspace: Workspace,
    /// `dotnet`.
    pub toolchain: Toolchain,
    /// The SDK that it runs for this project.
    pub sdk: ChosenSdk,
    /// What `dotnet publish` is asked for.
    pub options: PublishOptions,
    /// How the layers are made.
    pub layers: LayerOptions,
    /// What the user has told NuGet outside the workspace.
    pub nuget: NugetSettings,
    /// Variables that restore may need to fetch: proxies, credentials. In no key and no record.
    pub restore_environment: BTreeMap<String, String>,
    /// Values of those that no line of `dotnet` may show.
    pub secrets: Vec<String>,
    /// Variables of the user's that every step sees, and every key holds.
    pub passed: BTreeMap<String, String>,
    /// What is staged beside, or instead of, what is by itself.
    pub inputs: InputRules,
    /// How what is no function of the workspace alone is handled.
    pub policy: Policy,
    /// The build host's ICU library, `libicuuc.so.72`; without one .NET runs without cultures.
    pub icu: Option<String>,
    /// The toolchain that has to be there, if packages have to be those of lock files, too.
    pub locked: Option<LockedToolchain>,
    /// Whether restore may not fetch.
    pub offline: bool,
    /// Which records not to look for.
    pub skip: Skip,
    /// Whether what is reused is also made again, and compared.
    pub check_cache: bool,
    /// Files and folders of the workspace that this build writes itself, absolute.
    pub ignore: Vec<PathBuf>,
}

/// A toolchain by content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedToolchain {
    /// The SDK's version, for people.
    pub version: String,
    /// Names its bytes.
    pub id: Digest,
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
    let result = publish_steady(context, request);
    for text in context.store.take_healed() {
        context.reporter.event(&Event::Note(&text));
    }
    result
}

fn publish_steady(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
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
    pub(crate) nuget: StagedNuget,
    pub(crate) odd: OddWorkspace,
    pub(crate) facts: Facts,
}

impl Staged<'_> {
    /// Returns what the stage of `step` shows.
    pub(crate) fn inputs(&self, step: StepName) -> BTreeMap<String, Content> {
        let nuget = match step {
            StepName::Restore => &self.nuget.restore,
            StepName::Publish => &self.nuget.publish,
        };
        let sources = self
            .scan
            .contents
            .iter()
            .map(|(path, content)| (format!("{SOURCES}/{path}"), content.clone()));
        let injected = self.injected.contents.clone();
        sources.chain(injected).chain(nuget.clone()).collect()
    }
}

fn publish_once(context: &Context<'_>, request: &ProjectRequest) -> Result<App, BuildError> {
    let started = Instant::now();
    let staged = read(context, request)?;
    staged.odd.tell(context.reporter);
    let slot = staged.facts.slot(&request.workspace.root.to_string_lossy());
    let known = Known::new(&context.store, context.records, context.executor, slot);
    let mut steps = Steps {
        staged: &staged,
        known: &known,
        started,
        reports: Vec::new(),
        dotnet_calls: 0,
    };
    let mut app = steps.carry_out(request.skip)?;
    if request.check_cache {
        app.dotnet_calls += cache_check::check(&staged, &known, &app)?;
    }
    known.check()?;
    Ok(app)
}

/// The steps of one build, as far as they have come.
struct Steps<'a> {
    staged: &'a Staged<'a>,
    known: &'a Known<'a>,
    started: Instant,
    reports: Vec<StepReport>,
    dotnet_calls: usize,
}

impl Steps<'_> {
    fn carry_out(&mut self, skip: Skip) -> Result<App, BuildError> {
        let mut decided = plan(&self.staged.facts, self.known, skip, None);
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
                self.report_hit(StepName::Restore, restore_key);
                result
            }
            Verdict::Run(reasons) => {
                let result = self.restore(restore_key, reasons)?;
                restored_now = true;
                decided = plan(&self.staged.facts, self.known, skip, Some(&result));
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
        match self.publish(&restored, key, reasons.clone()) {
            // The project asks for packages that restore's key knows nothing of, because of a file
            // that restore does not read: restore it again with everything at hand.
            Err(error) if !restored_now && error.is_about_packages() => {
                self.reports.clear();
                let restored = self.restore(restore_key, reasons.clone())?;
                let key = self
                    .staged
                    .facts
                    .publish_key(&self.known.resolved(&restored));
                self.publish(&restored, key, reasons)
            }
            result => result,
        }
    }

    fn restore(
        &mut self,
        key: Digest,
        reasons: Vec<MissReason>,
    ) -> Result<ActionResult, BuildError> {
        let context = self.staged.context;
        let offline = self.staged.request.offline;
        // Feeds that are folders are no network; but on the lowest rung nothing keeps restore from one.
        if offline && context.executor.accepts(Rung::Path)? {
            let messages = Vec::new();
            return Err(BuildError::Offline { reasons, messages });
        }
        self.dotnet_calls += 1;
        let why = reasons.clone();
        let result = self.timed(StepName::Restore, key, why, || {
            restore_step::restore(self.staged)
        });
        let (result, report) = match result {
            Err(error) if offline && error.is_about_packages() => {
                let messages = error.into_messages();
                return Err(BuildError::Offline { reasons, messages });
            }
            result => result?,
        };
        for note in self.known.keep_restore(&key, &result)? {
            context.reporter.event(&Event::Note(&note));
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
        let staged = self.staged;
        let result = self.timed(StepName::Publish, key, reasons, || {
            publish_step::publish(staged, restored)
        });
        let ((facts, layers), report) = result?;
        self.reports.push(report);
        if !staged.request.policy.network {
            self.known.keep_app(&staged.facts, &key, &facts, restored)?;
        }
        self.show_warnings(&facts);
        Ok(App {
            git_ignored: self.git_ignored(&facts),
            runtime: facts.runtime,
            project: facts.project,
            layers: layers.by_platform,
            symbols: layers.symbols,
            left_out: facts.left_out,
            steps: std::mem::take(&mut self.reports),
            dotnet_calls: self.dotnet_calls,
            toolchain: Some(self.toolchain()),
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
        let found = layers_step::found(&facts, &request.layers, &context.store)?;
        self.show_warnings(&facts);
        Some(App {
            git_ignored: self.git_ignored(&facts),
            runtime: facts.runtime,
            project: facts.project,
            layers: found.by_platform,
            symbols: found.symbols,
            left_out: facts.left_out,
            steps: Vec::new(),
            dotnet_calls: 0,
            toolchain: Some(self.toolchain()),
        })
    }

    fn toolchain(&self) -> LockedToolchain {
        let toolchain = &self.staged.facts.toolchain;
        LockedToolchain {
            version: toolchain.version.clone(),
            id: toolchain.id,
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
        work: impl FnOnce() -> Result<R, BuildError>,
    ) -> Result<(R, StepReport), BuildError> {
        let context = self.staged.context;
        context.cancel.check()?;
        (context.preflight)().map_err(BuildError::Vain)?;
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

    // Asked anew each time: not every rule of git's is in the workspace, and so in a key.
    fn git_ignored(&self, facts: &AppFacts) -> Vec<GitIgnoredFile> {
        let mut ignored = GitIgnored::new(&self.staged.request.workspace.root);
        let is_in_image = |path: &str| facts.left_out.iter().all(|file| file.path != path);
        let sources = facts.sources.iter().filter(|(path, _)| is_in_image(path));
        let files = sources.filter_map(|(path, sources)| {
            let source = sources.iter().find(|source| ignored.contains(source))?;
            Some(GitIgnoredFile {
                path: path.clone(),
                source: source.clone(),
            })
        });
        files.collect()
    }

    fn show_warnings(&self, facts: &AppFacts) {
        if !facts.changed_sources.is_empty() {
            let note = format!(
                "publish writes beside the sources, and mizzen leaves yours as they are: {}",
                facts.changed_sources.join(", ")
            );
            self.staged.context.reporter.event(&Event::Note(&note));
        }
        let root = &self.staged.request.workspace.root;
        for warning in &facts.warnings {
            let warning = warning.clone().with_own_paths(&facts.staged_sources, root);
            self.staged
                .context
                .reporter
                .event(&Event::Message(&warning));
        }
    }
}

pub(crate) fn read<'a>(
    context: &'a Context<'a>,
    request: &'a ProjectRequest,
) -> Result<Staged<'a>, BuildError> {
    let (store, cancel) = (&context.store, &context.cancel);
    let (sdk, mut ignore) = (&request.sdk, request.ignore.clone());
    ignore.extend(sdk.in_workspace.iter().cloned());
    let (scan, toolchain) = std::thread::scope(|scope| {
        // An SDK is thousands of files to ask for; the workspace is asked for meanwhile.
        let toolchain = scope.spawn(|| toolchain_id(&request.toolchain, sdk, store, cancel));
        let (root, inputs) = (&request.workspace.root, &request.inputs);
        let scan = scan_workspace(root, inputs, &ignore, store, cancel);
        let toolchain = toolchain.join();
        (scan, toolchain.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (mut scan, toolchain) = (scan?, toolchain?);
    if let Some(locked) = request
        .locked
        .as_ref()
        .filter(|locked| locked.id != toolchain)
    {
        let here = LockedToolchain {
            version: sdk.version.clone(),
            id: toolchain,
        };
        let locked = locked.clone();
        return Err(BuildError::OtherToolchain { here, locked });
    }
    if let Some(file) = sdk.global_json.as_ref().filter(|_| sdk.has_paths)
        && let Some(content) = scan.contents.get_mut(file)
    {
        // The stage is elsewhere, and the SDK is not in it.
        let text = fs::read(request.workspace.root.join(file)).map_err(BuildError::Read)?;
        *content = Content::Bytes(with_sdk_path(&text, &sdk.root).into());
    }
    for path in &scan.left_out {
        let note = format!("`{}` is not staged: its name is not UTF-8", path.display());
        context.reporter.event(&Event::Note(&note));
    }
    let mut injected = injected();
    let odd = OddWorkspace::read(request, &mut scan, &mut injected, store)?;
    add_directives(&mut injected, &request.workspace.project, &scan)?;
    let mut nuget = staged_nuget(request, context.stage_root, &scan.contents)?;
    nuget.read_fallback_folders(store, cancel)?;
    let mut facts = facts(
        request,
        context.stage_root,
        toolchain,
        &scan,
        &injected,
        &nuget,
    );
    facts.host.extend(odd.programs.clone());
    Ok(Staged {
        context,
        request,
        stage_root: context.stage_root,
        canonical: canonical(context.stage_root, &request.toolchain.root),
        scan,
        injected,
        nuget,
        odd,
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
        // Asked for again once restore has run; until then nothing is kept under it.
        Key::After(_) => (Digest::from_bytes([0; 32]), planned.verdict),
    }
}

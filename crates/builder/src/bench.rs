//! What the unit tests of this crate build, and with what: an executor that plays a script.

use crate::{
    Allowed, App, BuildError, Context, Event, InputRules, LayerOptions, NugetSettings,
    Observations, Policy, ProjectPlan, ProjectRequest, Reporter, plan_project, plan_with_looks,
    publish_project,
};
use fs_err as fs;
use mizzen_dotnet::{ChosenSdk, PublishOptions, Toolchain, Workspace};
use mizzen_oci::Digest;
use mizzen_plan::Skip;
use mizzen_stage::{Access, Rung, Seen, SeenPath};
use mizzen_store::{
    ActionCache, ActionResult, Blob, Cancel, FsActionCache, Output, Store, StoreError,
};
use mizzen_testkit::{FakeExecutor, FakeRun};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Where every stage lies, of which the fake executor makes none.
const STAGE: &str = "/stage";

/// What happens while a build goes on; it is given the build's flag.
type Happening = Box<dyn FnOnce(&Cancel) + Send>;

/// A workspace with one project, an SDK, a cache, and an executor that plays what it is told to.
pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) store: Arc<Store>,
    pub(crate) executor: FakeExecutor,
    pub(crate) request: ProjectRequest,
    /// The steps whose next record is not found, as if another build kept it just after.
    pub(crate) hidden: Mutex<Vec<&'static str>>,
    /// The beginning of an event, and what happens at the first such event of the next build.
    pub(crate) at: Mutex<Option<(&'static str, Happening)>>,
    /// Whether what the steps would make cannot be used.
    pub(crate) is_in_vain: bool,
    /// Whether packages that records name lie elsewhere, and do not come.
    pub(crate) loses_packages: bool,
    /// How many runs were told of.
    told: Mutex<usize>,
    heard: Mutex<Vec<String>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on_rung(Rung::Processes)
    }

    pub(crate) fn on_rung(rung: Rung) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let store = Arc::new(Store::open(&root.join("cache")).unwrap());
        let bench = Self {
            executor: FakeExecutor::new(store.clone()).on_rung(rung),
            request: request(&root.join("shop"), &root.join("dotnet")),
            store,
            hidden: Mutex::default(),
            at: Mutex::default(),
            is_in_vain: false,
            loses_packages: false,
            told: Mutex::default(),
            heard: Mutex::default(),
            folder,
        };
        bench.write("dotnet/dotnet", "dotnet");
        bench.write("dotnet/sdk/10.0.401/dotnet.dll", "sdk");
        bench.write("shop/src/Api/Api.csproj", "<Project />");
        bench.write("shop/src/Api/Program.cs", "code");
        bench.write("shop/README.md", "read me");
        bench
    }

    /// Writes a file below the bench's own folder; the workspace is in `shop`.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Adds runs to the end of the script.
    pub(crate) fn will(&self, runs: impl IntoIterator<Item = FakeRun>) {
        for run in runs {
            self.executor.will(run);
        }
    }

    /// Cancels the next build at an event.
    pub(crate) fn cancel_at(&self, event: &'static str) {
        *self.at.lock().unwrap() = Some((event, Box::new(Cancel::cancel)));
    }

    /// Writes a file below the bench's own folder at an event of the next build.
    pub(crate) fn write_at(&self, event: &'static str, path: &str, text: &'static str) {
        let path = self.folder.path().join(path);
        let write = move |_: &Cancel| fs::write(path, text).unwrap();
        *self.at.lock().unwrap() = Some((event, Box::new(write)));
    }

    /// Builds; [`ran`](Self::ran) tells what ran.
    pub(crate) fn build(&self) -> Result<App, BuildError> {
        self.with_context(|context| publish_project(context, &self.request))
    }

    pub(crate) fn plan(&self) -> Result<ProjectPlan, BuildError> {
        self.with_context(|context| plan_project(context, &self.request))
    }

    pub(crate) fn plan_with_looks(&self) -> Result<ProjectPlan, BuildError> {
        self.with_context(|context| plan_with_looks(context, &self.request))
    }

    /// Builds where nothing is to run, and nothing runs.
    pub(crate) fn reuses(&self) -> App {
        let app = self.build().unwrap();
        assert_eq!(self.ran(), [""; 0]);
        app
    }

    /// The same after runs that nobody asked for.
    pub(crate) fn reuses_after_runs(&self) -> App {
        self.ran();
        self.reuses()
    }

    fn with_context<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let cancel = Cancel::default();
        let heard = Heard {
            events: &self.heard,
            at: &self.at,
            cancel: cancel.clone(),
        };
        let records = Hiding {
            cache: FsActionCache(&self.store),
            hidden: &self.hidden,
            loses_packages: self.loses_packages,
        };
        let preflight = || {
            if self.is_in_vain {
                return Err("it could not be pushed".into());
            }
            Ok(())
        };
        work(&Context {
            executor: &self.executor,
            stage_root: Path::new(STAGE),
            store: self.store.clone(),
            records: &records,
            reporter: &heard,
            observations: &Observations::of_machine(self.folder.path().to_owned()),
            cancel,
            preflight: &preflight,
        })
    }

    /// Returns which commands of `dotnet` ran since this was asked last.
    pub(crate) fn ran(&self) -> Vec<String> {
        let mut told = self.told.lock().unwrap();
        let actions = self.executor.actions();
        let new = actions[*told..].iter();
        let names = new.map(|action| action.command[1].clone()).collect();
        *told = actions.len();
        names
    }

    /// Returns what was told since this was asked last.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// Goes on with an executor on another rung, and the same cache.
    pub(crate) fn move_to(&mut self, rung: Rung) {
        self.executor = FakeExecutor::new(self.store.clone()).on_rung(rung);
        self.told = Mutex::default();
    }

    /// Removes a file or a folder below the bench's own folder.
    pub(crate) fn remove(&self, path: &str) {
        let path = self.folder.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    /// Returns how many of the lines that were told since somebody asked last hold all of `parts`: what a
    /// line names counts, not its wording.
    pub(crate) fn heard_of(&self, parts: &[&str]) -> usize {
        let lines = self.heard().into_iter();
        let about = lines.filter(|line| parts.iter().all(|part| line.contains(part)));
        about.count()
    }

    /// Changes each record of a step.
    pub(crate) fn change_records(&self, step: &str, change: impl Fn(&mut ActionResult)) {
        let cache = FsActionCache(&self.store);
        for key in self.kept(step) {
            let mut result = cache.get(step, &key).unwrap().unwrap();
            change(&mut result);
            cache.put(step, &key, &result).unwrap();
        }
    }

    /// Returns the keys under which records of a step are kept.
    pub(crate) fn kept(&self, step: &str) -> Vec<Digest> {
        let folder = self.folder.path().join("cache/actions-v1").join(step);
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .map(|name| format!("sha256:{name}").parse().unwrap())
            .collect()
    }
}

/// Returns a restore that fetches `serilog` for a dependency such as `Serilog >= 4.3.0`.
pub(crate) fn restored(dependency: &str) -> FakeRun {
    FakeRun::leaving([
        (
            "packages/serilog/4.3.0/lib/net10.0/Serilog.dll",
            dependency.to_owned(),
        ),
        ("src/src/Api/obj/project.assets.json", assets(dependency)),
    ])
}

fn assets(dependency: &str) -> String {
    format!(
        r#"{{"targets":{{"net10.0":{{"Serilog/4.3.0":{{"type":"package"}}}}}},
            "libraries":{{"Serilog/4.3.0":{{"type":"package","path":"serilog/4.3.0"}}}},
            "projectFileDependencyGroups":{{"net10.0":["{dependency}"]}},
            "project":{{"restore":{{"projectPath":"{STAGE}/src/src/Api/Api.csproj"}}}}}}"#
    )
}

/// Returns a publish over what [`restored`] gives, of which nobody knows what it looked up.
pub(crate) fn published(dependency: &str) -> FakeRun {
    let config = r#"{"runtimeOptions":{"tfm":"net10.0","framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}}"#;
    FakeRun::leaving([
        (
            "packages/serilog/4.3.0/lib/net10.0/Serilog.dll",
            dependency.to_owned(),
        ),
        ("src/src/Api/obj/project.assets.json", assets(dependency)),
        ("out/Api.dll", "compiled".to_owned()),
        ("out/Api.runtimeconfig.json", config.to_owned()),
    ])
}

/// Returns the same where publish was seen to read these files of the workspace.
pub(crate) fn published_of(dependency: &str, read: &[&str]) -> FakeRun {
    FakeRun {
        seen: seen(read),
        ..published(dependency)
    }
}

/// Returns what [`restored`] does where restore was seen to read these files of the workspace.
pub(crate) fn restored_of(dependency: &str, read: &[&str]) -> FakeRun {
    FakeRun {
        seen: seen(read),
        ..restored(dependency)
    }
}

fn seen(read: &[&str]) -> Seen {
    let seen = read.iter().map(|path| SeenPath {
        path: PathBuf::from(format!("{STAGE}/src/{path}")),
        access: Access::Read,
    });
    Seen::All(seen.collect())
}

/// Hears events as lines, and lets something happen at one of them.
struct Heard<'a> {
    events: &'a Mutex<Vec<String>>,
    at: &'a Mutex<Option<(&'static str, Happening)>>,
    cancel: Cancel,
}

impl Reporter for Heard<'_> {
    fn event(&self, event: &Event<'_>) {
        let line = match event {
            Event::StepStarted(step, reasons) => {
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                format!("{step} starts: {}", reasons.join(", "))
            }
            Event::StepEnded(report) => format!("{} {}", report.step, report.outcome.as_str()),
            Event::DotnetLine(text) => format!("dotnet: {text}"),
            Event::Message(message) => format!("message: {}", message.text),
            Event::Reused(messages) => format!("reused: {}", messages.len()),
            Event::Note(text) | Event::Waiting(text) => format!("note: {text}"),
            // How far it is hangs on how fast the machine is.
            Event::GoesOn(_) | Event::Packages(_) | Event::Compiling(_) => return,
            Event::Warning(text) => format!("warning: {text}"),
        };
        let mut at = self.at.lock().unwrap();
        if let Some((_, happens)) = at.take_if(|(event, _)| line.starts_with(*event)) {
            happens(&self.cancel);
        }
        self.events.lock().unwrap().push(line);
    }
}

/// A cache that does not find what another build is about to keep.
struct Hiding<'a> {
    cache: FsActionCache<'a>,
    hidden: &'a Mutex<Vec<&'static str>>,
    loses_packages: bool,
}

impl ActionCache for Hiding<'_> {
    fn get(&self, step: &str, key: &Digest) -> Result<Option<ActionResult>, StoreError> {
        let mut hidden = self.hidden.lock().unwrap();
        if let Some(place) = hidden.iter().position(|name| *name == step) {
            hidden.remove(place);
            return Ok(None);
        }
        self.cache.get(step, key)
    }

    fn put(&self, step: &str, key: &Digest, result: &ActionResult) -> Result<(), StoreError> {
        self.cache.put(step, key, result)
    }

    fn blob(&self, output: &Output) -> Option<Arc<dyn Blob>> {
        self.cache.blob(output)
    }

    fn bring(&self, outputs: &[Output]) -> Result<Option<Output>, StoreError> {
        match outputs.first() {
            Some(first) if self.loses_packages => Ok(Some(*first)),
            _ => self.cache.bring(outputs),
        }
    }
}

/// Returns a request for the project `src/Api/Api.csproj` of the workspace at `root`, by the only SDK of
/// `toolchain`, from somebody who asks for nothing else.
pub(crate) fn request(root: &Path, toolchain: &Path) -> ProjectRequest {
    let version = "10.0.401".to_owned();
    ProjectRequest {
        workspace: Workspace {
            root: root.to_owned(),
            project: "src/Api/Api.csproj".to_owned(),
            nuget_configs_above: Vec::new(),
            editor_config_above: None,
        },
        toolchain: Toolchain {
            root: toolchain.to_owned(),
            found_by: "PATH".to_owned(),
            sdk_versions: vec![version.clone()],
        },
        sdk: ChosenSdk {
            version,
            root: toolchain.to_owned(),
            global_json: None,
            has_paths: false,
            in_workspace: Vec::new(),
        },
        options: PublishOptions {
            configuration: "Release".to_owned(),
            ..PublishOptions::default()
        },
        layers: LayerOptions::for_platforms(Vec::new()),
        nuget: NugetSettings::default(),
        restore_environment: BTreeMap::new(),
        secrets: Vec::new(),
        passed: BTreeMap::new(),
        inputs: InputRules::default(),
        allowed: Allowed::Everything,
        policy: Policy::default(),
        now: 1_700_000_000,
        icu: None,
        absent_toolchain: None,
        locked: None,
        offline: false,
        skip: Skip::default(),
        check_cache: false,
        ignore: Vec::new(),
    }
}

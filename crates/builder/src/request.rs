use crate::inputs::observations::Observations;
use crate::layer_options::LayerOptions;
use crate::locked_toolchain::LockedToolchain;
use crate::nuget_settings::NugetSettings;
use crate::outside::Allowed;
use crate::policy::{InputRules, Policy};
use crate::report::Reporter;
use mizzen_dotnet::{ChosenSdk, PublishOptions, Toolchain, Workspace};
use mizzen_oci::Digest;
use mizzen_plan::Skip;
use mizzen_stage::Executor;
use mizzen_store::{ActionCache, Cancel, Store};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// What was looked at already, for other projects of the same command.
    pub observations: &'a Observations,
    /// Asks to stop.
    pub cancel: Cancel,
    /// Asked before each step that runs: what would make its work vain.
    pub preflight: &'a dyn Fn() -> Result<(), Box<dyn Error + Send + Sync>>,
}

/// What to build.
#[derive(Clone)]
pub struct ProjectRequest {
    /// The tree and the project in it.
    pub workspace: Workspace,
    /// `dotnet`.
    pub toolchain: Toolchain,
    /// The SDK that it runs for this project.
    pub sdk: ChosenSdk,
    /// What names the bytes of `dotnet` and the SDK, if they are not on this machine: what is known can be
    /// reused, and nothing can run.
    pub absent_toolchain: Option<Digest>,
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
    /// What of the outside the workspace may take.
    pub allowed: Allowed,
    /// How what is not a function of the workspace alone is handled.
    pub policy: Policy,
    /// The time of day, in seconds since 1970: what was resolved long ago is resolved again. In no key.
    pub now: u64,
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

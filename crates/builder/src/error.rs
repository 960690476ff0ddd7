use crate::dotnet_lines::DotnetMessage;
use crate::{LockedToolchain, OutsideRequest};
use mizzen_dotnet::{
    ContainerSettingsError, FrameworkMissing, Libc, NotPublishable, NugetConfigError, PublishError,
};
use mizzen_image::{FileTreeError, LayerError, UserError};
use mizzen_oci::Platform;
use mizzen_plan::{MissReason, StepName};
use mizzen_stage::StageError;
use mizzen_store::{Cancelled, StoreError};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// A project did not become layers, or layers not an image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `dotnet` ran and said no.
    #[error("`dotnet {step}` of `{project}` failed{}", exit_code.map_or_else(String::new, |code| format!(" (exit code {code})")))]
    Dotnet {
        /// The step.
        step: StepName,
        /// The project.
        project: String,
        /// `None` after a signal.
        exit_code: Option<i32>,
        /// What it said, with the user's own paths: errors, or the last lines where none is marked.
        messages: Vec<DotnetMessage>,
        /// The targets that fetch, where the step had no network.
        networked: Vec<String>,
    },
    /// The published folder is not one application.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The project says something about its image that cannot be.
    #[error(transparent)]
    Container(#[from] ContainerSettingsError),
    /// The project says that it is not published.
    #[error(transparent)]
    NotPublishable(#[from] NotPublishable),
    /// The application was published for another platform than the image is for.
    #[error(
        "the application was published for `{runtime_identifier}`, which does not run on `{platform}`"
    )]
    ForeignApp {
        /// What it was published for.
        runtime_identifier: String,
        /// What the image is for.
        platform: String,
        /// Everything that images are wanted for.
        wanted: Vec<Platform>,
        /// Whether it brings its frameworks along.
        self_contained: bool,
    },
    /// Symbols that are to lie beside an image are others for each of its platforms.
    #[error("the application is published separately for each platform, and so are its symbols")]
    SymbolsDiffer,
    /// Packages would have to be fetched.
    #[error(
        "packages have to be restored, but the network is off{}",
        first_of(reasons)
    )]
    Offline {
        /// Why they have to be restored.
        reasons: Vec<MissReason>,
        /// What NuGet said is missing, if it could be asked.
        messages: Vec<DotnetMessage>,
    },
    /// A step has to run, and there is no SDK.
    #[error(
        "{step} has to run, and SDK {version} is not on this machine{}",
        first_of(reasons)
    )]
    NoSdk {
        /// The step.
        step: StepName,
        /// The SDK's version.
        version: String,
        /// Why it has to run.
        reasons: Vec<MissReason>,
    },
    /// Package versions float, and the policy is not to build what floats.
    #[error("package versions float ({0}), and `[policy] floats` is `error`")]
    Floats(String),
    /// A project makes something else each time, and the policy is not to build that.
    #[error("`{path}`: {what}, and `[policy] volatile` is `error`")]
    Volatile {
        /// The file that says so.
        path: String,
        /// What is in it.
        what: String,
    },
    /// What the cache has is not what is made now.
    #[error("the cache does not match what this workspace builds: {}", .0.join("; "))]
    CacheDiffers(Vec<String>),
    /// The base image's files cannot be listed.
    #[error("the base image cannot be read")]
    Base(#[source] FileTreeError),
    /// A layer of the cache cannot be compared.
    #[error("a layer of the cache cannot be read")]
    CachedLayer(#[source] FileTreeError),
    /// The base image is for another platform.
    #[error("the base image is for `{got}`, want `{want}`")]
    ForeignBase {
        /// What the base is for.
        got: String,
        /// What the image is for.
        want: String,
    },
    /// The base image has not what the application runs on.
    #[error(transparent)]
    Framework(#[from] FrameworkMissing),
    /// The application is linked with another C library than the base image has.
    #[error(
        "the application was published for `{runtime_identifier}`, and the base image has {libc}"
    )]
    ForeignLibc {
        /// What it was published for.
        runtime_identifier: String,
        /// What the base has.
        libc: Libc,
    },
    /// The image has no shell for its health check.
    #[error("the health check is a line for a shell, and the image has no `{0}`")]
    NoShell(String),
    /// There is no .NET for the platform.
    #[error("there is no .NET for `{0}`")]
    Platform(String),
    /// The base image does not know the user.
    #[error("the image cannot run as the requested user")]
    User(#[source] UserError),
    /// What is to be added to the image is neither a file nor a folder of files.
    #[error("`{}` cannot be added to the image: {why}", .path.display())]
    Added {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of the workspace cannot be staged.
    #[error("`{path}` cannot be part of a build: {why}")]
    Unstageable {
        /// The file, relative to the workspace.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A link of the workspace leads out of it, and nobody has named its target.
    #[error("`{path}` is a link to `{}`, which is outside the workspace", target.display())]
    LinkOutside {
        /// The link, relative to the workspace.
        path: String,
        /// What it leads to, resolved.
        target: PathBuf,
    },
    /// Files of the workspace ask for what lies outside of it, and it is not allowed.
    #[error("the workspace asks for things outside itself that you have not allowed")]
    NotAllowed(Vec<OutsideRequest>),
    /// The toolchain is another than the one that is locked.
    #[error("the toolchain is {} ({}), but {} ({}) is locked", here.version, here.id.short(), locked.version, locked.id.short())]
    OtherToolchain {
        /// What is on this machine.
        here: LockedToolchain,
        /// What may be taken.
        locked: LockedToolchain,
    },
    /// Projects get packages that no lock file pins.
    #[error("packages are not locked: no lock file beside {}", .0.join(", "))]
    NoLockFile(Vec<String>),
    /// `dotnet` ran an SDK whose content is not in the key.
    #[error("`dotnet` ran the SDK in `{ran}`, but mizzen expected {chosen}")]
    OtherSdk {
        /// Its folder.
        ran: String,
        /// The version that the key has.
        chosen: String,
    },
    /// A NuGet configuration outside the workspace cannot be understood.
    #[error("`{path}` cannot be used")]
    NugetConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: NugetConfigError,
    },
    /// The sources never stood still.
    #[error("the workspace kept changing while the build was reading it")]
    Unsteady(#[source] StageError),
    /// A layer could not be made.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The stage.
    #[error(transparent)]
    Stage(StageError),
    /// The cache.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workspace or the SDK cannot be read; the message names the file.
    #[error("the sources or the SDK cannot be read")]
    Read(#[source] io::Error),
    /// What the steps would make could not be used.
    #[error(transparent)]
    Preflight(Box<dyn Error + Send + Sync>),
    /// The build was interrupted.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl BuildError {
    /// `true` if what was restored is not what the lock files have.
    pub fn is_about_lock_files(&self) -> bool {
        let differs = |message: &DotnetMessage| {
            ["NU1004", "NU1005", "NU1403"].contains(&message.code.as_str())
        };
        matches!(self, Self::Dotnet { messages, .. } if messages.iter().any(differs))
    }

    /// Returns what `dotnet` said, if it did.
    pub(crate) fn into_messages(self) -> Vec<DotnetMessage> {
        match self {
            Self::Dotnet { messages, .. } => messages,
            _ => Vec::new(),
        }
    }

    /// `true` if `dotnet` could not get, or did not find, the packages that a project asks for.
    pub(crate) fn is_about_packages(&self) -> bool {
        let is_nuget = |message: &DotnetMessage| {
            message.code.starts_with("NU") || message.code == "NETSDK1004"
        };
        matches!(self, Self::Dotnet { messages, .. } if messages.iter().any(is_nuget))
    }

    /// `true` if `dotnet` found no room on the disk of the stage, which is no fault of the project's.
    pub fn is_about_room(&self) -> bool {
        let is_full = |message: &DotnetMessage| message.text.contains("No space left on device");
        matches!(self, Self::Dotnet { messages, .. } if messages.iter().any(is_full))
    }
}

impl From<StageError> for BuildError {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Stage(other),
        }
    }
}

fn first_of(reasons: &[MissReason]) -> String {
    reasons
        .first()
        .map_or_else(String::new, |reason| format!(" ({reason})"))
}

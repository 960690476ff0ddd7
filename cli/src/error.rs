use crate::consent::{Wanted, plain};
use crate::hints;
use mizzen_builder::{BuildError, DotnetMessage};
use mizzen_dotnet::{BaseImageError, SdkError, SolutionError, ToolchainError, WorkspaceError};
use mizzen_image::{ArchiveError, FileTreeError, LayoutError, SinkError, SourceError};
use mizzen_registry::{ErrorKind, KeychainError, RegistryError};
use mizzen_store::{Cancelled, DamagedBlob, StoreError};
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::io;

/// A bug in mizzen.
const BUG: u8 = 1;
/// Bad usage or configuration, no project, wrong platform.
pub(crate) const USAGE: u8 = 2;
/// No usable SDK, or the project did not restore or publish.
const DOTNET: u8 = 3;
/// A registry said no.
const REGISTRY_SAID_NO: u8 = 4;
/// Network or registry failed after retries.
const NETWORK: u8 = 5;
/// A check failed.
const CHECK: u8 = 6;
/// Local disk or cache.
const LOCAL: u8 = 7;
/// Interrupted, where no signal says which.
const INTERRUPTED: u8 = 130;

/// Why a command failed: what the user reads, and the exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit_code: u8,
    message: String,
    /// What `dotnet` itself said.
    said: Vec<DotnetMessage>,
    causes: Vec<String>,
    hint: Option<String>,
    /// What of the cache was damaged and is removed: trying again heals.
    healed: Option<Box<str>>,
}

impl CommandError {
    /// The user asked for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit_code: USAGE,
            message: message.into(),
            said: Vec::new(),
            causes: Vec::new(),
            hint: None,
            healed: None,
        }
    }

    /// A file of the user's cannot be read or written.
    pub(crate) fn local(message: impl Into<String>, error: &io::Error) -> Self {
        Self {
            exit_code: LOCAL,
            causes: causes(error, true),
            ..Self::usage(message)
        }
    }

    /// Something was checked and has these defects.
    pub(crate) fn check(message: String, defects: &[impl fmt::Display]) -> Self {
        let causes = defects.iter().map(ToString::to_string).collect();
        Self {
            exit_code: CHECK,
            causes,
            ..Self::usage(message)
        }
    }

    /// Of several images some were not made; the first failure's exit code is that of all.
    pub(crate) fn of_some(first: &Self, failed: &[String], all: usize) -> Self {
        Self {
            exit_code: first.exit_code,
            ..Self::usage(format!(
                "{} of {all} images failed: {}",
                failed.len(),
                failed.join(", ")
            ))
        }
    }

    pub(crate) fn bug(message: &str, error: impl Error) -> Self {
        Self {
            exit_code: BUG,
            causes: causes(&error, true),
            ..Self::usage(message)
        }
        .hinted(hints::REPORT)
    }

    pub(crate) fn panicked() -> Self {
        Self {
            exit_code: BUG,
            ..Self::usage("mizzen has a bug; the lines above say where")
        }
        .hinted(hints::REPORT)
    }

    /// The same, with lines that say why.
    #[must_use]
    pub(crate) fn because(mut self, causes: Vec<String>) -> Self {
        self.causes = causes;
        self
    }

    #[must_use]
    pub(crate) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, as a check that failed.
    #[must_use]
    pub(crate) fn into_check(mut self) -> Self {
        self.exit_code = CHECK;
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Returns what is no longer in the cache, for it was damaged, and made the command fail.
    pub(crate) fn healed(&self) -> Option<&str> {
        self.healed.as_deref()
    }

    /// Returns the same for machines.
    pub(crate) fn to_json(&self, exit_code: u8) -> Value {
        let said: Vec<&str> = self.said.iter().map(|line| line.text.as_str()).collect();
        json!({
            "event": "error", "exitCode": exit_code, "message": self.message, "said": said,
            "causes": self.causes, "hint": self.hint,
        })
    }

    pub(crate) fn is_interruption(&self) -> bool {
        self.exit_code == INTERRUPTED
    }

    fn of(exit_code: u8, error: &(dyn Error + 'static), hint: Option<String>) -> Self {
        Self {
            exit_code,
            causes: causes(error, false),
            hint,
            healed: DamagedBlob::within(error).map(|damaged| damaged.to_string().into()),
            ..Self::usage(error.to_string())
        }
    }
}

/// The chain below `error`, outermost first, `error` itself only if `with_first`.
fn causes(error: &dyn Error, with_first: bool) -> Vec<String> {
    let mut chain = if with_first {
        vec![error.to_string()]
    } else {
        Vec::new()
    };
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // A transparent wrapper says what its cause says.
        if chain.last() != Some(&text) {
            chain.push(text);
        }
        source = error.source();
    }
    chain
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.said {
            writeln!(f, "{}", message.text)?;
        }
        writeln!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            writeln!(f, "  caused by: {cause}")?;
        }
        self.hint
            .iter()
            .try_for_each(|hint| writeln!(f, "hint: {hint}"))
    }
}

impl Error for CommandError {}

impl From<WorkspaceError> for CommandError {
    fn from(error: WorkspaceError) -> Self {
        Self::of(
            if matches!(error, WorkspaceError::Io(_)) {
                LOCAL
            } else {
                USAGE
            },
            &error,
            hints::workspace(&error),
        )
    }
}

impl From<SolutionError> for CommandError {
    fn from(error: SolutionError) -> Self {
        let is_local = matches!(error, SolutionError::Io(_));
        let hint = matches!(error, SolutionError::Several { .. })
            .then(|| "name one: mizzen build Shop.slnx".to_owned());
        Self::of(if is_local { LOCAL } else { USAGE }, &error, hint)
    }
}

impl From<ToolchainError> for CommandError {
    fn from(error: ToolchainError) -> Self {
        Self::of(DOTNET, &error, Some(hints::toolchain()))
    }
}

impl From<SdkError> for CommandError {
    fn from(error: SdkError) -> Self {
        let is_local = matches!(error, SdkError::Io(_));
        Self::of(
            if is_local { LOCAL } else { DOTNET },
            &error,
            hints::sdk(&error),
        )
    }
}

impl From<BaseImageError> for CommandError {
    fn from(error: BaseImageError) -> Self {
        Self::of(
            USAGE,
            &error,
            Some("name a base image with --base".to_owned()),
        )
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        let error = match error {
            BuildError::Preflight(error) => return from_medium(error),
            error => error,
        };
        let exit_code = match &error {
            error if error.is_about_room() => LOCAL,
            BuildError::Dotnet { .. } => DOTNET,
            BuildError::OtherSdk { .. } => BUG,
            BuildError::Publish(_)
            | BuildError::Container(_)
            | BuildError::ForeignApp { .. }
            | BuildError::SymbolsDiffer
            | BuildError::ForeignBase { .. }
            | BuildError::Framework(_)
            | BuildError::Platform(_)
            | BuildError::User(_)
            | BuildError::Added { .. }
            | BuildError::Unstageable { .. }
            | BuildError::LinkOutside { .. }
            | BuildError::NotAllowed(_)
            | BuildError::NugetConfig { .. } => USAGE,
            BuildError::Offline { .. } => NETWORK,
            BuildError::Floats(_)
            | BuildError::Volatile { .. }
            | BuildError::CacheDiffers(_)
            | BuildError::CachedLayer(_)
            | BuildError::OtherToolchain { .. }
            | BuildError::NoLockFile(_) => CHECK,
            BuildError::Unsteady(_)
            | BuildError::Layer(_)
            | BuildError::Stage(_)
            | BuildError::Store(_)
            | BuildError::Read(_) => LOCAL,
            BuildError::Cancelled(_) => INTERRUPTED,
            BuildError::Preflight(_) => unreachable!("it is the error that it holds"),
        };
        let hint = hints::build(&error);
        let mut command_error = Self::of(exit_code, &error, hint);
        match error {
            BuildError::Dotnet { messages, .. } | BuildError::Offline { messages, .. } => {
                command_error.said = messages;
            }
            BuildError::NotAllowed(requests) => {
                let causes = requests.into_iter().map(|request| {
                    let wanted = Wanted::from(request.wanted);
                    format!("{wanted} (`{}`)", plain(&request.asked_by))
                });
                command_error.causes = causes.collect();
            }
            BuildError::CacheDiffers(differences) => {
                "the cache does not hold what this workspace makes"
                    .clone_into(&mut command_error.message);
                command_error.causes = differences;
            }
            _ => {}
        }
        command_error
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        Self::of_registry(&error)
    }
}

impl CommandError {
    fn of_registry(error: &RegistryError) -> Self {
        let exit_code = match error.kind() {
            _ if matches!(error, RegistryError::PlatformMissing { .. }) => USAGE,
            ErrorKind::Settings => USAGE,
            ErrorKind::SaidNo => REGISTRY_SAID_NO,
            ErrorKind::Failed => NETWORK,
            ErrorKind::Local => LOCAL,
            ErrorKind::Cancelled => INTERRUPTED,
        };
        Self::of(exit_code, error, hints::registry(error))
    }
}

impl From<KeychainError> for CommandError {
    fn from(error: KeychainError) -> Self {
        Self::of(USAGE, &error, None)
    }
}

impl From<LayoutError> for CommandError {
    fn from(error: LayoutError) -> Self {
        // What a registry did while its layers were written is the registry's fault.
        if let LayoutError::Io(source) = &error
            && let Some(within) = RegistryError::within(source)
        {
            return Self::of_registry(within);
        }
        let is_local = matches!(error, LayoutError::Io(_));
        Self::of(if is_local { LOCAL } else { USAGE }, &error, None)
    }
}

impl From<ArchiveError> for CommandError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Layout(error) => error.into(),
            ArchiveError::Io(source) if RegistryError::within(&source).is_some() => {
                LayoutError::Io(source).into()
            }
            error => {
                let code = if matches!(error, ArchiveError::Io(_)) {
                    LOCAL
                } else {
                    USAGE
                };
                Self::of(code, &error, None)
            }
        }
    }
}

impl From<SourceError> for CommandError {
    fn from(error: SourceError) -> Self {
        from_medium(error.0)
    }
}

impl From<SinkError> for CommandError {
    fn from(error: SinkError) -> Self {
        from_medium(error.0)
    }
}

fn from_medium(error: Box<dyn Error + Send + Sync>) -> CommandError {
    let error = match error.downcast::<CommandError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let error = match error.downcast::<RegistryError>() {
        Ok(error) => return (*error).into(),
        Err(error) => error,
    };
    let error = match error.downcast::<ArchiveError>() {
        Ok(error) => return (*error).into(),
        Err(error) => error,
    };
    match error.downcast::<LayoutError>() {
        Ok(error) => (*error).into(),
        Err(error) => CommandError::of(LOCAL, &*error, None),
    }
}

impl From<FileTreeError> for CommandError {
    fn from(error: FileTreeError) -> Self {
        if let FileTreeError::Layer { source, .. } = &error
            && let Some(within) = RegistryError::within(source)
        {
            return Self {
                causes: causes(&error, false),
                ..Self::of_registry(within)
            };
        }
        Self::of(LOCAL, &error, None)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Cancelled(_) => INTERRUPTED,
            StoreError::Folder { .. } => USAGE,
            StoreError::Io(_) | StoreError::Mismatch { .. } => LOCAL,
        };
        Self::of(code, &error, hints::store(&error))
    }
}

impl From<Cancelled> for CommandError {
    fn from(error: Cancelled) -> Self {
        Self::of(INTERRUPTED, &error, None)
    }
}

//! Which error of which library ends with which code and hint.

use super::{
    BUG, CHECK, CommandError, DOTNET, INTERRUPTED, LOCAL, NETWORK, REGISTRY_SAID_NO, USAGE, causes,
};
use crate::consent::{Wanted, plain};
use crate::hints;
use mizzen_builder::BuildError;
use mizzen_dotnet::{BaseImageError, SdkError, SolutionError, ToolchainError, WorkspaceError};
use mizzen_image::{ArchiveError, FileTreeError, LayerError, LayoutError, SinkError, SourceError};
use mizzen_registry::{ErrorKind, KeychainError, RegistryError};
use mizzen_store::{Cancelled, StoreError};
use std::error::Error;
use std::io;

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
            BuildError::Dotnet { .. } | BuildError::NoSdk { .. } => DOTNET,
            BuildError::OtherSdk { .. } => BUG,
            BuildError::Publish(_)
            | BuildError::Container(_)
            | BuildError::NotPublishable(_)
            | BuildError::ForeignApp { .. }
            | BuildError::SymbolsDiffer
            | BuildError::ForeignBase { .. }
            | BuildError::Framework(_)
            | BuildError::ForeignLibc { .. }
            | BuildError::NoShell(_)
            | BuildError::Platform(_)
            | BuildError::User(_)
            | BuildError::Added { .. }
            | BuildError::Unstageable { .. }
            | BuildError::LinkOutside { .. }
            | BuildError::NotAllowed(_)
            | BuildError::NugetConfig { .. }
            | BuildError::Layer(
                LayerError::Path { .. }
                | LayerError::DuplicatePath { .. }
                | LayerError::NotADirectory { .. },
            ) => USAGE,
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
            | BuildError::Base(_)
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
                command_error.message =
                    "the cache does not match what this workspace builds".into();
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
        let code = match &error {
            LayoutError::Io(source) => code_of_content(source),
            LayoutError::Corrupt { .. }
            | LayoutError::Missing { .. }
            | LayoutError::Size { .. }
            | LayoutError::Manifest(_)
            | LayoutError::Image(_) => CHECK,
            LayoutError::NotALayout { .. }
            | LayoutError::NoTag { .. }
            | LayoutError::Ambiguous { .. }
            | LayoutError::Platform { .. }
            | LayoutError::IndexFile { .. } => USAGE,
        };
        Self::of(code, &error, None)
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
                let code = match &error {
                    ArchiveError::Io(source) if source.kind() == io::ErrorKind::NotFound => LOCAL,
                    ArchiveError::Io(source) => code_of_content(source),
                    ArchiveError::Malformed { .. }
                    | ArchiveError::Entry { .. }
                    | ArchiveError::DockerManifest { .. }
                    | ArchiveError::Missing { .. }
                    | ArchiveError::Image(_) => CHECK,
                    _ => USAGE,
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
        let FileTreeError::Layer { source, .. } = &error;
        Self::of(code_of_content(source), &error, None)
    }
}

/// Tells what is wrong with an image's bytes from what is wrong with the disk.
fn code_of_content(error: &io::Error) -> u8 {
    match error.kind() {
        // What decoders and readers of archives say, and a blob that an image names and does not have.
        io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotFound
        | io::ErrorKind::Other
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::Unsupported => CHECK,
        _ => LOCAL,
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

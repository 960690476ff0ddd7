use super::arguments::BuildArgs;
use crate::error::CommandError;
use crate::hints;
use crate::session::Session;
use mizzen_builder::known_toolchains;
use mizzen_dotnet::{ChosenSdk, Toolchain, Workspace};
use mizzen_oci::Digest;
use std::path::PathBuf;

/// `dotnet` and the SDK that it runs for a project.
pub(crate) struct FoundSdk {
    pub(crate) toolchain: Toolchain,
    pub(crate) sdk: ChosenSdk,
    /// Its content, if it is not on this machine.
    pub(crate) absent: Option<Digest>,
}

/// Finds the SDK on this machine, or its content in a shared cache: a hit needs no more.
///
/// # Errors
/// There is no SDK, and none of that version is known, or several are.
pub(crate) fn found_sdk(
    workspace: &Workspace,
    arguments: &BuildArgs,
    session: &Session<'_>,
) -> Result<FoundSdk, CommandError> {
    let process = session.process;
    let dotnet_root = process.variable("DOTNET_ROOT").map(PathBuf::from);
    let (folder, root) = (workspace.project_folder(), &workspace.root);
    let here = || -> Result<FoundSdk, CommandError> {
        let toolchain = Toolchain::find(&process.path(), dotnet_root.as_deref())?;
        let sdk = toolchain.choose(&folder, root)?;
        Ok(FoundSdk {
            toolchain,
            sdk,
            absent: None,
        })
    };
    let here = here();
    let asked = arguments.sharing.toolchain.as_deref();
    let error = match (here, asked) {
        (Ok(here), None) => return Ok(here),
        (Ok(here), Some(asked)) if here.sdk.version == asked => return Ok(here),
        (Ok(here), Some(asked)) => {
            let version = here.sdk.version;
            CommandError::usage(format!(
                "SDK {asked} is asked for, and the one of this machine is {version}"
            ))
        }
        (Err(error), _) => error,
    };
    let wanted = match asked {
        Some(asked) => Some(asked.to_owned()),
        None => ChosenSdk::wanted(&folder, root).map_err(mizzen_builder::BuildError::Read)?,
    };
    let Some(version) = wanted.filter(|_| session.is_sharing()) else {
        return Err(error);
    };
    match &known_toolchains(session.records()?, &version)?[..] {
        [] => Err(error),
        [id] => {
            let (toolchain, sdk) = Toolchain::absent(&version);
            Ok(FoundSdk {
                toolchain,
                sdk,
                absent: Some(*id),
            })
        }
        several => Err(CommandError::no_sdk(format!(
            "there is no SDK here, and {} different ones are known as {version}: which one was it?",
            several.len()
        ))
        .hinted(hints::toolchain())),
    }
}

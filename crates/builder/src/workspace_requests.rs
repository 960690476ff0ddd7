use crate::inputs::git_view::git_requests;
use crate::inputs::nuget::{NugetTold, staged_nuget};
use crate::inputs::scan::scan_workspace;
use crate::{BuildError, InputRules, NugetSettings, OutsideRequest};
use mizzen_dotnet::{Properties, Workspace};
use mizzen_store::{Cancel, Store};
use std::path::{Path, PathBuf};

/// What is to be asked, and of whom.
#[derive(Clone, Copy)]
pub struct WorkspaceQuestion<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// What of it is staged.
    pub inputs: &'a InputRules,
    /// Files and folders of it that a build writes itself, absolute.
    pub ignore: &'a [PathBuf],
    /// What the user has told NuGet.
    pub nuget: &'a NugetSettings,
    /// The MSBuild properties that are given.
    pub properties: &'a Properties,
}

/// Returns what the files of a workspace ask for outside of it: all that a build may stop for, without an
/// SDK.
///
/// # Errors
/// [`BuildError`] if the workspace cannot be read, or not staged.
pub fn workspace_requests(
    question: WorkspaceQuestion<'_>,
    store: &Store,
    cancel: &Cancel,
) -> Result<Vec<OutsideRequest>, BuildError> {
    let root = &question.workspace.root;
    let scan = scan_workspace(root, question.inputs, question.ignore, store, cancel)?;
    let told = NugetTold {
        workspace: question.workspace,
        settings: question.nuget,
        properties: question.properties,
    };
    let nowhere = Path::new("/");
    let mut requests = staged_nuget(told, nowhere, &scan.contents)?.requests;
    // Whether a package asks git is known once it is restored.
    requests.extend(git_requests(root));
    Ok(requests)
}

use crate::WorkspaceError;
use crate::project::project_file::{SOLUTIONS, files_with};
use std::path::{Path, PathBuf};

const DIRECTORY_FILES: [&str; 4] = [
    "Directory.Build.props",
    "Directory.Build.targets",
    "Directory.Packages.props",
    "Directory.Build.rsp",
];

pub(crate) const NUGET_CONFIGS: [&str; 3] = ["nuget.config", "NuGet.config", "NuGet.Config"];

/// Returns the root of the workspace around a project's folder, by the rules of
/// [`Workspace`](crate::Workspace).
pub(crate) fn root_of<'a>(
    folder: &'a Path,
    home: Option<&Path>,
) -> Result<&'a Path, WorkspaceError> {
    let candidates = || {
        folder
            .ancestors()
            .take_while(|ancestor| ancestor.parent().is_some() && Some(*ancestor) != home)
    };
    if let Some(root) = candidates().find(|ancestor| ancestor.join("mizzen.toml").is_file()) {
        return Ok(root);
    }
    // A worktree's or submodule's `.git` is a file.
    if let Some(root) = candidates().find(|ancestor| ancestor.join(".git").exists()) {
        return Ok(root);
    }
    let mut root = folder;
    for ancestor in candidates() {
        let named = DIRECTORY_FILES
            .iter()
            .chain(["global.json"].iter())
            .chain(&NUGET_CONFIGS);
        if named.into_iter().any(|name| ancestor.join(name).is_file())
            || !files_with(ancestor, &SOLUTIONS)?.is_empty()
        {
            root = ancestor;
        }
    }
    Ok(root)
}

/// Returns a file above the root that plain `dotnet` would apply.
///
/// MSBuild and the SDK resolver take the first file of a name on the way up, so one inside the
/// workspace hides those above it.
pub(crate) fn applied_above(folder: &Path, root: &Path) -> Option<PathBuf> {
    let names = DIRECTORY_FILES.iter().chain(&["global.json"]);
    names.into_iter().find_map(|name| {
        let first = folder
            .ancestors()
            .map(|ancestor| ancestor.join(name))
            .find(|file| file.is_file())?;
        (!first.starts_with(root)).then_some(first)
    })
}

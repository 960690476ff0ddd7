//! Where everything lies in a stage.

use crate::request::ProjectRequest;
use mizzen_dotnet::Canonical;
use std::path::Path;

/// The folders of a stage, below its root.
pub(crate) const SOURCES: &str = "src";
pub(crate) const HOME: &str = "home";
pub(crate) const PACKAGES: &str = "packages";
pub(crate) const OUTPUT: &str = "out";
pub(crate) const TEMPORARY: &str = "tmp";
/// What static assets were compressed to by an earlier publish, and by this one.
pub(crate) const COMPRESSED: &str = "compressed";
pub(crate) const COMPRESSED_KNOWN: &str = "compressed/known";
pub(crate) const COMPRESSED_MADE: &str = "compressed/made";
pub(crate) const WARM_UP: &str = "warm-up";
/// The file that the injected target writes, below the stage's root.
pub(crate) const FACTS_FILE: &str = "tmp/facts";

/// Returns where everything is, in every stage with this root.
pub(crate) fn canonical(stage_root: &Path, sdk: &Path) -> Canonical {
    let at = |folder: &str| format!("{}/{folder}", stage_root.display());
    Canonical {
        sources: at(SOURCES),
        home: at(HOME),
        packages: at(PACKAGES),
        output: at(OUTPUT),
        temporary: at(TEMPORARY),
        sdk: sdk.to_string_lossy().into_owned(),
    }
}

/// Returns where `dotnet` starts in a stage: in the project's own folder.
///
/// The nearest `global.json` above it has chosen the SDK, and `dotnet` finds it from there. MSBuild's
/// worker processes list the folder in which they start: were it the workspace's root, a new file beside
/// the solution would be something that this project has seen.
pub(crate) fn working_folder(request: &ProjectRequest) -> String {
    match folder_and_name(&request.workspace.project) {
        ("", _) => SOURCES.to_owned(),
        (folder, _) => format!("{SOURCES}/{folder}"),
    }
}

/// Parts the path of a project: the folder in which `dotnet` starts, and the name by which it is told the
/// project there.
pub(crate) fn folder_and_name(project: &str) -> (&str, &str) {
    project.rsplit_once('/').unwrap_or(("", project))
}

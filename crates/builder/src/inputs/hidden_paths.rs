use crate::inputs::project_findings::Findings;
use crate::inputs::sdk_place::SdkPlace;
use crate::request::ProjectRequest;
use mizzen_dotnet::{Oddity, is_in_system_folder};
use std::path::{Path, PathBuf};

/// What a stage has of its own, or shows for its content cannot change.
const MOUNTED: [&str; 5] = ["/dev", "/gnu/store", "/nix/store", "/proc", "/tmp"];

/// Returns `files` without the paths that no stage shows, and a warning for each of these that is there.
pub(crate) fn without_hidden(
    mut files: Findings,
    request: &ProjectRequest,
) -> (Findings, Vec<(PathBuf, String)>) {
    let mut hidden = Vec::new();
    for (file, oddities) in &mut files {
        oddities.retain(|oddity| {
            let Oddity::Reads { path } = oddity else {
                return true;
            };
            let is_mounted = is_in_system_folder(path);
            if !is_mounted && is_left_out(Path::new(path), request) {
                let warning = format!(
                    "{file}: `{path}` is outside the workspace, so no build sees it; list it under \
                     [inputs] extra in mizzen.toml"
                );
                hidden.push((PathBuf::from(path), warning));
            }
            is_mounted
        });
    }
    files.retain(|_, oddities| !oddities.is_empty());
    (files, hidden)
}

fn is_left_out(path: &Path, request: &ProjectRequest) -> bool {
    let sdk = [&request.toolchain.root, &request.sdk.root];
    // One that the stage has at a path of its own is not seen where it lies.
    let is_there = SdkPlace::of(request) == SdkPlace::Machine;
    let extra = request.inputs.extra.iter().map(Path::new);
    let mut mounted = MOUNTED
        .iter()
        .map(Path::new)
        .chain(sdk.into_iter().filter(|_| is_there).map(PathBuf::as_path))
        .chain(extra);
    path.exists() && !mounted.any(|mounted| path.starts_with(mounted))
}

use crate::GitPolicy;
use crate::inputs::injected::Injected;
use crate::inputs::nuget::StagedNuget;
use crate::inputs::scan::{Scan, file_inputs};
use crate::inputs::stage_layout::canonical;
use crate::request::ProjectRequest;
use mizzen_dotnet::{environment, publish_command, restore_command};
use mizzen_oci::Digest;
use mizzen_plan::{FileInput, Inputs, RECIPE, StepName, ToolchainInput};
use std::collections::BTreeMap;
use std::path::Path;

/// Returns the path of `project` relative to `folder`, which is its own or one above.
fn from_folder<'a>(project: &'a str, folder: &str) -> &'a str {
    let below = project.strip_prefix(folder);
    below.map_or(project, |path| path.trim_start_matches('/'))
}

/// Puts everything together that can change what the build makes.
pub(crate) fn key_inputs(
    request: &ProjectRequest,
    stage_root: &Path,
    toolchain: Digest,
    scan: &Scan,
    injected: &Injected,
    nuget: &StagedNuget,
) -> Inputs {
    let canonical = canonical(stage_root, &request.toolchain.root);
    let (project, options) = (&request.workspace.project, &request.options);
    let mut variables = environment(&canonical, project, request.icu.is_some());
    variables.extend(nuget.variables.clone());
    let mut files = file_inputs(&scan.contents);
    files.extend(scan.mounted_files.clone());
    for (path, bytes) in &nuget.replaced {
        files.insert(path.clone(), FileInput::File(Digest::of(bytes)));
    }
    let mut host = BTreeMap::from([
        ("architecture".to_owned(), std::env::consts::ARCH.to_owned()),
        (
            "icu".to_owned(),
            request.icu.clone().unwrap_or_else(|| "none".to_owned()),
        ),
    ]);
    if request.policy.git == GitPolicy::Never {
        // What is built so must not be found where packages are asked whether they ask git.
        host.insert("git".to_owned(), "never".to_owned());
    }
    let argument = from_folder(project, request.sdk.folder());
    Inputs {
        recipe: RECIPE,
        project: project.clone(),
        stage: stage_root.display().to_string(),
        toolchain: ToolchainInput {
            id: toolchain,
            root: canonical.sdk.clone(),
            sdk: request
                .sdk
                .root
                .join("sdk")
                .join(&request.sdk.version)
                .to_string_lossy()
                .into_owned(),
            version: request.sdk.version.clone(),
        },
        host,
        linker: BTreeMap::new(),
        commands: BTreeMap::from([
            (
                StepName::Restore,
                restore_command(&canonical, argument, options),
            ),
            (
                StepName::Publish,
                publish_command(&canonical, argument, options),
            ),
        ]),
        environment: variables,
        passed: BTreeMap::new(),
        injected: injected
            .keyed
            .clone()
            .into_iter()
            .chain(nuget.keyed.clone())
            .collect(),
        layers: request.layers.keyed(),
        files,
    }
}

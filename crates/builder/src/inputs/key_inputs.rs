use crate::GitPolicy;
use crate::inputs::file_inputs::file_inputs;
use crate::inputs::observed::Observed;
use crate::inputs::sdk_place::SdkPlace;
use crate::inputs::stage_layout::{canonical, folder_and_name};
use crate::request::ProjectRequest;
use mizzen_dotnet::{Canonical, environment, publish_command, restore_command};
use mizzen_oci::Digest;
use mizzen_plan::{FileInput, Inputs, RECIPE, SourceTree, StepName, ToolchainInput};
use std::collections::BTreeMap;
use std::path::Path;

/// Puts everything together that can change what the build makes: what the user asks for, where the
/// stage and the SDK in it lie, and what was observed. This is the only place where that is done, and it looks at nothing.
pub(crate) fn key_inputs(
    request: &ProjectRequest,
    (stage_root, sdk_place): (&Path, SdkPlace),
    observed: &Observed,
) -> Inputs {
    let canonical = canonical(stage_root, &sdk_place.root(request, stage_root));
    let sdk = &request.sdk;
    let folder = sdk_place.root_of_sdk(request, stage_root);
    let folder = folder.join("sdk").join(&sdk.version);
    Inputs {
        recipe: RECIPE,
        project: request.workspace.project.clone(),
        stage: stage_root.display().to_string(),
        toolchain: ToolchainInput {
            id: observed.toolchain,
            root: canonical.sdk.clone(),
            sdk: folder.to_string_lossy().into_owned(),
            version: sdk.version.clone(),
        },
        host: host(request, observed),
        commands: commands(request, &canonical),
        environment: variables(request, observed, &canonical),
        passed: observed.passed.clone(),
        injected: injected(observed),
        layers: request.layers.keyed(),
        files: files(observed),
    }
}

fn host(request: &ProjectRequest, observed: &Observed) -> BTreeMap<String, String> {
    let icu = request.icu.as_deref().unwrap_or("none");
    let mut host = BTreeMap::from([
        ("architecture".to_owned(), observed.architecture.clone()),
        ("icu".to_owned(), icu.to_owned()),
    ]);
    if request.policy.git == GitPolicy::Never {
        // What is built so must not be found where packages are asked whether they ask git.
        host.insert("git".to_owned(), "never".to_owned());
    }
    host
}

fn commands(request: &ProjectRequest, canonical: &Canonical) -> BTreeMap<StepName, Vec<String>> {
    let (_, project) = folder_and_name(&request.workspace.project);
    let (restore, publish) = (
        restore_command(canonical, project, &request.options),
        publish_command(canonical, project, &request.options),
    );
    BTreeMap::from([(StepName::Restore, restore), (StepName::Publish, publish)])
}

fn variables(
    request: &ProjectRequest,
    observed: &Observed,
    canonical: &Canonical,
) -> BTreeMap<String, String> {
    let project = &request.workspace.project;
    let mut variables = environment(canonical, project, request.icu.is_some());
    variables.extend(observed.nuget.variables.clone());
    variables
}

fn injected(observed: &Observed) -> BTreeMap<String, Digest> {
    let mut injected = observed.injected.keyed.clone();
    injected.extend(observed.directives.clone());
    injected.extend(observed.nuget.keyed.clone());
    injected.extend(observed.fallback_packages.clone());
    injected
}

fn files(observed: &Observed) -> SourceTree {
    let git = &observed.dependencies.git;
    let global_json = observed.global_json.iter();
    let mut others = file_inputs(global_json.map(|(path, content)| (path, content)));
    others.extend(file_inputs(&git.keyed));
    others.extend(git.facts.clone());
    let replaced = observed.nuget.replaced.iter();
    others.extend(replaced.map(|(path, bytes)| (path.clone(), FileInput::File(Digest::of(bytes)))));
    observed.workspace.files().with(others)
}

#[cfg(test)]
mod tests;

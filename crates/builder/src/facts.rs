use crate::GitPolicy;
use crate::nuget::StagedNuget;
use crate::request::ProjectRequest;
use crate::scan::{Scan, file_facts};
use mizzen_dotnet::{Canonical, environment, injected_targets, publish_command, restore_command};
use mizzen_oci::Digest;
use mizzen_plan::{Facts, FileFact, RECIPE, StepCommand, Toolchain};
use mizzen_stage::Content;
use std::collections::BTreeMap;
use std::path::Path;

/// The folders of a stage, below its root.
pub(crate) const SOURCES: &str = "src";
pub(crate) const HOME: &str = "home";
pub(crate) const PACKAGES: &str = "packages";
pub(crate) const OUTPUT: &str = "out";
pub(crate) const TEMPORARY: &str = "tmp";
pub(crate) const WARM_UP: &str = "warm-up";
/// The file that the injected target writes, below the stage's root.
pub(crate) const FACTS_FILE: &str = "tmp/facts";

/// What the stage shows beside the workspace, and what the key may know of it.
pub(crate) struct Injected {
    pub(crate) contents: BTreeMap<String, Content>,
    pub(crate) facts: BTreeMap<String, Digest>,
}

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

/// Returns the files that mizzen itself adds to the stage: targets that every project imports.
pub(crate) fn injected() -> Injected {
    let (name, targets) = injected_targets();
    Injected {
        contents: [(format!("{HOME}/{name}"), Content::Bytes(targets.into()))].into(),
        facts: [("injected targets".to_owned(), Digest::of(targets))].into(),
    }
}

/// Returns where `dotnet` starts in a stage: beside the `global.json` that chose the SDK, for it looks
/// for the nearest.
pub(crate) fn working_folder(request: &ProjectRequest) -> String {
    match request.sdk.folder() {
        "" => SOURCES.to_owned(),
        folder => format!("{SOURCES}/{folder}"),
    }
}

/// Returns the path of `project` relative to `folder`, which is its own or one above.
fn from_folder<'a>(project: &'a str, folder: &str) -> &'a str {
    let below = project.strip_prefix(folder);
    below.map_or(project, |path| path.trim_start_matches('/'))
}

/// Puts everything together that can change what the build makes.
pub(crate) fn facts(
    request: &ProjectRequest,
    stage_root: &Path,
    toolchain: Digest,
    scan: &Scan,
    injected: &Injected,
    nuget: &StagedNuget,
) -> Facts {
    let canonical = canonical(stage_root, &request.toolchain.root);
    let (project, options) = (&request.workspace.project, &request.options);
    let mut variables = environment(&canonical, project, request.icu.is_some());
    variables.extend(nuget.variables.clone());
    variables.extend(request.passed.clone());
    let mut files = file_facts(&scan.contents);
    files.extend(scan.shown_facts.clone());
    for (path, bytes) in &nuget.replaced {
        files.insert(path.clone(), FileFact::File(Digest::of(bytes)));
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
    Facts {
        recipe: RECIPE,
        project: project.clone(),
        stage: stage_root.display().to_string(),
        toolchain: Toolchain {
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
                StepCommand::Restore,
                restore_command(&canonical, argument, options),
            ),
            (
                StepCommand::Publish,
                publish_command(&canonical, argument, options),
            ),
        ]),
        environment: variables,
        injected: injected
            .facts
            .clone()
            .into_iter()
            .chain(nuget.facts.clone())
            .collect(),
        layers: request.layers.facts(),
        files,
    }
}

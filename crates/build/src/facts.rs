use crate::BuildError;
use crate::publish_project::ProjectRequest;
use crate::scan::{Scan, file_facts};
use fs_err as fs;
use mizzen_dotnet::{
    Canonical, NugetConfig, environment, injected_targets, publish_command, restore_command,
};
use mizzen_oci::Digest;
use mizzen_plan::{Facts, RECIPE, StepCommand, Toolchain};
use mizzen_stage::Content;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of a stage, below its root.
pub(crate) const SOURCES: &str = "src";
pub(crate) const HOME: &str = "home";
pub(crate) const PACKAGES: &str = "packages";
pub(crate) const OUTPUT: &str = "out";
pub(crate) const TEMPORARY: &str = "tmp";
/// The file that the injected target writes, below the stage's root.
pub(crate) const FACTS_FILE: &str = "tmp/facts";

/// What the stage shows beside the workspace, and what the key may know of it.
pub(crate) struct Injected {
    pub(crate) contents: BTreeMap<String, Content>,
    /// The folders of the machine that they name as feeds.
    pub(crate) feeds: Vec<PathBuf>,
    facts: BTreeMap<String, Digest>,
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

/// Returns the files that mizzen adds to the stage: targets that every project imports, and the NuGet
/// configurations that plain `dotnet` would find outside the workspace.
///
/// # Errors
/// [`BuildError::NugetConfig`] if one of them is malformed.
pub(crate) fn injected(request: &ProjectRequest) -> Result<Injected, BuildError> {
    let (name, targets) = injected_targets();
    let mut injected = Injected {
        contents: [(format!("{HOME}/{name}"), Content::Bytes(targets.into()))].into(),
        feeds: Vec::new(),
        facts: [("injected targets".to_owned(), Digest::of(targets))].into(),
    };
    let above = request.workspace.nuget_config_above.as_ref();
    let user = request.user_nuget_config.as_ref();
    let configs = [
        (
            above,
            "nuget.config".to_owned(),
            "NuGet configuration above the workspace",
        ),
        (
            user,
            format!("{HOME}/.nuget/NuGet/NuGet.Config"),
            "NuGet configuration of the user",
        ),
    ];
    for (path, staged, fact) in configs {
        let Some(path) = path else { continue };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            text => text.map_err(BuildError::Read)?,
        };
        let folder = path.parent().expect("a file has a folder");
        let config =
            NugetConfig::parse(&text, folder).map_err(|source| BuildError::NugetConfig {
                path: path.clone(),
                source,
            })?;
        injected.feeds.extend(config.folders);
        injected
            .facts
            .insert(fact.to_owned(), Digest::of(&config.without_secrets));
        injected
            .contents
            .insert(staged, Content::Bytes(config.staged.into()));
    }
    Ok(injected)
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
) -> Facts {
    let canonical = canonical(stage_root, &request.toolchain.root);
    let (project, options) = (&request.workspace.project, &request.options);
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
        host: BTreeMap::from([
            ("architecture".to_owned(), std::env::consts::ARCH.to_owned()),
            (
                "icu".to_owned(),
                request.icu.clone().unwrap_or_else(|| "none".to_owned()),
            ),
        ]),
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
        environment: environment(&canonical, project, request.icu.is_some()),
        injected: injected.facts.clone(),
        layers: request.layers.facts(),
        files: file_facts(&scan.contents),
    }
}

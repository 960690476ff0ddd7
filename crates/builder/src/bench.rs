//! What the unit tests of this crate build.

use crate::{Allowed, InputRules, LayerOptions, NugetSettings, Policy, ProjectRequest};
use mizzen_dotnet::{ChosenSdk, PublishOptions, Toolchain, Workspace};
use mizzen_plan::Skip;
use std::collections::BTreeMap;
use std::path::Path;

/// Returns a request for the project `src/Api/Api.csproj` of the workspace at `root`, by the only SDK of
/// `toolchain`, from somebody who asks for nothing else.
pub(crate) fn request(root: &Path, toolchain: &Path) -> ProjectRequest {
    let version = "10.0.401".to_owned();
    ProjectRequest {
        workspace: Workspace {
            root: root.to_owned(),
            project: "src/Api/Api.csproj".to_owned(),
            nuget_configs_above: Vec::new(),
            editor_config_above: None,
        },
        toolchain: Toolchain {
            root: toolchain.to_owned(),
            found_by: "PATH".to_owned(),
            sdk_versions: vec![version.clone()],
        },
        sdk: ChosenSdk {
            version,
            root: toolchain.to_owned(),
            global_json: None,
            has_paths: false,
            in_workspace: Vec::new(),
        },
        options: PublishOptions {
            configuration: "Release".to_owned(),
            ..PublishOptions::default()
        },
        layers: LayerOptions::for_platforms(Vec::new()),
        nuget: NugetSettings::default(),
        restore_environment: BTreeMap::new(),
        secrets: Vec::new(),
        passed: BTreeMap::new(),
        inputs: InputRules::default(),
        allowed: Allowed::Everything,
        policy: Policy::default(),
        now: 1_700_000_000,
        icu: None,
        locked: None,
        offline: false,
        skip: Skip::default(),
        check_cache: false,
        ignore: Vec::new(),
    }
}

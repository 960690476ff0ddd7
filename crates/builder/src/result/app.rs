use crate::layer_options::{APP_FOLDER, AppFiles};
use crate::locked_toolchain::LockedToolchain;
use crate::report::{Outcome, StepReport};
use mizzen_dotnet::{
    Framework, FrameworkRollForward, Launch, LeftOut, Libc, ProjectFacts, PublishOutput, Tailored,
};
use mizzen_image::Layer;
use mizzen_oci::{Digest, Platform};
use mizzen_plan::StepName;
use mizzen_store::Output;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A published application as layers, ready to be put on a base.
#[derive(Clone, Debug)]
pub struct App {
    /// What the application is and needs.
    pub runtime: AppRuntime,
    /// What its project says of its image; nothing for a folder that was published before.
    pub project: ProjectFacts,
    /// Its layers, bottom first, for each platform asked for, in the order asked; else for those that
    /// the project names, in the order of their names.
    pub layers: Vec<(Platform, Vec<AppLayer>)>,
    /// What is in the layers, as [`Inventory`](mizzen_dotnet::Inventory): one for each publish.
    pub inventories: Vec<Output>,
    /// The symbols that lie beside the image, if that was asked for and there are any.
    pub symbols: Option<AppLayer>,
    /// What was published but enters no image, by path.
    pub left_out: Vec<LeftOutFile>,
    /// What entered the image though git ignores it, by path.
    pub git_ignored: Vec<GitIgnoredFile>,
    /// What became of the steps; empty for a folder that was published before.
    pub steps: Vec<StepReport>,
    /// How often `dotnet` was started.
    pub dotnet_calls: usize,
    /// What it was published with; unknown for a folder that was published before.
    pub toolchain: Option<LockedToolchain>,
    /// How it was published; unknown for a folder that was published before.
    pub made: Option<Made>,
}

/// How an application was published, now or when its record was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// The digest of every file of the workspace that the steps were shown.
    pub sources: Digest,
    /// The commands, by step.
    pub commands: BTreeMap<StepName, Vec<String>>,
    /// The digest of everything that decides about what a step gives, whether it ran or not.
    pub keys: BTreeMap<StepName, Digest>,
    /// The weakest rung of isolation on which a step ran.
    pub isolation: String,
    /// Whether it was watched what the steps looked up.
    pub is_watched: bool,
    /// Why the same sources may give other packages tomorrow.
    pub floating: Option<String>,
}

/// What an application is and needs from its image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AppRuntime {
    /// Its name: `Shop.Api`.
    pub name: String,
    /// The file that starts it, relative to its folder.
    pub entry: String,
    /// Its folder in the image, absolute.
    pub folder: String,
    /// Whether `entry` needs `dotnet` in front.
    pub needs_dotnet: bool,
    /// Whether it brings its frameworks along.
    pub self_contained: bool,
    /// The shared frameworks that it runs on, or brings along.
    pub frameworks: Vec<Framework>,
    /// Whether it runs without ICU.
    pub invariant_globalization: bool,
    /// The RID it was published for; `None` for a portable publish.
    pub runtime_identifier: Option<String>,
    /// The C library that it is linked with; `None` if it runs with any.
    #[serde(default)]
    pub libc: Option<Libc>,
    /// The version of the project; unknown for a folder that was published before.
    pub version: Option<String>,
    /// What publish did to the files of packages and runtime for this one application.
    #[serde(default)]
    pub tailored: Option<Tailored>,
}

impl Default for AppRuntime {
    fn default() -> Self {
        Self {
            name: String::new(),
            entry: String::new(),
            folder: app_folder(),
            needs_dotnet: false,
            self_contained: false,
            frameworks: Vec::new(),
            invariant_globalization: false,
            runtime_identifier: None,
            libc: None,
            version: None,
            tailored: None,
        }
    }
}

fn app_folder() -> String {
    APP_FOLDER.to_owned()
}

/// A layer of an application.
#[derive(Clone, Debug)]
pub struct AppLayer {
    /// What it holds: `packages`, `app`.
    pub name: String,
    /// The layer.
    pub layer: Layer,
    /// How many files are in it.
    pub files: usize,
    /// Whether it was made now.
    pub outcome: Outcome,
}

/// A published file that enters no image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeftOutFile {
    /// The path, relative to the publish folder.
    pub path: String,
    /// How many bytes that saves.
    pub size_bytes: u64,
    /// Why, in a few words.
    pub reason: String,
}

impl From<&LeftOut> for LeftOutFile {
    fn from(file: &LeftOut) -> Self {
        Self {
            path: file.path.clone(),
            size_bytes: file.size_bytes,
            reason: file.reason.to_string(),
        }
    }
}

/// A published file that the workspace has, but not its git repository: a secret perhaps, or
/// settings of one machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitIgnoredFile {
    /// The path, relative to the publish folder.
    pub path: String,
    /// The path in the workspace.
    pub source: String,
}

impl AppRuntime {
    /// Returns what a publish folder says, which is all but the version, of an application that lies in
    /// `folder`.
    pub(crate) fn of(output: &PublishOutput, folder: &str) -> Self {
        let (entry, needs_dotnet) = match &output.launch {
            Launch::Dll(file) => (file.clone(), true),
            Launch::Program(file) => (file.clone(), false),
        };
        let config = &output.runtime_config;
        let frameworks = config.frameworks.iter().chain(&config.included_frameworks);
        Self {
            name: output.app.clone(),
            folder: folder.to_owned(),
            entry,
            needs_dotnet,
            self_contained: config.is_self_contained(),
            frameworks: frameworks.cloned().collect(),
            invariant_globalization: config.invariant_globalization,
            runtime_identifier: output.runtime_identifier().map(str::to_owned),
            libc: output.libc(),
            version: None,
            tailored: output.tailored,
        }
    }

    /// Returns the same with what the evaluated project says beside the publish folder: a program
    /// compiled to native code has no runtime configuration.
    pub(crate) fn of_project(app: &AppFiles<'_>, project: &ProjectFacts) -> Self {
        let published = Self {
            version: project.property("PackageVersion").map(str::to_owned),
            ..Self::of(app.output, app.folder)
        };
        let version = project.property("TargetFrameworkVersion");
        let Some(version) = version.filter(|_| published.frameworks.is_empty()) else {
            return published;
        };
        let version = version.trim_start_matches('v').to_owned();
        Self {
            frameworks: vec![Framework {
                name: "Microsoft.NETCore.App".to_owned(),
                version,
                roll_forward: FrameworkRollForward::default(),
            }],
            invariant_globalization: project.is_true("InvariantGlobalization"),
            ..published
        }
    }
}

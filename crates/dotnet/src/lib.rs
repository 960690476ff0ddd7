//! Everything that knows .NET: workspaces, toolchains, publish output, base images, which commands
//! to run. Starts nothing.

mod asset_times;
mod assets_json;
mod base_image;
mod build_packages;
mod bundle;
mod chosen_sdk;
mod commands;
mod compiler_warm_up;
mod container_settings;
mod deps_json;
mod elf;
mod file_based_app;
mod git_aware;
mod global_json;
mod layer_group;
mod layer_plan;
mod layer_rules;
mod machine_path;
mod nuget_config;
mod oddity;
mod output_folders;
mod package_split;
mod placement;
mod portable_executable;
mod project_facts;
mod project_file;
mod project_reference;
mod publish_error;
mod publish_folder;
mod publish_output;
mod restore_input;
mod restored_package;
mod runtime_config;
mod runtime_files;
mod runtime_identifier;
mod sdk_version;
mod service;
mod solution;
mod tailored;
mod toolchain;
mod workspace;
mod workspace_error;
mod workspace_root;

pub use asset_times::{ENDPOINTS_FILE, pinned_asset_times};
pub use assets_json::AssetsJson;
pub use base_image::{BaseImageError, default_base};
pub use build_packages::BuildPackages;
pub use bundle::Bundle;
pub use chosen_sdk::{ChosenSdk, SdkError};
pub use commands::{
    Canonical, Command, FACTS_FILE_VARIABLE, NO_COMPILER_SERVER, PROGRAM_FOLDERS, PublishOptions,
    environment, injected_targets, is_set_by_stage, publish_command, restore_command,
};
pub use compiler_warm_up::CompilerWarmUp;
pub use container_settings::{ContainerCommand, ContainerSettings, ContainerSettingsError};
pub use deps_json::{Asset, DepsJson, DepsJsonError};
pub use file_based_app::{
    file_based_artifacts, file_based_directives, file_based_project, is_file_based,
};
pub use git_aware::{GitReads, is_git_library, known_to_ask_git, may_ask_git};
pub use global_json::{RollForward, SdkRequest, with_sdk_path};
pub use layer_group::LayerGroup;
pub use layer_plan::{LayerPlan, LeftOut, LeftOutReason, PlannedFile, PlannedLayer};
pub use layer_rules::{DebugSymbols, LayerRules, PathPattern};
pub use machine_path::{is_in_system_folder, machine_paths};
pub use nuget_config::{NugetConfig, NugetConfigError, NugetConfigPlace};
pub use oddity::{Oddity, is_native_compiler, oddities};
pub use output_folders::OutputFolders;
pub use project_facts::{ProjectFacts, ProjectItem};
pub use project_reference::project_references;
pub use publish_error::PublishError;
pub use publish_folder::PublishedFile;
pub use publish_output::{Launch, PublishOutput};
pub use restore_input::is_restore_input;
pub use restored_package::{RestoredPackage, floating_version};
pub use runtime_config::{Framework, RuntimeConfig};
pub use runtime_identifier::{Libc, RuntimeIdentifier};
pub use sdk_version::{SdkVersion, SdkVersionError};
pub use service::{Service, service};
pub use solution::{Solution, SolutionError, is_project_named};
pub use tailored::Tailored;
pub use toolchain::{Toolchain, ToolchainError};
pub use workspace::Workspace;
pub use workspace_error::WorkspaceError;

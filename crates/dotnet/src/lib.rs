//! Everything that knows .NET: workspaces, toolchains, publish output, base images, which commands
//! to run. Starts nothing.

mod packages;
mod project;
mod publish;
mod sdk;

pub use packages::assets_json::AssetsJson;
pub use packages::build_packages::BuildPackages;
pub use packages::fallback_folders::{FALLBACK_FOLDERS, fallback_folders};
pub use packages::nuget_config::{NugetConfig, NugetConfigError, NugetConfigPlace, PackageSource};
pub use packages::restore_input::is_restore_input;
pub use packages::restored_package::{PackageLicence, RestoredPackage, floating_version};
pub use project::container_command::{AppCommandInstruction, ContainerCommand, ResolvedCommand};
pub use project::container_labels::ContainerLabels;
pub use project::container_settings::{ContainerSettings, ContainerSettingsError};
pub use project::file_based_app::{
    file_based_artifacts, file_based_directives, file_based_project, is_file_based,
};
pub use project::git_aware::{GitReads, is_git_library, known_to_ask_git, may_ask_git};
pub use project::machine_path::{is_in_system_folder, machine_paths};
pub use project::not_publishable::NotPublishable;
pub use project::oddity::{Oddity, is_native_compiler, oddities};
pub use project::output_folders::OutputFolders;
pub use project::project_facts::{ProjectFacts, ProjectItem};
pub use project::project_reference::{adds_project_references, project_references};
pub use project::project_text::project_text;
pub use project::properties::Properties;
pub use project::service::{Service, service};
pub use project::solution::{Solution, SolutionError, is_project_named};
pub use project::workspace::Workspace;
pub use project::workspace_error::WorkspaceError;
pub use publish::asset_times::{ENDPOINTS_FILE, pinned_asset_times};
pub use publish::base_image::{BaseImageError, default_base};
pub use publish::bundle::Bundle;
pub use publish::deps_json::{Asset, DepsJson, DepsJsonError};
pub use publish::inventory::{
    FileHasher, Inventory, InventoryFile, InventoryLibrary, name_and_version,
};
pub use publish::layer_group::LayerGroup;
pub use publish::layer_plan::{LayerPlan, LeftOut, LeftOutReason, PlannedFile, PlannedLayer};
pub use publish::layer_rules::{DebugSymbols, LayerRules, PathPattern};
pub use publish::listed_library::{LibraryKind, ListedLibrary};
pub use publish::publish_error::PublishError;
pub use publish::publish_folder::PublishedFile;
pub use publish::publish_output::{Launch, PublishOutput};
pub use publish::runtime_config::RuntimeConfig;
pub use publish::runtime_identifier::{Libc, RuntimeIdentifier};
pub use publish::shared_framework::{
    Framework, FrameworkMissing, FrameworkRollForward, UnknownRollForward,
};
pub use publish::tailored::Tailored;
pub use sdk::chosen_sdk::{ChosenSdk, SdkError};
pub use sdk::commands::{
    COMPILES, COMPRESSED_VARIABLE, Canonical, Command, FACTS_FILE_VARIABLE, NO_COMPILER_SERVER,
    PROGRAM_FOLDERS, PublishOptions, compressed_targets, environment, injected_targets,
    is_set_by_stage, publish_command, restore_command, without_restore,
};
pub use sdk::compiler_warm_up::CompilerWarmUp;
pub use sdk::global_json::{RollForward, SdkRequest, global_json_fault, with_sdk_path};
pub use sdk::sdk_version::{SdkVersion, SdkVersionError};
pub use sdk::toolchain::{Toolchain, ToolchainError};

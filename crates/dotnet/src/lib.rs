//! Everything that knows .NET: workspaces, toolchains, publish output, base images, which commands
//! to run. Starts nothing.

mod base_image;
mod commands;
mod git_remote;
mod nuget_config;
mod restored_package;
mod toolchain;
mod workspace;

pub use base_image::{BaseImageError, Framework, default_base};
pub use commands::{
    Canonical, Command, FACTS_FILE_VARIABLE, PublishOptions, environment, injected_targets,
    publish_command, restore_command,
};
pub use git_remote::source_url;
pub use nuget_config::{NugetConfig, NugetConfigError};
pub use restored_package::{RestoredPackage, floating_version};
pub use toolchain::{Toolchain, ToolchainError};
pub use workspace::{Workspace, WorkspaceError, is_restore_input};

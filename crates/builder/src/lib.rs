//! Carries out a plan: runs or reuses each step, asks again after each, makes the layers, assembles
//! the image.
//!
//! Read [`publish_project()`] first: it is the whole story. The executor, the store and the records
//! are injected; base images arrive through `image::Source` and results leave through `image::Sink`,
//! both in the hands of the caller.

#[cfg(test)]
mod bench;
mod cache_check;
mod dotnet_lines;
mod error;
mod image_options;
mod inputs;
mod layer_options;
mod locked_toolchain;
mod nuget_settings;
mod outside;
mod plan_project;
mod policy;
mod publish_each;
mod publish_project;
mod records;
mod report;
mod request;
mod result;
mod step_looks;
mod steps;
mod workspace_requests;

pub use dotnet_lines::DotnetMessage;
pub use error::BuildError;
pub use image_options::ImageOptions;
pub use inputs::git::GitRepository;
pub use inputs::observations::Observations;
pub use inputs::unshown_paths::UnshownPath;
pub use layer_options::LayerOptions;
pub use locked_toolchain::LockedToolchain;
pub use nuget_settings::NugetSettings;
pub use outside::{Allowed, Outside, OutsideRequest};
pub use plan_project::{
    FileRole, OutsideFile, ProjectPlan, StepPlan, plan_project, plan_with_looks,
};
pub use policy::{FloatPolicy, GitPolicy, InputRules, Policy, VolatilePolicy};
pub use publish_project::publish_project;
pub use records::known_looks::KnownLooks;
pub use records::sharing::shared_form;
pub use records::toolchain_alias::known_toolchains;
pub use report::{Event, Outcome, Reporter, StepReport};
pub use request::{Context, ProjectRequest};
pub use result::added_files::AddedFiles;
pub use result::app::{App, AppLayer, AppRuntime, GitIgnoredFile, LeftOutFile, Made};
pub use result::assemble::assemble;
pub use result::layers::package_publish_folder;
pub use result::shell::check_shell;
pub use step_looks::{StepLooks, StepSight};
pub use workspace_requests::{WorkspaceQuestion, workspace_requests};

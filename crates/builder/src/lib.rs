//! Carries out a plan: runs or reuses each step, asks again after each, makes the layers, assembles
//! the image.
//!
//! Read [`publish_project()`] first: it is the whole story. The executor, the store and the records
//! are injected; base images arrive through `image::Source` and results leave through `image::Sink`,
//! both in the hands of the caller.

mod added_files;
mod app;
mod assemble;
mod cache_check;
mod decide;
mod dotnet_lines;
mod error;
mod facts;
mod file_based;
mod floating;
mod git;
mod git_config;
mod git_ignored;
mod git_view;
mod hidden_paths;
mod image_options;
mod layer_options;
mod layers_step;
mod leavings;
mod machine_facts;
mod machine_files;
mod native_linker;
mod nuget;
mod odd_files;
mod odd_packages;
mod odd_workspace;
mod plan_project;
mod policy;
mod project_image;
mod publish_each;
mod publish_project;
mod publish_step;
mod published_app;
mod records;
mod report;
mod request;
mod restore_step;
mod run_step;
mod scan;
mod sdk;
mod staged;
mod steps;
mod tree_digest;
mod workspace_files;

pub use added_files::AddedFiles;
pub use app::{App, AppLayer, AppRuntime, GitIgnoredFile, LeftOutFile};
pub use assemble::assemble;
pub use dotnet_lines::DotnetMessage;
pub use error::BuildError;
pub use git::GitRepository;
pub use image_options::ImageOptions;
pub use layer_options::LayerOptions;
pub use layers_step::package_publish_folder;
pub use nuget::NugetSettings;
pub use plan_project::{FileRole, ProjectPlan, StepPlan, plan_project};
pub use policy::{FloatPolicy, GitPolicy, InputRules, Policy, VolatilePolicy};
pub use publish_project::publish_project;
pub use report::{Event, Outcome, Reporter, StepReport};
pub use request::{Context, LockedToolchain, ProjectRequest};

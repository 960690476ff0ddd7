//! What NuGet reads and writes: its configuration, `project.assets.json`, restored packages.

pub(crate) mod assets_json;
pub(crate) mod build_packages;
pub(crate) mod fallback_folders;
pub(crate) mod nuget_config;
mod nuget_value;
pub(crate) mod restore_input;
pub(crate) mod restored_package;

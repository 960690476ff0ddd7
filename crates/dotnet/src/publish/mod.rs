//! What `dotnet publish` made, on which base it runs, and how it is laid into layers.

pub(crate) mod asset_times;
pub(crate) mod base_image;
pub(crate) mod bundle;
pub(crate) mod deps_json;
pub(crate) mod elf;
pub(crate) mod inventory;
pub(crate) mod layer_group;
pub(crate) mod layer_plan;
pub(crate) mod layer_rules;
pub(crate) mod listed_library;
pub(crate) mod package_split;
pub(crate) mod placement;
pub(crate) mod portable_executable;
pub(crate) mod publish_error;
pub(crate) mod publish_folder;
pub(crate) mod publish_output;
pub(crate) mod runtime_config;
pub(crate) mod runtime_files;
pub(crate) mod runtime_identifier;
pub(crate) mod shared_framework;
pub(crate) mod tailored;

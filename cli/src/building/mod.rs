//! From the options of a build to images that are where they should be.

mod added;
pub(crate) mod arguments;
mod attest_arguments;
pub(crate) mod base;
pub(crate) mod base_choice;
pub(crate) mod deliver;
pub(crate) mod delivery_check;
pub(crate) mod environment;
mod found_sdk;
mod git_labels;
mod git_remote;
mod images;
pub(crate) mod lock_file;
pub(crate) mod nuget;
pub(crate) mod options;
pub(crate) mod project;
mod project_image;
pub(crate) mod results;
mod sbom;
pub(crate) mod service_image;
pub(crate) mod services;
pub(crate) mod sharing;
pub(crate) mod sharing_arguments;
pub(crate) mod summary;
mod values;
mod whole_file;

//! From the options of a build to images that are where they should be.

pub(crate) mod base;
pub(crate) mod base_choice;
pub(crate) mod deliver;
mod git_remote;
mod images;
pub(crate) mod lock_file;
mod nuget;
pub(crate) mod options;
pub(crate) mod project;
mod project_image;
pub(crate) mod push_check;
pub(crate) mod results;
pub(crate) mod service_image;
pub(crate) mod services;
pub(crate) mod summary;

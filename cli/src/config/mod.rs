//! What `mizzen.toml` says.

mod config_file;
mod defaults;
#[cfg(test)]
mod fuzz;
mod image_tables;
mod name;
mod nearest;
mod nesting;
mod options;
mod other_settings;
mod registries;
mod repository_file;
mod schema;
mod sections;
mod written;

pub(crate) use config_file::Config;
pub(crate) use defaults::{Setting, option_names};
pub(crate) use nearest::nearest;
pub(crate) use nesting::{TOO_DEEP, is_too_deep};
pub(crate) use other_settings::other_settings;
pub(crate) use repository_file::read_repository_file;
pub(crate) use schema::config_schema;

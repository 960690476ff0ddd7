//! The end-to-end tests that run everywhere: an SDK 3.1, a project without packages, stored publish
//! folders, a real registry, a real runtime. `./test` prepares what they need.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod added_files;
mod architecture;
mod audit;
mod cache_folder;
mod check_cache;
mod config;
mod consent;
mod damage;
mod debug_text;
mod errors;
mod from_publish;
mod full_disk;
mod hello_web;
mod hostile_images;
mod hostile_text;
mod images;
mod init;
mod interrupt;
mod isolation;
mod killed;
mod lock;
mod log;
mod machine;
mod messages;
mod migrate;
mod odd_projects;
mod other_repositories;
mod output_folders;
mod output_places;
mod packages;
mod plan;
mod platforms;
mod preflight;
mod progress;
mod project_says;
mod provenance;
mod reference;
mod reported;
mod sbom;
mod screen;
mod security;
mod shared_cache;
mod shells;
mod solution;
mod symbols;
mod toolchain;
mod transfer;
mod unshown;
mod unsound_images;
mod watch;

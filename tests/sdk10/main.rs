//! The end-to-end tests that need a real SDK 10 and a feed of real packages. `./test` runs them
//! where it finds both.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod feeds;
mod file_based;
mod git_aware;
mod image_scenarios;
mod key_scenarios;
mod layers;
mod machine_seen;
mod many_services;
mod package_scenarios;
mod plan_looks;
mod project_says;
mod publish_container;
mod publish_modes;
mod scene;
mod shared_cache;
mod shop;
mod static_assets;
mod toolchain;
mod warm_up;
mod watched_builds;
mod watching;

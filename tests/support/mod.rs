//! What all suites stand on: a user with a home, a cache and a `dotnet` whose calls are counted.

#![allow(dead_code, unused_imports, reason = "each suite uses a part")]

mod builds;
mod files;
mod going;
pub(crate) mod many_services;
pub(crate) mod modules;
pub(crate) mod monorepo;
mod prepared;
mod registry;
mod run;
pub(crate) mod sdk_choice;
mod some_package;
mod terminal;
mod user;

pub(crate) use files::{copy, edit};
pub(crate) use going::Going;
pub(crate) use prepared::{is_set, prepared, testdata, variable};
pub(crate) use registry::{Registry, pull, validated};
pub(crate) use run::{KILLED, Run};
pub(crate) use some_package::{refer_no_more, refer_to, some_package};
pub(crate) use terminal::Terminal;
pub(crate) use user::User;

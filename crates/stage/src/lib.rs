//! Runs one [`Action`] behind the trait [`Executor`]: an input tree, a command, an environment,
//! outputs, a network.
//!
//! The shape is that of the Remote Execution API's Action, so that an engine elsewhere can take it
//! without another design. Here a [`PathStage`] runs it in a copy of its inputs at a canonical path,
//! the same on every machine: a file or variable may stay out of a key only if it was invisible to
//! the process, and the path itself ends up in the bytes that a compiler writes.

mod action;
mod capture;
mod error;
mod executor;
mod materialize;
mod pack;
mod path_stage;
mod process;
mod root;

pub use action::{Action, Content, Network, OutputSpec, StagedPath};
pub use error::StageError;
pub use executor::{Executor, Outcome, OutputLine, Stream};
pub use path_stage::PathStage;

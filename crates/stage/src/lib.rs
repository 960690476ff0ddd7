//! Runs one [`Action`] behind the trait [`Executor`]: an input tree, a command, an environment,
//! outputs, a network.
//!
//! The shape is that of the Remote Execution API's Action, so that an engine elsewhere can take it
//! without another design. Here a [`Stage`] runs it in a copy of its inputs at a canonical path, the
//! same on every machine: a file or variable may stay out of a key only if it was invisible to the
//! process, and the path itself ends up in the bytes that a compiler writes.
//!
//! What hides the rest of the machine are Linux namespaces, on the highest [`Rung`] that the machine
//! allows. They are there for soundness; they are not a security boundary.

mod action;
mod arrivals;
mod capture;
mod error;
mod executor;
mod inside;
mod isolation;
mod job;
mod keeper;
mod kept_stage;
mod materialize;
mod means;
mod outcome;
mod pack;
mod place;
mod place_queue;
mod root;
mod seen;
mod socket;
mod stage;

pub use action::{Action, Content, Network, OutputSpec, StagedPath};
pub use error::StageError;
pub use executor::{Capabilities, Executor, OutputLine, Stream};
pub use inside::{OWN_FILES, SYSTEM_FOLDERS, play_part};
pub use isolation::{Isolation, Rung};
pub use means::places;
pub use outcome::{LeftFiles, Outcome};
pub use seen::{Access, Seen, SeenPath};
pub use stage::Stage;

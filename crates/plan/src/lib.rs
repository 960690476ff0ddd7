//! A pure function from [`Inputs`] and a trait [`Records`] to what will be done: every step with its
//! key, every miss with its reasons. Touches no disk, no network, no clock.
//!
//! Two kinds of key. The *whole key* covers everything that the build can see and names the final
//! record directly: one look-up and nothing runs. On a miss the finer keys follow, step by step:
//! restore by what it reads, publish by everything plus what restore resolved.

mod answers;
mod inputs;
mod key;
mod miss_reason;
mod path_set;
mod plan;
mod seen_changes;
mod sight;
mod source_tree;
mod tree;

pub use answers::Answers;
pub use inputs::{FileInput, Inputs, RECIPE, ToolchainInput};
pub use key::{Key, StepName};
pub use miss_reason::MissReason;
pub use path_set::{Look, PathSet};
pub use plan::{
    LastLooks, Plan, PlannedPublish, PlannedRestore, Record, Records, Skip, Unkeyed, Verdict, plan,
};
pub use sight::Sight;
pub use source_tree::SourceTree;

use mizzen_dotnet::is_restore_input;
pub use tree::{Entry, Kind, Lookup, Node, Tree};

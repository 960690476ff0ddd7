//! What runs between the build and the command: the program itself, started again under a hidden
//! verb, each with one thread.
//!
//! ```text
//! mizzen ── keeper ── init ── command ── whatever it starts
//! ```
//!
//! The keeper holds the stage's lock and a socket to the build. When the command ends, or the build
//! does in whatever way, it ends every process below it; when the build has read what it wants, or is
//! gone, it empties the root. The init makes what the command sees and waits for it; in a process
//! namespace it is process 1, and the kernel ends all others with it.

mod descendants;
mod init;
mod keeper;
mod loopback;
mod namespaces;
mod new_root;
mod own_files;

use crate::job::{self, Job};
use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden verb under which the program plays a part of a stage.
pub(crate) const VERB: &str = "__stage";
pub(crate) const KEEPER: &str = "keeper";
pub(crate) const INIT: &str = "init";

pub(crate) use keeper::{KILL, RUN, TERMINATE};
pub use new_root::SYSTEM_FOLDERS;
pub use own_files::OWN_FILES;

/// Plays a part of a stage, if that is what the process was started for, and returns how it ended.
///
/// A program that makes a [`Stage`](crate::Stage) with itself as the launcher calls this first, before
/// any thread starts: a process with several cannot change its user namespace.
pub fn play_part(arguments: &[OsString]) -> Option<ExitCode> {
    let (part, job) = job::split(arguments, VERB)?;
    let Some(job) = Job::parse(job) else {
        return Some(ExitCode::FAILURE);
    };
    Some(match part.to_str() {
        Some(KEEPER) => keeper::keep(&job),
        Some(INIT) => init::init(&job),
        _ => ExitCode::FAILURE,
    })
}

use mizzen_store::{Cancelled, StoreError};
use std::io;
use std::path::PathBuf;

/// A stage could not be made, or the command could not run in it.
///
/// A command that ran and failed is not an error here: see [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A file was edited between the reading of its digest and the making of its copy.
    #[error("`{0}` changed while the build was reading it")]
    Changed(PathBuf),
    /// A file above the stage would be read by what runs in it.
    #[error("`{0}` is above the stage, and everything built there would read it")]
    Above(PathBuf),
    /// The stage's folder is not one that only this user can write.
    #[error("`{path}` cannot be the stage: {why}")]
    Root {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The program could not be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The machine denies the namespaces that were asked for.
    #[error("the stage cannot be isolated: {what}")]
    Isolation {
        /// What could not be had: a namespace, a mount.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The process that keeps the stage was killed, and all that ran in it.
    #[error("the process that keeps the stage was killed")]
    Killed,
    /// A stored pack is missing or damaged.
    #[error("a stored result of an earlier step is missing or damaged")]
    Pack(#[source] io::Error),
    /// The disk, or a file's permissions.
    #[error("the stage cannot be read or written")]
    Io(#[from] io::Error),
    /// The cache.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The build was interrupted.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

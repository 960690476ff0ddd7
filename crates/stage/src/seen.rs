use mizzen_watch::{Kinds, NotWatched};
use std::path::PathBuf;

/// What the processes of a command looked up, or why nobody knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Every look-up of every process, sorted.
    All(Vec<SeenPath>),
    /// The command was not watched, or not all of it, because of this.
    NotWatched(String),
}

/// A path that a process looked up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SeenPath {
    /// The path as the process saw it, absolute, not resolved: links in it are there as links. It may
    /// name nothing.
    pub path: PathBuf,
    /// How it was looked up.
    pub access: Access,
}

/// How a path was looked up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Access {
    /// It was asked whether it is there, and what it is.
    Probed,
    /// It was opened so that its content can be read. A folder that was opened so may have been listed.
    Read,
    /// It was opened as a folder, to read the names in it.
    Listed,
    /// The target of the link was read.
    Link,
    /// It was started as a program, or named by one as what starts it.
    Executed,
    /// It was made, replaced, changed or removed after it was looked up: whoever does that learns whether
    /// it was there.
    Written,
    /// The same before any other look-up: what that finds, the command has made itself.
    WrittenFirst,
}

impl Seen {
    /// Takes over what a watch has seen.
    pub(crate) fn of(watched: Result<mizzen_watch::Seen, NotWatched>) -> Self {
        let seen = match watched {
            Ok(seen) => seen,
            Err(NotWatched(reason)) => return Self::NotWatched(reason),
        };
        let mut all = Vec::new();
        for (path, looks) in seen.paths {
            let written = if looks.written_first {
                Access::WrittenFirst
            } else {
                Access::Written
            };
            for (kind, access) in [
                (Kinds::PROBED, Access::Probed),
                (Kinds::READ, Access::Read),
                (Kinds::LISTED, Access::Listed),
                (Kinds::LINK_READ, Access::Link),
                (Kinds::EXECUTED, Access::Executed),
                (Kinds::WRITTEN, written),
            ] {
                if looks.kinds.has(kind) {
                    all.push(SeenPath {
                        path: path.clone(),
                        access,
                    });
                }
            }
        }
        Self::All(all)
    }
}

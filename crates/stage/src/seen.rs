use std::path::PathBuf;

/// What the processes of a command looked up, or why nobody knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Every look-up of every process, in the order of the first one of each.
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
    /// Its content was read.
    Read,
    /// The names in the folder were read.
    Listed,
    /// The target of the link was read.
    Link,
    /// It was started as a program, or loaded by one that was.
    Executed,
}

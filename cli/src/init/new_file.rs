use std::path::PathBuf;

/// A file for a repository.
#[derive(Debug)]
pub(crate) struct NewFile {
    /// Relative to the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// What is left to do so that it is used.
    pub(crate) note: Option<String>,
}

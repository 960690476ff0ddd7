use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// What the operating system tells a program: the one place that reads it.
#[derive(Clone, Debug)]
pub struct Process {
    /// The arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The variables whose names and values are UTF-8.
    pub environment: BTreeMap<String, String>,
    /// The working folder.
    pub working_folder: PathBuf,
    /// Whether people read stderr as it comes.
    pub stderr_is_terminal: bool,
}

impl Process {
    /// Reads what the running process was told.
    pub fn current() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where the environment is read"
        )]
        let (variables, folder) = (std::env::vars_os(), std::env::current_dir());
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        #[expect(clippy::disallowed_methods, reason = "nothing is written")]
        let stderr_is_terminal = std::io::stderr().is_terminal();
        Self {
            arguments: std::env::args_os().collect(),
            environment: variables.filter_map(text).collect(),
            // A working folder that was removed: relative paths will say what is missing.
            working_folder: folder.unwrap_or_else(|_| PathBuf::from("/")),
            stderr_is_terminal,
        }
    }

    /// Returns a process that was told nothing but its working folder.
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &str) -> Self {
        Self {
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            working_folder: folder.into(),
            stderr_is_terminal: false,
        }
    }

    /// Returns a variable; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns the user's home folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// Returns `path`, absolute.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.working_folder.join(path)
    }

    /// Returns the folders of `PATH`.
    pub fn path(&self) -> Vec<PathBuf> {
        let path = self.variable("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .map(|folder| self.absolute(&folder))
            .collect()
    }
}

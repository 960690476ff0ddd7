use crate::publish::deps_json::DepsJsonError;
use std::io;
use std::path::PathBuf;

/// A folder that is no finished publish of one application.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nothing in the folder says how to run it: the publish of a library.
    #[error("`{}` has nothing to run: no `*.runtimeconfig.json` and no program", .folder.display())]
    NotRunnable {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds several applications.
    #[error("`{}` holds {} applications, want one: `{}`", .folder.display(), .apps.len(), .apps.join("`, `"))]
    SeveralApps {
        /// The folder.
        folder: PathBuf,
        /// Their names, sorted.
        apps: Vec<String>,
    },
    /// The file that starts the application is not there.
    #[error("`{app}` cannot be started: `{file}` is not in the publish folder")]
    NoEntryPoint {
        /// The application.
        app: String,
        /// The file.
        file: String,
    },
    /// The runtime configuration cannot be understood.
    #[error("cannot read `{}`", .file.display())]
    RuntimeConfig {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The list of libraries cannot be understood.
    #[error("cannot read `{}`", .file.display())]
    DepsJson {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DepsJsonError,
    },
    /// A symbolic link that no layer may follow.
    #[error("`{path}` is a link to `{}`, which is not a file inside the publish folder", .target.display())]
    Link {
        /// The link, relative to the folder.
        path: String,
        /// What it says.
        target: PathBuf,
    },
    /// A socket, a pipe or a device.
    #[error("`{path}` is neither a file nor a folder")]
    Special {
        /// The path, relative to the folder.
        path: String,
    },
    /// The folder cannot be read; the message names the file.
    #[error("the publish folder cannot be read")]
    Io(#[from] io::Error),
}

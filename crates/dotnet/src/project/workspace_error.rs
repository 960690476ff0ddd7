use std::io;
use std::path::PathBuf;

/// What was asked for does not name one project.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Nothing is there.
    #[error("`{0}` does not exist")]
    Missing(PathBuf),
    /// The folder has no project.
    #[error("`{0}` holds no project file")]
    NoProject(PathBuf),
    /// The folder has several.
    #[error("`{folder}` holds {} project files: {}", projects.len(), projects.join(", "))]
    SeveralProjects {
        /// The folder.
        folder: PathBuf,
        /// Their names.
        projects: Vec<String>,
    },
    /// A solution names many projects.
    #[error("`{0}` is a solution, but one project is built at a time")]
    Solution(PathBuf),
    /// A file of another kind.
    #[error("`{0}` is not a project file")]
    NotAProject(PathBuf),
    /// A source file of a project.
    #[error("`{file}` belongs to `{project}`")]
    PartOfProject {
        /// The file.
        file: PathBuf,
        /// The project's file.
        project: PathBuf,
    },
    /// A file above the root would change what plain `dotnet publish` does.
    #[error(
        "`{file}` is above the workspace root `{root}`, and plain `dotnet publish` would apply it"
    )]
    AboveRoot {
        /// The file.
        file: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// The root that was asked for does not hold the project.
    #[error("`{project}` is not inside the workspace root `{root}`")]
    BesideRoot {
        /// The project.
        project: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// A folder could not be read.
    #[error("the workspace cannot be read")]
    Io(#[from] io::Error),
}

use crate::WorkspaceError;
use crate::project::project_file::{project_at, project_in, project_of};
use crate::project::workspace_root::{NUGET_CONFIGS, applied_above, root_of};
use fs_err as fs;
use std::io;
use std::path::{Path, PathBuf};

/// The tree that a build may read, and the project in it that becomes an image.
///
/// The root is the folder of `mizzen.toml`, else the git top level, else the topmost ancestor with a
/// solution, a `Directory.*` file, `global.json` or `nuget.config`, else the project's own folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workspace {
    /// The folder that is staged, absolute.
    pub root: PathBuf,
    /// The project file, or the C# file of a file-based app, relative to the root, with `/`.
    pub project: String,
    /// Each `nuget.config` above the root, which plain `dotnet` would read, too; the nearest first.
    pub nuget_configs_above: Vec<PathBuf>,
    /// An `.editorconfig` above the root: plain `dotnet` would read it, mizzen does not.
    pub editor_config_above: Option<PathBuf>,
}

impl Workspace {
    /// Finds the project that `path` (absolute) names and the workspace around it.
    ///
    /// `home` is never a root, whatever lies in it: a stray `nuget.config` there must not stage a
    /// whole home folder.
    ///
    /// # Errors
    /// [`WorkspaceError`] says why `path` names no single project, or which file above the root is
    /// in the way.
    pub fn find(path: &Path, home: Option<&Path>) -> Result<Self, WorkspaceError> {
        Self::find_in(path, home, None)
    }

    /// The same, where the user says which folder is the root.
    ///
    /// # Errors
    /// As [`find`](Self::find); [`WorkspaceError::BesideRoot`] if the project does not lie in it.
    pub fn find_in(
        path: &Path,
        home: Option<&Path>,
        root: Option<&Path>,
    ) -> Result<Self, WorkspaceError> {
        let path = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(WorkspaceError::Missing(path.to_owned()));
            }
            path => path?,
        };
        let project = if path.is_dir() {
            project_in(&path)?
        } else {
            project_at(path)?
        };
        let folder = project.parent().expect("a file has a folder");
        let home = home.and_then(|home| fs::canonicalize(home).ok());
        let root = match root {
            Some(root) if !root.is_dir() => return Err(WorkspaceError::Missing(root.to_owned())),
            Some(root) => fs::canonicalize(root)?,
            None => root_of(folder, home.as_deref())?.to_owned(),
        };
        if let Some(owner) = project_of(&project, &root)? {
            return Err(WorkspaceError::PartOfProject {
                file: project,
                project: owner,
            });
        }
        if !folder.starts_with(&root) {
            return Err(WorkspaceError::BesideRoot { project, root });
        }
        if let Some(file) = applied_above(folder, &root) {
            return Err(WorkspaceError::AboveRoot { file, root });
        }
        let relative = project
            .strip_prefix(&root)
            .expect("the root is an ancestor of the project");
        let project = relative
            .to_str()
            .ok_or_else(|| WorkspaceError::NotAProject(relative.to_owned()))?
            .to_owned();
        let above = |names: &'static [&str]| {
            let ancestors = root.ancestors().skip(1);
            ancestors.filter_map(|folder| {
                names
                    .iter()
                    .map(|name| folder.join(name))
                    .find(|file| file.is_file())
            })
        };
        Ok(Self {
            nuget_configs_above: above(&NUGET_CONFIGS).collect(),
            editor_config_above: above(&[".editorconfig"]).next(),
            project,
            root,
        })
    }

    /// Returns the folder of the project, absolute.
    pub fn project_folder(&self) -> PathBuf {
        let project = self.root.join(&self.project);
        project.parent().expect("a file has a folder").to_owned()
    }

    /// Returns the project's name: that of its file, without the extension.
    pub fn project_name(&self) -> &str {
        let file = self.project.rsplit('/').next().unwrap_or(&self.project);
        file.rsplit_once('.').map_or(file, |(name, _)| name)
    }

    /// Returns whether a file name is a project's.
    pub fn is_project(name: &str) -> bool {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension.as_encoded_bytes().ends_with(b"proj"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Workspace, WorkspaceError};
    use fs_err as fs;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn find(folder: &tempfile::TempDir, path: &str) -> Result<(String, String), WorkspaceError> {
        let workspace = Workspace::find(&folder.path().join(path), None)?;
        let root = workspace
            .root
            .strip_prefix(fs::canonicalize(folder.path()).unwrap())
            .unwrap()
            .to_owned();
        Ok((root.to_str().unwrap().to_owned(), workspace.project))
    }

    #[test]
    fn the_root_is_mizzen_toml_then_git_then_the_topmost_solution_then_the_project() {
        let folder = tree(&[
            "a/.git/HEAD",
            "a/b/mizzen.toml",
            "a/b/c/App.csproj",
            "a/d/Lib.fsproj",
            "e/f/S.slnx",
            "e/f/g/X.csproj",
            "h/Y.csproj",
            "e/global.json",
        ]);
        assert_eq!(
            find(&folder, "a/b/c").unwrap(),
            ("a/b".to_owned(), "c/App.csproj".to_owned())
        );
        assert_eq!(
            find(&folder, "a/d/Lib.fsproj").unwrap(),
            ("a".to_owned(), "d/Lib.fsproj".to_owned())
        );
        assert_eq!(
            find(&folder, "e/f/g").unwrap(),
            ("e".to_owned(), "f/g/X.csproj".to_owned())
        );
        assert_eq!(
            find(&folder, "h").unwrap(),
            ("h".to_owned(), "Y.csproj".to_owned())
        );
    }

    #[test]
    fn the_home_folder_is_never_a_root() {
        let folder = tree(&["home/nuget.config", "home/app/App.csproj"]);
        let home = folder.path().join("home");
        let workspace = Workspace::find(&home.join("app"), Some(&home)).unwrap();
        assert!(workspace.root.ends_with("home/app"));
        assert!(workspace.nuget_configs_above[0].ends_with("home/nuget.config"));
    }

    #[test]
    fn a_root_that_was_asked_for_is_the_root_if_it_holds_the_project() {
        let folder = tree(&["a/.git/HEAD", "a/App.Web.csproj", "b/x"]);
        let at = |path: &str| folder.path().join(path);
        let workspace = Workspace::find_in(&at("a"), None, Some(&at("a/.."))).unwrap();
        assert_eq!(workspace.project, "a/App.Web.csproj");
        assert_eq!(workspace.project_name(), "App.Web");
        let error = Workspace::find_in(&at("a"), None, Some(&at("b"))).unwrap_err();
        assert!(matches!(error, WorkspaceError::BesideRoot { .. }));
        let error = Workspace::find_in(&at("a"), None, Some(&at("c"))).unwrap_err();
        assert!(matches!(error, WorkspaceError::Missing(_)));
    }

    #[test]
    fn what_names_no_single_project_is_told_apart() {
        let folder = tree(&[
            "none/readme.md",
            "two/A.csproj",
            "two/B.csproj",
            "solution/S.sln",
            "x.txt",
        ]);
        assert!(matches!(
            find(&folder, "missing"),
            Err(WorkspaceError::Missing(_))
        ));
        assert!(matches!(
            find(&folder, "none"),
            Err(WorkspaceError::NoProject(_))
        ));
        assert!(matches!(
            find(&folder, "solution"),
            Err(WorkspaceError::Solution(_))
        ));
        assert!(matches!(
            find(&folder, "x.txt"),
            Err(WorkspaceError::NotAProject(_))
        ));
        let error = find(&folder, "two").unwrap_err().to_string();
        assert!(
            error.ends_with("holds 2 project files: A.csproj, B.csproj"),
            "{error}"
        );
    }

    #[test]
    fn a_file_above_the_root_that_dotnet_would_apply_is_an_error_unless_hidden() {
        let folder = tree(&["Directory.Build.props", "a/.git/HEAD", "a/App.csproj"]);
        assert!(matches!(
            find(&folder, "a"),
            Err(WorkspaceError::AboveRoot { .. })
        ));
        fs::write(folder.path().join("a/Directory.Build.props"), "").unwrap();
        assert!(find(&folder, "a").is_ok());
    }

    #[test]
    fn a_source_file_of_a_project_is_no_file_based_app() {
        let folder = tree(&[
            "a/.git/HEAD",
            "a/Api/Api.csproj",
            "a/Api/x/Program.cs",
            "a/b.cs",
        ]);
        let at = |path: &str| folder.path().join(path);
        let error = find(&folder, "a/Api/x/Program.cs").unwrap_err().to_string();
        assert!(
            error.contains("Program.cs` belongs to `") && error.ends_with("Api.csproj`"),
            "{error}"
        );
        assert!(find(&folder, "a/b.cs").is_ok());
        // One that says so itself, and one that the project leaves alone, are apps.
        fs::write(at("a/Api/x/Program.cs"), "\u{feff}#!/usr/bin/env dotnet\n").unwrap();
        assert!(find(&folder, "a/Api/x/Program.cs").is_ok());
        fs::write(at("a/Api/x/Program.cs"), "\n #:package A@1\n").unwrap();
        assert!(find(&folder, "a/Api/x/Program.cs").is_ok());
        fs::write(at("a/Api/x/Program.cs"), "").unwrap();
        let text = "<Project><ItemGroup><Compile Remove=\"x/**\" /></ItemGroup></Project>";
        fs::write(at("a/Api/Api.csproj"), text).unwrap();
        assert!(find(&folder, "a/Api/x/Program.cs").is_ok());
    }

    #[test]
    fn a_project_is_told_by_its_extension() {
        assert!(Workspace::is_project("App.csproj") && !Workspace::is_project("App.cs"));
    }
}

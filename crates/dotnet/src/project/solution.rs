use crate::project::project_file::{PROJECTS, files_with};
use crate::project::project_text::project_text;
use crate::project::project_xml::ProjectXml;
use fs_err as fs;
use serde::Deserialize;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The projects that a solution names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Solution {
    /// The solution's file, absolute.
    pub path: PathBuf,
    /// Its projects in the order of the file, absolute. A filter (`.slnf`) names some of them.
    pub projects: Vec<PathBuf>,
}

/// A solution cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SolutionError {
    /// The file is not what its extension says.
    #[error("the solution `{path}` is malformed: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It names a project that is not there.
    #[error("the solution `{solution}` names `{project}`, which does not exist")]
    MissingProject {
        /// The solution's file.
        solution: PathBuf,
        /// The project's file.
        project: PathBuf,
    },
    /// A folder holds more than one.
    #[error("`{folder}` holds {} solutions: {}", solutions.len(), solutions.join(", "))]
    Several {
        /// The folder.
        folder: PathBuf,
        /// Their names.
        solutions: Vec<String>,
    },
    /// The file cannot be read.
    #[error("the solution cannot be read")]
    Io(#[from] io::Error),
}

/// A solution filter, as Visual Studio writes it.
#[derive(Deserialize)]
struct Filter {
    solution: FilteredSolution,
}

#[derive(Deserialize)]
struct FilteredSolution {
    path: String,
    projects: Vec<String>,
}

impl Solution {
    /// Returns the solution that `path` (absolute) names: the file itself, or the one in a folder that
    /// holds no project. `None` if it names something else.
    ///
    /// # Errors
    /// [`SolutionError::Several`] if a folder holds more than one.
    pub fn find(path: &Path) -> Result<Option<PathBuf>, SolutionError> {
        if path.is_file() {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let is_solution = matches!(extension, Some("sln" | "slnx" | "slnf"));
            return Ok(is_solution.then(|| path.to_owned()));
        }
        if !path.is_dir() || !files_with(path, &PROJECTS)?.is_empty() {
            return Ok(None);
        }
        // A filter stands beside the solution that it filters.
        let mut solutions = files_with(path, &["sln", "slnx"])?;
        if solutions.is_empty() {
            solutions = files_with(path, &["slnf"])?;
        }
        if solutions.len() > 1 {
            let names = solutions.iter().filter_map(|file| file.file_name());
            return Err(SolutionError::Several {
                folder: path.to_owned(),
                solutions: names
                    .map(|name| name.to_string_lossy().into_owned())
                    .collect(),
            });
        }
        Ok(solutions.pop())
    }

    /// Reads a `.sln`, `.slnx` or `.slnf` file.
    ///
    /// # Errors
    /// [`SolutionError`] if it is malformed, or a project of it is not there.
    pub fn read(path: &Path) -> Result<Self, SolutionError> {
        let text = &project_text(&fs::read(path)?);
        let malformed = |why: String| SolutionError::Malformed {
            path: path.to_owned(),
            why,
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let (folder, names) = match extension {
            Some("slnx") => (folder_of(path), projects_of_xml(text).map_err(malformed)?),
            Some("slnf") => {
                let filter: Filter =
                    serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
                // Its projects are relative to the solution, which is relative to the filter.
                let solution = joined(&folder_of(path), &filter.solution.path);
                (folder_of(&solution), filter.solution.projects)
            }
            _ => (folder_of(path), projects_of_text(text)),
        };
        let mut projects = Vec::new();
        for name in names.iter().filter(|name| is_project(name)) {
            let project = joined(&folder, name);
            if !project.is_file() {
                return Err(SolutionError::MissingProject {
                    solution: path.to_owned(),
                    project,
                });
            }
            if !projects.contains(&project) {
                projects.push(project);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            projects,
        })
    }
}

/// Returns whether `name` is the name of the project at `path`, with its extension or without.
pub fn is_project_named(path: &Path, name: &str) -> bool {
    let names = [path.file_stem(), path.file_name()];
    names.into_iter().flatten().any(|own| {
        own.to_str()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    })
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().expect("a file has a folder").to_owned()
}

// Solutions are written with backslashes everywhere.
fn joined(folder: &Path, name: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in Path::new(&name.replace('\\', "/")).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

// Folders, databases (`.sqlproj`) and web sites without a project file are in solutions, too.
fn is_project(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| PROJECTS.contains(&extension))
}

fn projects_of_xml(text: &str) -> Result<Vec<String>, String> {
    let xml = ProjectXml::read(text);
    if let Some(error) = xml.error() {
        return Err(error.to_owned());
    }
    let paths = xml.named("Project").filter_map(|it| it.attribute("Path"));
    Ok(paths.map(str::to_owned).collect())
}

/// Reads lines like `Project("{kind}") = "Shop.Api", "src\Shop.Api\Shop.Api.csproj", "{id}"`.
fn projects_of_text(text: &str) -> Vec<String> {
    let path = |line: &str| {
        let (_, values) = line
            .trim_start()
            .strip_prefix("Project(")?
            .split_once('=')?;
        values.split('"').nth(3).map(str::to_owned)
    };
    text.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::{Solution, SolutionError};
    use fs_err as fs;
    use std::path::Path;

    const SLN: &str = "\u{feff}\r
Microsoft Visual Studio Solution File, Format Version 12.00\r
Project(\"{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}\") = \"Api\", \"src\\Api\\Api.csproj\", \"{1}\"\r
EndProject\r
Project(\"{2150E333-8FDC-42A3-9474-1A3956D46DE8}\") = \"docs\", \"docs\", \"{2}\"\r
EndProject\r
Project(\"{F2A71F9B-5D33-465A-A702-920D77279786}\") = \"Lib\", \"..\\lib\\Lib.fsproj\", \"{3}\"\r
EndProject\r
";
    const SLNX: &str = r#"<Solution>
  <Folder Name="/src/">
    <Project Path="src/Api/Api.csproj"><Build Project="false" /></Project>
    <File Path="readme.md" />
  </Folder>
  <Project Path="../lib/Lib.fsproj" />
  <Project Path="db/Shop.sqlproj" />
</Solution>"#;
    const SLNF: &str =
        r#"{"solution": {"path": "..\\w\\S.sln", "projects": ["..\\lib\\Lib.fsproj"]}}"#;

    fn names(solution: &Solution, folder: &Path) -> Vec<String> {
        let relative = solution
            .projects
            .iter()
            .map(|project| project.strip_prefix(folder).unwrap());
        relative
            .map(|project| project.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn each_format_names_its_projects() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("w/src/Api/Api.csproj", ""),
            ("lib/Lib.fsproj", ""),
            ("w/S.sln", SLN),
            ("w/S.slnx", SLNX),
            ("filters/S.slnf", SLNF),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = |path: &str| {
            let solution = Solution::read(&folder.path().join(path)).unwrap();
            names(&solution, folder.path())
        };
        assert_eq!(read("w/S.sln"), ["w/src/Api/Api.csproj", "lib/Lib.fsproj"]);
        assert_eq!(read("w/S.slnx"), ["w/src/Api/Api.csproj", "lib/Lib.fsproj"]);
        assert_eq!(read("filters/S.slnf"), ["lib/Lib.fsproj"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            Solution::read(&path).unwrap_err()
        };
        for (name, text) in [("S.slnx", "<Solution><Project"), ("S.slnf", "{}")] {
            assert!(matches!(error(name, text), SolutionError::Malformed { .. }));
        }
        let missing = error(
            "M.slnx",
            r#"<Solution><Project Path="A.csproj" /></Solution>"#,
        );
        assert!(
            missing
                .to_string()
                .ends_with("A.csproj`, which does not exist")
        );
    }
}

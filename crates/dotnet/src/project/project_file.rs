use crate::WorkspaceError;
use crate::project::file_based_app::file_based_directives;
use crate::project::project_text::project_text;
use crate::project::project_xml::ProjectXml;
use fs_err as fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) const PROJECTS: [&str; 3] = ["csproj", "fsproj", "vbproj"];
pub(crate) const SOLUTIONS: [&str; 3] = ["sln", "slnx", "slnf"];

/// Returns the path if it is a project's or a file-based app's.
pub(crate) fn project_at(path: PathBuf) -> Result<PathBuf, WorkspaceError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) if PROJECTS.contains(&extension) || extension == "cs" => Ok(path),
        Some(extension) if SOLUTIONS.contains(&extension) => Err(WorkspaceError::Solution(path)),
        _ => Err(WorkspaceError::NotAProject(path)),
    }
}

/// Returns the project, in the folder of a C# file or above it as far as `root`, that compiles the
/// file; `None` if it is a program by itself.
///
/// A project takes every file below its folder, unless it says otherwise.
pub(crate) fn project_of(file: &Path, root: &Path) -> io::Result<Option<PathBuf>> {
    if file.extension().is_none_or(|extension| extension != "cs") {
        return Ok(None);
    }
    let text = project_text(&fs::read(file)?);
    if text.starts_with("#!") || !file_based_directives(&text).is_empty() {
        return Ok(None);
    }
    let folders = file.ancestors().skip(1);
    for folder in folders.take_while(|folder| folder.starts_with(root)) {
        let Some(project) = files_with(folder, &["csproj"])?.into_iter().next() else {
            continue;
        };
        let xml = ProjectXml::read(&project_text(&fs::read(&project)?));
        let mut compiled = xml.named("Compile");
        let chooses = compiled.any(|item| item.attribute("Remove").is_some())
            || xml.named("EnableDefaultCompileItems").next().is_some()
            || xml.named("EnableDefaultItems").next().is_some();
        return Ok(Some(project).filter(|_| !chooses));
    }
    Ok(None)
}

/// Returns the one project in a folder.
pub(crate) fn project_in(folder: &Path) -> Result<PathBuf, WorkspaceError> {
    let files = files_with(folder, &PROJECTS)?;
    match &files[..] {
        [project] => Ok(project.clone()),
        [] => match files_with(folder, &SOLUTIONS)?.first() {
            Some(solution) => Err(WorkspaceError::Solution(solution.clone())),
            None => Err(WorkspaceError::NoProject(folder.to_owned())),
        },
        several => Err(WorkspaceError::SeveralProjects {
            folder: folder.to_owned(),
            projects: several
                .iter()
                .filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned()))
                .collect(),
        }),
    }
}

/// Returns the files in a folder that have one of these extensions, sorted.
pub(crate) fn files_with(folder: &Path, extensions: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

use fs_err as fs;
use mizzen_dotnet::{OutputFolders, Workspace};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Which folders of one folder earlier builds have written: no stage shows them.
pub(crate) struct BuildOutputs {
    outputs: OutputFolders,
    /// Whether they are those of all projects' artifacts.
    is_artifacts: bool,
}

/// What builds write beside `obj`, where they have one folder for all projects.
const ARTIFACTS: [&str; 4] = ["bin", "obj", "package", "publish"];

impl BuildOutputs {
    /// Finds those of a folder with these names, in the workspace at `root`.
    ///
    /// # Errors
    /// The message names the file that cannot be read.
    pub(crate) fn find(
        folder: &Path,
        names: impl Iterator<Item = OsString>,
        root: &Path,
    ) -> io::Result<Self> {
        let is_project = |name: &OsString| name.to_str().is_some_and(Workspace::is_project);
        let projects = names.filter(is_project).map(|name| folder.join(name));
        let projects: Vec<PathBuf> = projects.collect();
        Ok(Self {
            is_artifacts: projects.is_empty() && holds_intermediate(&folder.join("obj"))?,
            outputs: output_folders(folder, &projects, root)?,
        })
    }

    /// Returns whether the folder `name` is one of them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.outputs.has(name) || self.is_artifacts && ARTIFACTS.contains(&name)
    }
}

fn output_folders(folder: &Path, projects: &[PathBuf], root: &Path) -> io::Result<OutputFolders> {
    let is_there = |name: &&str| folder.join(name).exists();
    if projects.is_empty() || !["bin", "obj"].iter().any(is_there) {
        return Ok(OutputFolders::NONE);
    }
    let above = folder.ancestors();
    let above = above.take_while(|folder| folder.starts_with(root));
    let above = above.map(|folder| folder.join("Directory.Build.props"));
    let mut texts = Vec::new();
    for file in projects.iter().cloned().chain(above) {
        match fs::read(file) {
            Ok(bytes) => texts.push(mizzen_dotnet::project_text(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(OutputFolders::of(&texts))
}

/// Returns whether builds made a folder with these names, wherever it lies.
pub(crate) fn is_made_by_builds(names: impl Iterator<Item = OsString> + Clone) -> bool {
    is_intermediate(names.clone()) || is_image_layout(names)
}

/// Returns whether a folder with these names is an OCI layout: an image that was built or pulled to
/// here, perhaps the base. As sources, each image would be an input of the next.
fn is_image_layout(names: impl Iterator<Item = OsString>) -> bool {
    let marks = ["blobs", "index.json", "oci-layout"];
    names
        .filter(|name| marks.iter().any(|mark| name == mark))
        .count()
        == marks.len()
}

/// Returns whether a folder with these names is where an earlier build has the state of a project: a
/// compiler may take what it finds there for up to date.
fn is_intermediate(names: impl Iterator<Item = OsString>) -> bool {
    let (mut has_cache, mut has_properties) = (false, false);
    for name in names {
        let name = name.as_encoded_bytes();
        has_cache |= name.ends_with(b".nuget.cache");
        has_properties |= name.ends_with(b".nuget.g.props");
    }
    has_cache && has_properties
}

/// Returns whether one of the folders in `folder` is such.
fn holds_intermediate(folder: &Path) -> io::Result<bool> {
    let folders = match fs::read_dir(folder) {
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
        {
            return Ok(false);
        }
        folders => folders?,
    };
    for entry in folders {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let names = fs::read_dir(entry.path())?;
            let names = names.filter_map(|entry| Some(entry.ok()?.file_name()));
            if is_intermediate(names) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

use crate::Process;
use crate::error::CommandError;
use mizzen_builder::BuildError;
use mizzen_dotnet::{Solution, Workspace, service};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What a repository has.
#[derive(Debug)]
pub(crate) struct Found {
    /// The workspace's root: `mizzen.toml` lies there.
    pub(crate) root: PathBuf,
    /// What is built: the solution or the project, relative to the root.
    pub(crate) target: String,
    /// Whether several images come of it.
    pub(crate) is_solution: bool,
    /// The names of the services' projects.
    pub(crate) services: Vec<String>,
    /// Dockerfiles, relative to the root.
    pub(crate) dockerfiles: Vec<String>,
}

/// Projects are not looked for deeper than this.
const DEPTH: usize = 6;

impl Found {
    /// Looks at what lies at `path` and below.
    ///
    /// # Errors
    /// There is no service, or a file cannot be read.
    pub(crate) fn at(path: &Path, process: &Process) -> Result<Self, CommandError> {
        let solution = Solution::find(path)?;
        let projects = match &solution {
            Some(solution) => Solution::read(solution)?.projects,
            None if path.is_file() => vec![path.to_owned()],
            None => below(path, is_project),
        };
        let mut services = Vec::new();
        for project in projects {
            let kind = service(&project).map_err(BuildError::Read)?;
            if kind.left_out().is_none() {
                services.push(project);
            }
        }
        let Some(first) = services.first() else {
            return Err(CommandError::usage(format!(
                "`{}` has no project that becomes an image",
                path.display()
            ))
            .hinted("name a folder with a web or worker project: mizzen init src"));
        };
        let root = Workspace::find(first, process.home().as_deref())?.root;
        let is_solution = services.len() > 1 && solution.is_some();
        let target = solution.as_ref().filter(|_| is_solution).unwrap_or(first);
        let relative = |path: &Path| {
            let below = path.strip_prefix(&root).unwrap_or(path);
            below.to_string_lossy().into_owned()
        };
        let dockerfiles = below(&root, |name| {
            name == "Dockerfile" || name.ends_with(".Dockerfile")
        });
        Ok(Self {
            target: relative(target),
            is_solution,
            services: services.iter().map(|project| stem(project)).collect(),
            dockerfiles: dockerfiles.iter().map(|file| relative(file)).collect(),
            root,
        })
    }

    /// Returns which SDK the CI systems should have: `10.0`.
    pub(crate) fn sdk(&self) -> Option<String> {
        let text = fs_err::read_to_string(self.root.join("global.json")).ok()?;
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        let version = json["sdk"]["version"].as_str()?;
        let mut parts = version.split('.');
        let (major, minor) = (parts.next()?, parts.next()?);
        let is_number = |part: &str| part.chars().all(|it| it.is_ascii_digit());
        (is_number(major) && is_number(minor)).then(|| format!("{major}.{minor}"))
    }
}

fn is_project(name: &str) -> bool {
    [".csproj", ".fsproj", ".vbproj"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Returns the files below a folder whose name is one of those, sorted; outputs and hidden folders are
/// passed over.
fn below(folder: &Path, is_one: fn(&str) -> bool) -> Vec<PathBuf> {
    let is_open = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let is_passed = name.starts_with('.') || ["bin", "obj", "node_modules"].contains(&&*name);
        entry.depth() == 0 || !entry.file_type().is_dir() || !is_passed
    };
    let entries = WalkDir::new(folder)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_open);
    let files = entries
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    let files = files.filter(|entry| is_one(&entry.file_name().to_string_lossy()));
    files.map(DirEntry::into_path).collect()
}

fn stem(project: &Path) -> String {
    let stem = project.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

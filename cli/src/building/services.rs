use super::arguments::BuildArgs;
use super::project::workspace;
use super::project_image::normalized;
use crate::Process;
use crate::config::{Config, Setting};
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::session::Invocation;
use crate::ui::{About, Ui, count};
use mizzen_dotnet::{Solution, Workspace, is_project_named, service};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What stands for the name of an image in what `--tag` and `--output` say.
pub(super) const NAME: &str = "{project}";

/// The images that one command makes: for a solution, one of each service in it.
pub(crate) struct Services {
    /// The solution's configuration, and what was asked for with its defaults for no project: there for
    /// a solution.
    common: Option<(Config, BuildArgs)>,
    /// In the order of the solution.
    pub(crate) each: Vec<Service>,
    /// The solution and what of it is left out, with the reason.
    pub(crate) solution: Option<(PathBuf, Vec<String>)>,
}

/// What one image is made of.
pub(crate) struct Service {
    /// The options, with the defaults of `mizzen.toml` for this project; the path names it.
    pub(crate) arguments: BuildArgs,
    pub(crate) config: Config,
    /// None for a folder that was published before.
    pub(crate) workspace: Option<Workspace>,
    /// The options as `mizzen.toml` and the command line gave them.
    pub(crate) settings: Vec<Setting>,
}

impl Services {
    /// Finds them.
    ///
    /// # Errors
    /// [`CommandError`] if a name of `--project` is not there, or two images would go to one place.
    pub(crate) fn find(
        arguments: &BuildArgs,
        invocation: &Invocation<'_>,
    ) -> Result<Self, CommandError> {
        let process = invocation.process;
        if arguments.from_publish.is_some() {
            let config = invocation.config(&process.working_folder)?;
            let (arguments, settings) = BuildArgs::of(invocation, &config, None)?;
            return Ok(Self::one(Service {
                arguments,
                config,
                workspace: None,
                settings,
            }));
        }
        let Some(path) = Solution::find(&process.absolute(&arguments.path))? else {
            if !arguments.projects.is_empty() {
                return Err(CommandError::usage(format!(
                    "--project selects from a solution, but `{}` is a single project",
                    arguments.path.display()
                )));
            }
            let service = Service::find(arguments.path.clone(), invocation)?;
            check_images(std::slice::from_ref(&service))?;
            return Ok(Self::one(service));
        };
        let config = invocation.config(&path)?;
        let (common, _) = BuildArgs::of(invocation, &config, None)?;
        let solution = Solution::read(&path)?;
        let (projects, left_out) = if common.projects.is_empty() {
            publishable(&solution)?
        } else {
            (chosen(&solution, &common.projects)?, Vec::new())
        };
        let services = projects.into_iter();
        let services = services.map(|project| Service::find(project, invocation));
        let services = services.collect::<Result<Vec<_>, _>>()?;
        check_images(&services)?;
        if services.len() > 1 {
            services
                .iter()
                .try_for_each(|service| check_places(&service.arguments))?;
        }
        Ok(Self {
            common: Some((config, common)),
            each: services,
            solution: Some((path, left_out)),
        })
    }

    /// Returns the one.
    pub(crate) fn one(service: Service) -> Self {
        Self {
            common: None,
            each: vec![service],
            solution: None,
        }
    }

    /// Returns the options that are not about one image.
    pub(crate) fn common(&self) -> &BuildArgs {
        match &self.common {
            Some((_, common)) => common,
            None => &self.each[0].arguments,
        }
    }

    /// Returns the configuration that is not about one image.
    pub(crate) fn config(&self) -> &Config {
        match &self.common {
            Some((config, _)) => config,
            None => &self.each[0].config,
        }
    }

    /// Returns what is said to be about one of them: of several each line for people begins with a
    /// name, so that lines of several may come at a time.
    pub(crate) fn about(&self, service: &Service) -> About {
        let name = |service: &Service| {
            let project = service.workspace.as_ref();
            project.map_or_else(String::new, |it| it.project_name().to_owned())
        };
        let widest = self.each.iter().map(|it| name(it).chars().count()).max();
        let widest = widest.filter(|_| self.len() > 1);
        let name = widest.map(|widest| format!("{:widest$}", name(service)));
        About::new(service.project(), name.as_deref())
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.each.len()
    }

    /// Says what of a solution becomes images, and what does not.
    pub(crate) fn tell(&self, ui: &Ui) {
        let Some((path, left_out)) = &self.solution else {
            return;
        };
        let services = count(self.len(), "service");
        let event = json!({
            "event": "solution", "path": path.display().to_string(), "leftOut": left_out,
            "projects": self.each.iter().map(Service::project).collect::<Vec<_>>(),
        });
        let left_out = if left_out.is_empty() {
            String::new()
        } else {
            format!("; left out {}", left_out.join(", "))
        };
        ui.tell(
            &format!("solution {}: {services}{left_out}", path.display()),
            &event,
        );
    }

    /// Returns every place that the command writes to, as far as it is known before the names of the
    /// images are.
    pub(crate) fn destinations(&self, process: &Process) -> Result<Vec<ImageTarget>, CommandError> {
        let each = self.each.iter().map(|service| {
            let project = service.workspace.as_ref().map(Workspace::project_name);
            let name = normalized(project.unwrap_or_default());
            destinations(&service.arguments, &name, process)
        });
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

impl Service {
    /// Returns the project's file, relative to its workspace.
    pub(crate) fn project(&self) -> Option<&str> {
        let workspace = self.workspace.as_ref()?;
        Some(&workspace.project)
    }

    /// Finds the one that `path` names.
    ///
    /// # Errors
    /// `path` names no single project.
    pub(crate) fn find(path: PathBuf, invocation: &Invocation<'_>) -> Result<Self, CommandError> {
        let config = invocation.config(&path)?;
        let workspace = workspace(&path, &config, invocation.process)?;
        let name = Some(workspace.project_name());
        let (mut arguments, settings) = BuildArgs::of(invocation, &config, name)?;
        arguments.path = path;
        Ok(Self {
            arguments,
            config,
            workspace: Some(workspace),
            settings,
        })
    }
}

/// Checks that what the configuration says of one project is not said of none.
fn check_images(services: &[Service]) -> Result<(), CommandError> {
    let names = services
        .iter()
        .filter_map(|service| service.workspace.as_ref());
    let names: Vec<&str> = names.map(Workspace::project_name).collect();
    let mut checked = Vec::new();
    for Service { config, .. } in services {
        if !checked.contains(&&config.folder) {
            checked.push(&config.folder);
            config.check_images(&names)?;
        }
    }
    Ok(())
}

/// Returns where the image called `name` goes.
pub(crate) fn destinations(
    arguments: &BuildArgs,
    name: &str,
    process: &Process,
) -> Result<Vec<ImageTarget>, CommandError> {
    let name = if name.is_empty() { "image" } else { name };
    let tags = arguments.tags.iter();
    let tags = tags.map(|tag| ImageTarget::tag(&tag.replace(NAME, name)));
    let outputs = arguments.outputs.iter();
    let outputs = outputs.map(|output| ImageTarget::output(&output.replace(NAME, name), process));
    tags.chain(outputs).collect()
}

/// Returns the tags that do not hang on the image's name, which the project may yet change, and the
/// outputs.
pub(crate) fn certain_destinations(
    arguments: &BuildArgs,
    process: &Process,
) -> Result<Vec<ImageTarget>, CommandError> {
    let tags = arguments.tags.iter().filter(|tag| !tag.contains(NAME));
    let tags = tags.map(|tag| ImageTarget::tag(tag));
    let outputs = arguments.outputs.iter();
    let outputs =
        outputs.map(|output| ImageTarget::output(&output.replace(NAME, "image"), process));
    tags.chain(outputs).collect()
}

/// Returns the services of a solution, and what else is in it, with the reason why it is none.
fn publishable(solution: &Solution) -> Result<(Vec<PathBuf>, Vec<String>), CommandError> {
    let (mut services, mut left_out) = (Vec::new(), Vec::new());
    for project in &solution.projects {
        let kind = service(project).map_err(|error| {
            CommandError::local(format!("`{}` cannot be read", project.display()), &error)
        })?;
        match kind.left_out() {
            None => services.push(project.clone()),
            Some(why) => left_out.push(format!("{} ({why})", stem(project))),
        }
    }
    if services.is_empty() {
        return Err(CommandError::usage(format!(
            "`{}` has no service to build: {}",
            solution.path.display(),
            left_out.join(", ")
        ))
        .hinted("--project NAME builds a project even if it does not look like a service"));
    }
    Ok((services, left_out))
}

fn chosen(solution: &Solution, names: &[String]) -> Result<Vec<PathBuf>, CommandError> {
    let is = |project: &&PathBuf, name: &String| is_project_named(project, name);
    if let Some(name) = names
        .iter()
        .find(|name| !solution.projects.iter().any(|project| is(&project, name)))
    {
        let all: Vec<String> = solution
            .projects
            .iter()
            .map(|project| stem(project))
            .collect();
        return Err(CommandError::usage(format!(
            "`{}` has no project `{name}`",
            solution.path.display()
        ))
        .hinted(format!("it has {}", all.join(", "))));
    }
    let projects = solution.projects.iter();
    let projects = projects.filter(|project| names.iter().any(|name| is(project, name)));
    Ok(projects.cloned().collect())
}

// The last one written would be the only one.
fn check_places(arguments: &BuildArgs) -> Result<(), CommandError> {
    let mut places = arguments.tags.iter().chain(&arguments.outputs);
    let own_name =
        |place: &&String| place.contains(NAME) || ["docker:", "podman:"].contains(&&***place);
    match places.find(|place| !own_name(place)) {
        None => Ok(()),
        Some(place) => Err(
            CommandError::usage(format!("several images would go to `{place}`")).hinted(
                "write {project} where each image's name goes: registry.example/shop/{project}:1.4",
            ),
        ),
    }
}

fn stem(project: &Path) -> String {
    project
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

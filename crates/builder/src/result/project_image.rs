use crate::result::app::AppRuntime;
use crate::{BuildError, ImageOptions};
use mizzen_dotnet::ContainerSettings;
use mizzen_oci::Family;
use std::collections::BTreeMap;

impl ImageOptions {
    /// Fills what the user left open with what the project of `app` says.
    ///
    /// Variables and labels of the user stand over the project's of the same name; ports add up. An
    /// entrypoint of the user's leaves nothing of the project's command line: its arguments are for
    /// another program.
    ///
    /// # Errors
    /// [`BuildError::Container`] if the parts of the project's command line do not go together.
    pub fn over(self, project: &ContainerSettings, app: &AppRuntime) -> Result<Self, BuildError> {
        let (entrypoint, cmd) = if let Some(entrypoint) = self.entrypoint {
            (Some(entrypoint), self.cmd)
        } else {
            let resolved = project.command.resolve(app.command())?;
            let entrypoint = Some(resolved.entrypoint).filter(|words| !words.is_empty());
            let cmd = Some(resolved.cmd).filter(|words| !words.is_empty());
            (entrypoint, self.cmd.or(cmd))
        };
        let named = project.is_docker_format.map(|is_docker| {
            if is_docker {
                Family::Docker
            } else {
                Family::Oci
            }
        });
        let labels = &project.labels;
        Ok(Self {
            family: self.family.or(named),
            env: merged(&project.environment, self.env),
            labels: merged(&merged(&labels.generated, labels.own.clone()), self.labels),
            labels_off: labels.off.clone(),
            annotations: merged(&labels.generated, self.annotations),
            ports: [project.ports.clone(), self.ports].concat(),
            user: self.user.or_else(|| project.user.clone()),
            workdir: self.workdir.or_else(|| project.working_directory.clone()),
            keeps_entrypoint: entrypoint.is_none(),
            entrypoint,
            cmd,
            ..self
        })
    }
}

impl AppRuntime {
    /// Returns the command that starts the application in its image. The path is absolute, so that
    /// another working folder does not break it.
    pub(crate) fn command(&self) -> Vec<String> {
        let entry = format!("{}/{}", self.folder.trim_end_matches('/'), self.entry);
        if self.needs_dotnet {
            vec!["dotnet".to_owned(), entry]
        } else {
            vec![entry]
        }
    }
}

fn merged(
    under: &BTreeMap<String, String>,
    over: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    under.clone().into_iter().chain(over).collect()
}

#[cfg(test)]
mod tests {
    use crate::{AppRuntime, ImageOptions};
    use mizzen_dotnet::{ContainerCommand, ContainerLabels, ContainerSettings};
    use mizzen_oci::Family;

    fn app() -> AppRuntime {
        AppRuntime {
            name: "Shop.Api".to_owned(),
            entry: "Shop.Api.dll".to_owned(),
            needs_dotnet: true,
            invariant_globalization: true,
            ..AppRuntime::default()
        }
    }

    fn map(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn project() -> ContainerSettings {
        ContainerSettings {
            user: Some("64198".to_owned()),
            working_directory: Some("/srv".to_owned()),
            is_docker_format: Some(true),
            ports: vec!["9000/udp".to_owned()],
            environment: map(&[("A", "project"), ("B", "project")]),
            labels: ContainerLabels {
                generated: map(&[("title", "project")]),
                own: map(&[("team", "project")]),
                ..ContainerLabels::default()
            },
            command: ContainerCommand {
                default_args: vec!["--maybe".to_owned()],
                ..ContainerCommand::default()
            },
            ..ContainerSettings::default()
        }
    }

    #[test]
    fn what_the_user_left_open_is_the_projects() {
        let options = ImageOptions::default().over(&project(), &app()).unwrap();
        assert_eq!(options.user.as_deref(), Some("64198"));
        assert_eq!(options.workdir.as_deref(), Some("/srv"));
        assert_eq!(options.family, Some(Family::Docker));
        assert_eq!(options.entrypoint.unwrap(), ["dotnet", "/app/Shop.Api.dll"]);
        assert_eq!(options.cmd.unwrap(), ["--maybe"]);
    }

    #[test]
    fn what_the_user_asks_for_stands_over_the_projects() {
        let options = ImageOptions {
            user: Some("1".to_owned()),
            workdir: Some("/w".to_owned()),
            family: Some(Family::Oci),
            env: map(&[("A", "user")]),
            labels: map(&[("team", "user")]),
            ports: vec!["80/tcp".to_owned()],
            entrypoint: Some(vec!["/own".to_owned()]),
            ..ImageOptions::default()
        }
        .over(&project(), &app())
        .unwrap();
        assert_eq!(options.user.as_deref(), Some("1"));
        assert_eq!(options.family, Some(Family::Oci));
        assert_eq!(options.env, map(&[("A", "user"), ("B", "project")]));
        assert_eq!(
            options.labels,
            map(&[("team", "user"), ("title", "project")])
        );
        assert_eq!(options.annotations, map(&[("title", "project")]));
        assert_eq!(options.ports, ["9000/udp", "80/tcp"]);
        assert_eq!(options.entrypoint.unwrap(), ["/own"]);
        assert_eq!(options.cmd, None);
        let arguments = ImageOptions {
            cmd: Some(vec!["x".to_owned()]),
            ..ImageOptions::default()
        };
        assert_eq!(
            arguments.over(&project(), &app()).unwrap().cmd.unwrap(),
            ["x"]
        );
    }
}

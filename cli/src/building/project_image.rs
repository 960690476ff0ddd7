//! What a project's `Container*` properties decide once they are known: the image's name, where
//! `--push` goes, the base.

use super::base::Base;
use crate::error::CommandError;
use crate::places::{ImageSource, ImageTarget};
use mizzen_builder::AppRuntime;
use mizzen_dotnet::ContainerSettings;
use mizzen_oci::Reference;

/// Returns the image's name: `ContainerRepository`, else the application's own, as the SDK writes it.
pub(crate) fn image_name(
    project: &ContainerSettings,
    app: &AppRuntime,
) -> Result<String, CommandError> {
    let asked = project.repository.as_deref().unwrap_or(&app.name);
    let is_name = |name: &str| format!("registry.example/{name}").parse::<Reference>();
    if project.repository.is_some()
        && is_name(asked).is_ok_and(|reference| reference.repository.name == asked)
    {
        return Ok(asked.to_owned());
    }
    let parts: Vec<String> = asked.split('/').map(normalized).collect();
    let name = parts.join("/");
    match is_name(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(
            CommandError::usage(format!("`{asked}` cannot be the name of an image"))
                .hinted("set ContainerRepository in the project"),
        ),
    }
}

/// Writes a name as the SDK writes that of an image: `Shop.Api` becomes `shop-api`.
pub(crate) fn normalized(name: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '_' | '-') => letter,
        _ => '-',
    };
    name.chars()
        .map(letter)
        .collect::<String>()
        .trim_matches(['-', '_'])
        .to_owned()
}

/// Returns where `--push` goes.
pub(crate) fn pushed(
    project: &ContainerSettings,
    name: &str,
) -> Result<Vec<ImageTarget>, CommandError> {
    let registry = project.registry.as_deref().ok_or_else(|| {
        CommandError::usage("--push: the project does not say where to push")
            .hinted("set ContainerRegistry in the project, or name the destination with -t")
    })?;
    let tags = if project.tags.is_empty() {
        &["latest".to_owned()][..]
    } else {
        &project.tags
    };
    let tags = tags.iter();
    tags.map(|tag| ImageTarget::tag(&format!("{registry}/{name}:{tag}")))
        .collect()
}

/// Returns the base that nobody has named on the command line or in the configuration: the
/// project's, else the one that its framework asks for, taken from `registry`.
pub(crate) fn base(
    project: &ContainerSettings,
    app: &AppRuntime,
    registry: &str,
    process: &crate::Process,
) -> Result<ImageSource, CommandError> {
    match &project.base_image {
        Some(base) => {
            let source = ImageSource::parse(base, process)?;
            // Only the user may lead out of the workspace, and what a project says is known too late to ask.
            if source.local_path().is_some() {
                let message = format!(
                    "`ContainerBaseImage` is `{base}`, which is not an image in a registry"
                );
                return Err(CommandError::usage(message)
                    .hinted(format!("pass it on the command line: --base {base}")));
            }
            Ok(source)
        }
        None => Base::inferred(app, registry, project.family.as_deref()),
    }
}

#[cfg(test)]
mod tests {
    use super::{image_name, normalized, pushed};
    use mizzen_builder::AppRuntime;
    use mizzen_dotnet::ContainerSettings;

    fn app(name: &str) -> AppRuntime {
        AppRuntime {
            name: name.to_owned(),
            needs_dotnet: true,
            invariant_globalization: true,
            ..AppRuntime::default()
        }
    }

    #[test]
    fn image_names_are_the_sdks() {
        assert_eq!(normalized("Shop.Api"), "shop-api");
        assert_eq!(normalized("_x y"), "x-y");
        let named = |repository: &str| ContainerSettings {
            repository: Some(repository.to_owned()),
            ..ContainerSettings::default()
        };
        let name = |project: &ContainerSettings| image_name(project, &app("Shop.Api"));
        assert_eq!(name(&ContainerSettings::default()).unwrap(), "shop-api");
        // A name that is one stays as it is; the SDK rewrites another one.
        assert_eq!(name(&named("acme/shop.api")).unwrap(), "acme/shop.api");
        assert_eq!(name(&named("Acme/Shop.Api")).unwrap(), "acme/shop-api");
        assert!(name(&named("../x")).is_err());
    }

    #[test]
    fn a_base_in_a_folder_is_the_users_to_name() {
        let process = crate::Process {
            arguments: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            working_folder: "/".into(),
            stderr_is_terminal: false,
        };
        let base = |base: &str| {
            let project = ContainerSettings {
                base_image: Some(base.to_owned()),
                ..ContainerSettings::default()
            };
            super::base(&project, &app("Shop"), "mcr.microsoft.com", &process)
        };
        assert!(base("registry.example/base:1").is_ok());
        for local in ["oci:/home/me/base", "oci-archive:base.tar"] {
            let error = base(local).unwrap_err().to_string();
            assert!(error.contains(&format!("--base {local}")), "{error}");
        }
    }

    #[test]
    fn push_goes_to_every_tag_and_to_nowhere_without_a_registry() {
        let mut project = ContainerSettings::default();
        assert!(pushed(&project, "shop").is_err());
        project.registry = Some("localhost:5000".to_owned());
        let places = |project: &ContainerSettings| {
            let places = pushed(project, "shop").unwrap();
            places.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(places(&project), ["localhost:5000/shop:latest"]);
        project.tags = vec!["1.4".to_owned(), "1".to_owned()];
        assert_eq!(
            places(&project),
            ["localhost:5000/shop:1.4", "localhost:5000/shop:1"]
        );
        project.tags = vec!["a b".to_owned()];
        assert!(pushed(&project, "shop").is_err());
    }
}

use super::arguments::BuildArgs;
use super::base::Base;
use super::lock_file::{self, Lock};
use super::project_image;
use crate::config::{Config, Setting};
use crate::error::{CommandError, USAGE};
use crate::keychain;
use crate::places::{ImageSource, ImageTarget};
use crate::session::Session;
use crate::ui::Ui;
use mizzen_builder::{App, AppRuntime, BuildError, LayerOptions, check_shell};
use mizzen_dotnet::ContainerSettings;
use mizzen_oci::Platform;
use mizzen_registry::Registry;

/// The base image of a build and the registry client that fetches it: opened before the long part
/// where it was named, else decided by the project.
pub(crate) struct BaseChoice<'a> {
    pub(crate) arguments: &'a BuildArgs,
    pub(crate) config: &'a Config,
    pub(crate) session: &'a Session<'a>,
    pub(crate) ui: &'a Ui,
    /// Where every base has its digest, if none but those may be taken.
    pub(crate) lock: Option<Lock>,
    /// Each option and where its value came from.
    pub(crate) settings: &'a [Setting],
}

/// What could be opened before the project was published.
pub(crate) struct Early {
    named: Option<ImageSource>,
    opened: Option<(Vec<Platform>, Base)>,
    registry: Registry,
}

impl Early {
    /// Returns the client for where the user says, on the command line.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl BaseChoice<'_> {
    /// Opens the base that was named, so that a wrong name does not cost a publish.
    pub(crate) fn early(
        &self,
        destinations: &[ImageTarget],
        layers: &LayerOptions,
    ) -> Result<Early, CommandError> {
        let named = self.arguments.base.as_deref();
        let named = named.map(|base| ImageSource::parse(base, self.session.process));
        let named = named.transpose()?;
        let registry = self.connect(destinations, named.as_ref())?;
        // Who is pushed to decides which credentials are sent, and --push knows only afterwards.
        let base = named.as_ref().filter(|_| !self.arguments.push);
        let opened = base.map(|base| self.open_early(base, layers, &registry));
        Ok(Early {
            opened: opened.transpose()?.flatten(),
            named,
            registry,
        })
    }

    /// Decides about the base, now that `app` is there, whose project has `said` the rest.
    pub(crate) fn decide(
        &self,
        early: Early,
        app: &App,
        said: &ContainerSettings,
        destinations: &[ImageTarget],
    ) -> Result<(Base, Registry), CommandError> {
        let platforms = app.layers.iter().map(|(platform, _)| platform.clone());
        let platforms: Vec<Platform> = platforms.collect();
        let opened = early.opened.filter(|(likely, _)| *likely == platforms);
        if let Some((_, base)) = opened {
            return Ok((base, early.registry));
        }
        let mirror = self.arguments.base_registry.as_deref();
        let mirror = mirror.unwrap_or("mcr.microsoft.com");
        let is_the_projects = early.named.is_none() && said.base_image.is_some();
        let origin = match (&early.named, is_the_projects) {
            (Some(_), _) => self.named_by(),
            (None, true) => "the project's ContainerBaseImage".to_owned(),
            (None, false) => inferred_for(&app.runtime),
        };
        let base = match early.named {
            Some(base) => base,
            None => project_image::base(said, &app.runtime, mirror, self.session.process)?,
        };
        let registry = if self.arguments.push || is_the_projects {
            self.connect(destinations, Some(&base))?
        } else {
            early.registry
        };
        let opened = self.open(&base, &platforms, &registry);
        let opened = opened.and_then(|base| check_platforms(&base, &platforms).map(|()| base));
        let opened = opened.map_err(|error| unusable(error, &base, &origin))?;
        Ok((opened, registry))
    }

    /// Where the project decides for which platforms, the most likely one is tried; `None` if the
    /// base has no such image.
    fn open_early(
        &self,
        base: &ImageSource,
        layers: &LayerOptions,
        registry: &Registry,
    ) -> Result<Option<(Vec<Platform>, Base)>, CommandError> {
        let likely = [layers.default_platform()];
        let (platforms, is_likely) = match &layers.platforms[..] {
            [] => (&likely[..], true),
            platforms => (platforms, false),
        };
        let opened = self.open(base, platforms, registry);
        let opened = opened.and_then(|base| check_platforms(&base, platforms).map(|()| base));
        match opened {
            Ok(base) => {
                self.check_shell(&base)?;
                Ok(Some((platforms.to_vec(), base)))
            }
            Err(error) if is_likely && error.exit_code() == USAGE => Ok(None),
            Err(error) => Err(unusable(error, base, &self.named_by())),
        }
    }

    /// What is added to the image may bring one; then only the whole image shows it.
    fn check_shell(&self, base: &Base) -> Result<(), CommandError> {
        let image = &self.arguments.image;
        if !image.add.is_empty() {
            return Ok(());
        }
        let mut images = base.images.iter();
        Ok(images.try_for_each(|base| check_shell(base, image.healthcheck.as_ref()))?)
    }

    /// Opens a base, by its digest if bases are locked.
    fn open(
        &self,
        base: &ImageSource,
        platforms: &[Platform],
        registry: &Registry,
    ) -> Result<Base, CommandError> {
        let name = base.to_string();
        let _shown = self.ui.under_way("base", &name);
        let Some(lock) = &self.lock else {
            return Base::open(base, platforms, registry, self.session);
        };
        let locked = lock.base(&name)?;
        let pinned = base.at(locked.digest);
        let opened = Base::open(&pinned, platforms, registry, self.session)?;
        if opened.digest != locked.digest {
            let (got, want) = (opened.digest, locked.digest);
            let message = format!("the base `{name}` is {got}, but {want} is locked");
            return Err(lock_file::failed(message));
        }
        for (platform, image) in platforms.iter().zip(&opened.images) {
            let got = image.manifest().descriptor().digest;
            if locked.platforms.get(&platform.to_string()) != Some(&got) {
                let message = format!("mizzen.lock has no image {got} of `{name}` for {platform}");
                return Err(lock_file::failed(message));
            }
        }
        Ok(Base { name, ..opened })
    }

    /// Returns who named the base.
    fn named_by(&self) -> String {
        let named = self.settings.iter().find(|setting| setting.name == "base");
        match named.map(|setting| setting.origin.as_str()) {
            Some("command line") | None => "--base".to_owned(),
            Some(origin) => origin.to_owned(),
        }
    }

    fn connect(
        &self,
        destinations: &[ImageTarget],
        base: Option<&ImageSource>,
    ) -> Result<Registry, CommandError> {
        let keychain = keychain::keychain(self.session.process, destinations, base);
        let offline = self.arguments.offline;
        self.session
            .registry(self.config, offline, keychain, self.ui)
    }
}

/// Says that what failed is the base, and why it is that one: nobody need have named it.
fn unusable(error: CommandError, base: &ImageSource, origin: &str) -> CommandError {
    if error.is_interruption() || error.healed().is_some() {
        return error;
    }
    let message = format!("the base image `{base}` cannot be used ({origin})");
    error.within(message, "another base is named with --base")
}

fn inferred_for(app: &AppRuntime) -> String {
    let mut frameworks = app.frameworks.iter();
    let asp_net = frameworks.find(|framework| framework.name.contains("AspNetCore"));
    let framework = asp_net.or(app.frameworks.first());
    let framework = framework.map(|it| format!(" for {} {}", it.name, it.version));
    format!("inferred{}", framework.unwrap_or_default())
}

fn check_platforms(base: &Base, platforms: &[Platform]) -> Result<(), CommandError> {
    for (image, want) in base.images.iter().zip(platforms) {
        let got = image.config().platform();
        if !want.accepts(&got) {
            let error = BuildError::ForeignBase {
                got: got.to_string(),
                want: want.to_string(),
            };
            return Err(error.into());
        }
    }
    Ok(())
}

use super::ImageSource;
use crate::error::CommandError;
use crate::keychain;
use crate::session::Session;
use mizzen_image::{Artifact, Image, Source, Taggable};
use mizzen_oci::{Digest, Platform};
use std::path::PathBuf;

/// What every verb that reads or copies an image takes.
#[derive(clap::Args, Debug)]
pub(crate) struct ImageArg {
    /// Only the image for this platform [default: all to copy; else linux/amd64 from a registry]
    #[arg(long)]
    pub(crate) platform: Option<Platform>,

    /// Where the cache is [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// An image that the user named: a reference, `oci:DIR[:TAG]`, an archive.
pub(crate) struct Opened {
    /// The name as the user wrote it.
    pub(crate) name: String,
    source: Box<dyn Source>,
    /// The one that is asked for, or taken of a registry's index.
    platform: Option<Platform>,
    /// The one that is asked for.
    asked: Option<Platform>,
}

impl Opened {
    /// Opens `name`; reads nothing yet.
    pub(crate) fn open(
        name: &str,
        arguments: &ImageArg,
        session: &Session<'_>,
    ) -> Result<Self, CommandError> {
        let place = ImageSource::parse(name, session.process)?;
        let connect = || {
            let keychain = keychain::keychain(session.process, &[], Some(&place));
            session.registry(&session.config, false, keychain, &session.ui)
        };
        let likely = place.in_registry().map(|_| Platform::linux("amd64".into()));
        Ok(Self {
            name: place.to_string(),
            source: place.source(false, connect, session)?,
            platform: arguments.platform.clone().or(likely),
            asked: arguments.platform.clone(),
        })
    }

    /// Reads what the name points at; of a registry's index only the image of the platform. Of layers
    /// only the names are read.
    pub(crate) fn read(&self) -> Result<Taggable, CommandError> {
        match &self.platform {
            Some(platform) => Ok(Taggable::Image(Box::new(self.source.image(platform)?))),
            None => Ok(self.source.everything()?),
        }
    }

    /// Reads all that the name points at; only the image of a platform where that is asked for.
    pub(crate) fn everything(&self) -> Result<Taggable, CommandError> {
        match &self.asked {
            Some(platform) => Ok(Taggable::Image(Box::new(self.source.image(platform)?))),
            None => Ok(self.source.everything()?),
        }
    }

    /// Reads the one image that is meant.
    ///
    /// # Errors
    /// There are several, and the user has not said for which platform; or none for that.
    pub(crate) fn image(&self) -> Result<Image, CommandError> {
        self.one_of(&self.read()?)
    }

    /// Returns what others may refer to: what the name points at, and the image of the platform.
    pub(crate) fn subjects(&self) -> Result<Vec<Digest>, CommandError> {
        let mut subjects = vec![self.source.descriptor()?.digest];
        if let Some(platform) = &self.platform {
            let image = self.source.image(platform)?;
            subjects.push(image.manifest().descriptor().digest);
        }
        subjects.dedup();
        Ok(subjects)
    }

    /// Returns what refers to `subject` and is of one of these types.
    pub(crate) fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, CommandError> {
        Ok(self.source.artifacts(subject, artifact_types)?)
    }

    /// Returns the one image that `what` is.
    ///
    /// # Errors
    /// There are several.
    pub(crate) fn one_of(&self, what: &Taggable) -> Result<Image, CommandError> {
        if let [image] = what.images() {
            return Ok(image.clone());
        }
        let platforms = what.images().iter();
        let platforms = platforms.map(|image| image.config().platform().to_string());
        let platforms: Vec<String> = platforms.collect();
        let message = format!("`{}` has images for {}", self.name, platforms.join(", "));
        Err(CommandError::usage(message).hinted("choose one of them with --platform"))
    }
}

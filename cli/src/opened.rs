use crate::destination::{ArchiveKind, Destination};
use crate::error::CommandError;
use crate::keychain;
use crate::session::Session;
use mizzen_image::{Archive, Image, Layout, Taggable};
use mizzen_oci::Platform;
use std::path::PathBuf;

/// What every verb that reads an image takes.
#[derive(clap::Args, Debug)]
pub(crate) struct ImageArg {
    /// Which image of several; of a registry linux/amd64 unless another is named
    #[arg(long)]
    pub(crate) platform: Option<Platform>,

    /// Where what is fetched lives [default: the user's cache folder]
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
    /// What it points at; of a registry's index only the image of the platform asked for.
    pub(crate) what: Taggable,
    platform: Option<Platform>,
}

impl Opened {
    /// Opens `name`; of layers only the names are read.
    pub(crate) fn open(
        name: &str,
        arguments: &ImageArg,
        session: &Session<'_>,
    ) -> Result<Self, CommandError> {
        let place = Destination::base(name, session.process)?;
        let what = match &place {
            Destination::Layout { folder, tag, .. } => {
                Layout::new(folder, tag.as_deref()).read()?
            }
            Destination::Archive {
                file,
                kind: ArchiveKind::Oci,
                ..
            } => Archive::oci(file, None).read()?,
            Destination::Archive { file, .. } => Archive::docker(file, &[]).read()?,
            Destination::Engine { .. } => unreachable!("an engine is no base"),
            Destination::Registry(reference) => {
                let keychain = keychain::keychain(session.process, &[], Some(&place));
                let registry = session.registry(&session.config, false, keychain)?;
                let source = registry.source((**reference).clone(), session.store()?.clone());
                let platform = arguments.platform.clone();
                let platform = platform.unwrap_or_else(|| Platform::linux("amd64".into()));
                Taggable::Image(Box::new(source.image_for(&platform)?))
            }
        };
        Ok(Self {
            name: place.to_string(),
            what,
            platform: arguments.platform.clone(),
        })
    }

    /// Returns the one image that is meant.
    ///
    /// # Errors
    /// There are several, and the user has not said for which platform; or none for that.
    pub(crate) fn image(&self) -> Result<&Image, CommandError> {
        let wanted = |image: &&Image| match &self.platform {
            Some(platform) => platform.accepts(&image.config().platform()),
            None => true,
        };
        let images: Vec<&Image> = self.what.images().iter().filter(wanted).collect();
        if let [image] = images[..] {
            return Ok(image);
        }
        let platforms: Vec<String> = self
            .what
            .images()
            .iter()
            .map(|image| image.config().platform().to_string())
            .collect();
        Err(
            CommandError::usage(format!("`{}` is for {}", self.name, platforms.join(", ")))
                .hinted("name one of them with --platform"),
        )
    }
}

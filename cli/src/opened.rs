use crate::args::ImageArg;
use crate::config::Config;
use crate::destination::{ArchiveKind, Destination};
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::{Process, keychain, settings};
use mizzen_image::{Archive, Image, Layout, Taggable};
use mizzen_oci::Platform;

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
        process: &Process,
        interrupt: &Interrupt,
    ) -> Result<Self, CommandError> {
        let place = Destination::base(name, process)?;
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
                let store = settings::open_store(process, arguments.cache_dir.as_deref())?;
                let keychain = keychain::keychain(process, &[], Some(&place))?;
                let config = Config::find(&process.working_folder)?;
                let cancel = interrupt.cancel.clone();
                let registry = settings::registry(process, &config, false, keychain, cancel)?;
                let source = registry.source((**reference).clone(), store);
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

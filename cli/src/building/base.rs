use crate::error::CommandError;
use crate::places::ImageSource;
use crate::session::Session;
use mizzen_builder::AppRuntime;
use mizzen_dotnet::{Libc, default_base};
use mizzen_image::Image;
use mizzen_oci::{Digest, Platform};
use mizzen_registry::Registry;

/// A base image, opened: its name and its images by platform.
pub(crate) struct Base {
    /// The name as the user or the inference gave it.
    pub(crate) name: String,
    /// What the name points at: an index or a manifest.
    pub(crate) digest: Digest,
    /// The images, in the order of the platforms asked for.
    pub(crate) images: Vec<Image>,
    /// Whether the name is one that others can pull.
    pub(crate) is_reference: bool,
}

impl Base {
    /// Opens `base` for each platform; of layers only the names are read.
    pub(crate) fn open(
        base: &ImageSource,
        platforms: &[Platform],
        registry: &Registry,
        session: &Session<'_>,
    ) -> Result<Self, CommandError> {
        let source = base.source(false, || Ok(registry.clone()), session)?;
        let digest = source.descriptor()?.digest;
        let images = platforms.iter().map(|platform| source.image(platform));
        Ok(Self {
            name: base.to_string(),
            digest,
            images: images.collect::<Result<_, _>>()?,
            is_reference: base.in_registry().is_some(),
        })
    }

    /// Returns the image that `app` runs on, in `registry`: of `family`, else distroless.
    pub(crate) fn inferred(
        app: &AppRuntime,
        registry: &str,
        family: Option<&str>,
    ) -> Result<ImageSource, CommandError> {
        let reference = default_base(
            registry,
            &app.frameworks,
            app.self_contained,
            !app.invariant_globalization,
            family,
            app.libc.unwrap_or(Libc::Glibc),
        )?;
        Ok(ImageSource::Registry(Box::new(reference)))
    }
}

use crate::destination::{ArchiveKind, Destination};
use crate::error::CommandError;
use mizzen_builder::AppRuntime;
use mizzen_dotnet::default_base;
use mizzen_image::{Archive, Image, Layout, Source};
use mizzen_oci::{Digest, Platform};
use mizzen_registry::Registry;
use mizzen_store::Store;
use std::sync::Arc;

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
        base: &Destination,
        platforms: &[Platform],
        registry: &Registry,
        store: &Arc<Store>,
    ) -> Result<Self, CommandError> {
        match base {
            Destination::Registry(reference) => {
                let source = registry.source((**reference).clone(), store.clone());
                let digest = source.resolve()?.digest;
                let images = platforms
                    .iter()
                    .map(|platform| source.image_for(platform))
                    .collect::<Result<_, _>>()?;
                Ok(Self {
                    name: reference.to_string(),
                    digest,
                    images,
                    is_reference: true,
                })
            }
            Destination::Archive { file, kind, .. } => {
                let archive = match kind {
                    ArchiveKind::Oci => Archive::oci(file, None),
                    ArchiveKind::Docker => Archive::docker(file, &[]),
                };
                let digest = archive.read()?.descriptor().digest;
                let images = platforms.iter().map(|platform| archive.image(platform));
                Ok(Self {
                    name: base.to_string(),
                    digest,
                    images: images.collect::<Result<_, _>>()?,
                    is_reference: false,
                })
            }
            Destination::Engine { .. } => unreachable!("an engine is no base"),
            Destination::Layout { folder, tag, .. } => {
                let layout = Layout::new(folder, tag.as_deref());
                let digest = layout.read()?.descriptor().digest;
                let images = platforms
                    .iter()
                    .map(|platform| layout.image(platform))
                    .collect::<Result<_, _>>()?;
                Ok(Self {
                    name: base.to_string(),
                    digest,
                    images,
                    is_reference: false,
                })
            }
        }
    }

    /// Returns the image that `app` runs on, in `registry`: of `family`, else distroless.
    pub(crate) fn inferred(
        app: &AppRuntime,
        registry: &str,
        family: Option<&str>,
    ) -> Result<Destination, CommandError> {
        let reference = default_base(
            registry,
            &app.frameworks,
            app.self_contained,
            !app.invariant_globalization,
            family,
        )?;
        Ok(Destination::Registry(Box::new(reference)))
    }
}

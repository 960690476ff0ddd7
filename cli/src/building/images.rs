use super::base::Base;
use crate::error::CommandError;
use mizzen_builder::{App, ImageOptions, assemble};
use mizzen_image::{Image, Taggable};
use mizzen_oci::{Family, Index, MediaType, MediaTypeExt};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;

/// Puts the application on each base; several images become an index.
pub(crate) fn images(
    base: &Base,
    app: &App,
    options: &ImageOptions,
    tools: (&Store, &Cancel),
) -> Result<Taggable, CommandError> {
    let assembled = base.images.iter().zip(&app.layers);
    let assembled = assembled.map(|(base, (platform, layers))| {
        assemble(base.clone(), platform, &app.runtime, layers, options, tools)
    });
    let mut images = assembled.collect::<Result<Vec<Image>, _>>()?;
    if images.len() == 1 {
        return Ok(Taggable::Image(Box::new(images.remove(0))));
    }
    let family = options.family.unwrap_or(Family::Oci);
    let entries = images
        .iter()
        .zip(&app.layers)
        .map(|(image, (platform, _))| {
            let mut descriptor = image.manifest().descriptor().clone();
            descriptor.platform = Some(platform.clone());
            descriptor
        });
    let annotations = images[0].manifest().annotations().clone();
    let common = annotations
        .into_iter()
        .filter(|(name, _)| name != mizzen_oci::annotation::BASE_DIGEST)
        .collect();
    let common = if family == Family::Oci {
        common
    } else {
        BTreeMap::new()
    };
    let index = Index::new(
        MediaType::ImageIndex.in_family(family),
        entries.collect(),
        &common,
    );
    Ok(Taggable::Index(Box::new(index), images))
}

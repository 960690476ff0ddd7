use crate::args::{BuildArgs, Format, Split, Symbols};
use crate::error::CommandError;
use crate::{Process, settings};
use mizzen_build::{ImageOptions, LayerOptions};
use mizzen_dotnet::{DebugSymbols, RuntimeIdentifier};
use mizzen_image::Compression;
use mizzen_oci::{Family, Platform};
use std::collections::BTreeMap;

/// Returns how the layers are made.
pub(super) fn layer_options(arguments: &BuildArgs) -> Result<LayerOptions, CommandError> {
    let layers = &arguments.layers;
    if layers.compression != Compression::Gzip && arguments.image.format == Some(Format::Docker) {
        return Err(no_zstd());
    }
    Ok(LayerOptions {
        platforms: platforms(arguments)?,
        compression: layers.compression,
        single: layers.layers == Split::Single,
        keep: layers.keep.clone(),
        debug_symbols: match layers.debug_symbols {
            Symbols::Own => DebugSymbols::Own,
            Symbols::All => DebugSymbols::All,
            Symbols::None => DebugSymbols::None,
            Symbols::Separate => DebugSymbols::Separate,
        },
    })
}

fn no_zstd() -> CommandError {
    CommandError::usage("Docker's family of media types has no zstd layers")
        .hinted("leave out --compression zstd, or ask for --format oci")
}

/// Checks that the layers fit the family of media types, which the project may have chosen.
pub(super) fn check_family(
    options: &ImageOptions,
    layers: &LayerOptions,
) -> Result<(), CommandError> {
    if options.family == Some(Family::Docker) && layers.compression != Compression::Gzip {
        return Err(no_zstd());
    }
    Ok(())
}

/// Returns what the image says of itself and how it runs.
pub(super) fn image_options(
    arguments: &BuildArgs,
    process: &Process,
) -> Result<ImageOptions, CommandError> {
    let image = &arguments.image;
    // Of two values of one name the later one counts.
    let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
    Ok(ImageOptions {
        base_name: None,
        source: None,
        created: settings::created(process)?,
        family: image.format.map(|format| match format {
            Format::Docker => Family::Docker,
            Format::Oci => Family::Oci,
        }),
        env: map(&image.env),
        labels: map(&image.labels),
        annotations: map(&image.annotations),
        ports: image.ports.clone(),
        user: image.user.clone(),
        workdir: image.workdir.clone(),
        entrypoint: image.entrypoint.as_deref().cloned(),
        cmd: image.cmd.as_deref().cloned(),
        stop_signal: image.stop_signal.clone(),
        healthcheck: image.healthcheck.clone(),
        volumes: image.volumes.clone(),
        writable: image.writable.clone(),
    })
}

fn platforms(arguments: &BuildArgs) -> Result<Vec<Platform>, CommandError> {
    let mut all = arguments.platforms.iter();
    while let Some(platform) = all.next() {
        if all.clone().any(|other| other == platform) {
            return Err(CommandError::usage(format!(
                "`{platform}` is asked for twice"
            )));
        }
    }
    if !arguments.platforms.is_empty() {
        return Ok(arguments.platforms.clone());
    }
    let of_rid = arguments.runtime_identifier.as_deref();
    let of_rid = of_rid.and_then(|identifier| RuntimeIdentifier::new(identifier).platform());
    Ok(of_rid.into_iter().collect())
}

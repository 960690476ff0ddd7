use super::arguments::{BuildArgs, Format, Split, Symbols};
use super::environment::created;
use super::services::destinations;
use crate::Process;
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::places::engine::{Engine, EnginePlatforms};
use mizzen_builder::{ImageOptions, LayerOptions};
use mizzen_dotnet::{DebugSymbols, Libc, RuntimeIdentifier};
use mizzen_image::Compression;
use mizzen_oci::{Family, Platform};
use std::collections::{BTreeMap, BTreeSet};

/// Returns how the layers are made; what engines run is asked of `engines` where it decides.
pub(crate) fn layer_options(
    arguments: &BuildArgs,
    engines: &EnginePlatforms,
    process: &Process,
) -> Result<LayerOptions, CommandError> {
    let layers = &arguments.layers;
    if layers.compression != Compression::Gzip && arguments.image.format == Some(Format::Docker) {
        return Err(no_zstd());
    }
    let platforms = platforms(arguments)?;
    let default_platform = if platforms.is_empty() {
        engine_platform(arguments, engines, process)?
    } else {
        None
    };
    Ok(LayerOptions {
        platforms,
        default_platform,
        musl: arguments.base.as_deref().and_then(Libc::of_image) == Some(Libc::Musl),
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
    CommandError::usage("Docker's media types do not include zstd layers")
        .hinted("drop --compression zstd, or use --format oci")
}

/// Checks that the layers fit the family of media types, which the project may have chosen.
pub(crate) fn check_family(
    options: &ImageOptions,
    layers: &LayerOptions,
) -> Result<(), CommandError> {
    if options.family == Some(Family::Docker) && layers.compression != Compression::Gzip {
        return Err(no_zstd());
    }
    Ok(())
}

/// Returns what the image says of itself and how it runs.
pub(crate) fn image_options(
    arguments: &BuildArgs,
    process: &Process,
) -> Result<ImageOptions, CommandError> {
    let image = &arguments.image;
    // Of two values of one name the later one counts.
    let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
    Ok(ImageOptions {
        base_name: None,
        source: None,
        revision: None,
        labels_off: BTreeSet::new(),
        keeps_entrypoint: false,
        created: created(process)?,
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
            return Err(CommandError::usage(format!("`{platform}` is given twice")));
        }
    }
    let mut all = arguments.platforms.iter();
    if let Some(platform) =
        all.find(|platform| RuntimeIdentifier::of(platform, Libc::Glibc).is_none())
    {
        let known: Vec<String> = RuntimeIdentifier::platforms()
            .map(|it| it.to_string())
            .collect();
        return Err(
            CommandError::usage(format!("there is no .NET for `{platform}`"))
                .hinted(format!("--platform takes {}", known.join(", "))),
        );
    }
    if !arguments.platforms.is_empty() {
        return Ok(arguments.platforms.clone());
    }
    let of_rid = arguments.runtime_identifier.as_deref();
    let of_rid = of_rid.and_then(|identifier| RuntimeIdentifier::new(identifier).platform());
    Ok(of_rid.into_iter().collect())
}

/// Returns the platform of the engines that an image is loaded into, unless it is the one that is taken
/// anyway.
fn engine_platform(
    arguments: &BuildArgs,
    engines: &EnginePlatforms,
    process: &Process,
) -> Result<Option<Platform>, CommandError> {
    let mut first: Option<(Engine, Platform)> = None;
    for place in destinations(arguments, "", process)? {
        let ImageTarget::Engine { engine, .. } = place else {
            continue;
        };
        let platform = engines.of(engine, process)?;
        match &first {
            Some((other, wanted)) if *wanted != platform => {
                return Err(CommandError::usage(format!(
                    "`{}` runs `{wanted}`, and `{}` runs `{platform}`",
                    other.program(),
                    engine.program()
                ))
                .hinted("choose the image's platform with --platform"));
            }
            Some(_) => {}
            None => first = Some((engine, platform)),
        }
    }
    let platform = first.map(|(_, platform)| platform);
    Ok(platform.filter(|platform| *platform != Platform::linux("amd64".into())))
}

use crate::destination::{ArchiveKind, Destination};
use crate::error::CommandError;
use mizzen_builder::{App, LayerOptions};
use mizzen_dotnet::DebugSymbols;
use mizzen_image::{Archive, Artifact, Layout, Taggable};
use mizzen_oci::annotation;

/// What the artifact is; its one blob is a layer, to be unpacked over the files of the image.
pub(crate) const ARTIFACT_TYPE: &str = "application/vnd.mizzen.symbols.v1";

/// Returns the artifact with the symbols of an image; `None` if they are not to lie beside it, or
/// there are none.
pub(crate) fn artifact(app: &App, what: &Taggable, created: &str) -> Option<Artifact> {
    let symbols = &app.symbols.as_ref()?.layer;
    let mut descriptor = symbols.descriptor.clone();
    // By it tools that fetch artifacts name the file.
    let file = format!("{}.symbols.tar", app.runtime.name);
    let title = annotation::TITLE.to_owned();
    descriptor.annotations.insert(title, file);
    Some(Artifact::new(
        ARTIFACT_TYPE,
        what.descriptor(),
        vec![(descriptor, symbols.blob.clone())],
        &[(annotation::CREATED.to_owned(), created.to_owned())].into(),
    ))
}

/// Returns the symbols that lie beside an image on disk.
pub(crate) fn beside(place: &Destination, what: &Taggable) -> Result<Vec<Artifact>, CommandError> {
    let subject = &what.descriptor().digest;
    Ok(match place {
        Destination::Layout { folder, .. } => {
            Layout::new(folder, None).artifacts(subject, ARTIFACT_TYPE)?
        }
        Destination::Archive { file, .. } => {
            Archive::oci(file, None).artifacts(subject, ARTIFACT_TYPE)?
        }
        Destination::Registry(_) | Destination::Engine { .. } => Vec::new(),
    })
}

/// Goes on if symbols that are to lie beside the image have a place to go.
pub(crate) fn check_destinations(
    layers: &LayerOptions,
    destinations: &[Destination],
) -> Result<(), CommandError> {
    let is_asked = layers.debug_symbols == DebugSymbols::Separate;
    if is_asked && !destinations.is_empty() && !destinations.iter().any(holds_artifacts) {
        let error = "what Docker loads has no place for separate symbols";
        return Err(
            CommandError::usage(error).hinted("push with --tag, or add an output: -o oci:DIR")
        );
    }
    Ok(())
}

pub(crate) fn holds_artifacts(destination: &Destination) -> bool {
    match destination {
        Destination::Registry(_) | Destination::Layout { .. } => true,
        Destination::Archive { kind, .. } => *kind == ArchiveKind::Oci,
        Destination::Engine { .. } => false,
    }
}

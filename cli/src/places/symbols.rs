use super::ImageTarget;
use crate::error::CommandError;
use mizzen_builder::{App, LayerOptions};
use mizzen_dotnet::DebugSymbols;
use mizzen_image::{Artifact, Taggable};
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

/// Goes on if symbols that are to lie beside the image have a place to go.
pub(crate) fn check_destinations(
    layers: &LayerOptions,
    targets: &[ImageTarget],
) -> Result<(), CommandError> {
    let is_asked = layers.debug_symbols == DebugSymbols::Separate;
    if is_asked && !targets.is_empty() && !targets.iter().any(ImageTarget::holds_artifacts) {
        let error = "an image that Docker loads cannot have separate symbols beside it";
        return Err(
            CommandError::usage(error).hinted("push with --tag, or add an output: -o oci:DIR")
        );
    }
    Ok(())
}

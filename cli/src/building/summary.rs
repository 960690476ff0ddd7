//! What people see of what was made; the last lines are the commands that use it.

use super::results::{Built, Results};
use crate::places::ImageTarget;
use crate::ui::{Ui, size, time};

/// Says what was made; the last line is the command that uses it.
pub(crate) fn done(ui: &Ui, results: &Results) {
    for image in &results.images {
        tell(ui, image);
    }
    let network = results.network();
    ui.line(&format!(
        "done     in {}: {} requests, {} up, {} down",
        time(results.took),
        network.requests,
        size(network.uploaded_bytes),
        size(network.downloaded_bytes)
    ));
    for image in &results.images {
        if let Some(destination) = image.destinations.first() {
            ui.line(&next(destination, image));
        }
    }
    ui.result(&results.to_json());
}

fn tell(ui: &Ui, image: &Built) {
    ui.warn_all(&image.warnings);
    for (platform, layers) in &image.app.layers {
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| format!("{} {}", layer.name, size(layer.layer.descriptor.size_bytes)))
            .collect();
        ui.line(&format!(
            "image    {platform} on {}: {}",
            image.base.name,
            layers.join(", ")
        ));
    }
    if let (Some(artifact), Some(symbols)) = (&image.symbols, &image.app.symbols) {
        ui.line(&format!(
            "symbols  {}: {} files, {}, beside the image",
            artifact.manifest().descriptor().digest,
            symbols.files,
            size(symbols.layer.descriptor.size_bytes)
        ));
    }
}

fn next(target: &ImageTarget, image: &Built) -> String {
    match target {
        ImageTarget::Registry(reference) => {
            let mut pinned = (**reference).clone();
            pinned.tag = None;
            let port = published_port(image);
            format!("docker run --rm{port} {}", pinned.at(image.digest()))
        }
        ImageTarget::Engine { engine, name } => {
            let name = name.as_deref().unwrap_or(&image.name);
            format!(
                "{} run --rm{} {name}",
                engine.program(),
                published_port(image)
            )
        }
        ImageTarget::Local(place) if place.is_for_docker() => {
            format!("docker load --input {}", place.written().display())
        }
        ImageTarget::Local(_) => {
            format!("mizzen push {target} registry.example/{}", image.name)
        }
    }
}

/// Returns the option of `run` that makes the image's first TCP port reachable; empty if it has none.
fn published_port(image: &Built) -> String {
    let ports = image.what.images()[0].config().run_get("ExposedPorts");
    let ports = ports.and_then(|ports| ports.as_object());
    let mut ports = ports.into_iter().flat_map(|ports| ports.keys());
    let port = ports.find_map(|port| port.strip_suffix("/tcp"));
    port.map_or_else(String::new, |port| format!(" -p {port}:{port}"))
}

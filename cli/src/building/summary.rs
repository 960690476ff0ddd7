//! What people see of what was made; the last lines are the commands that use it.

use super::results::{Built, Results};
use crate::Process;
use crate::places::ImageTarget;
use crate::places::engine::Engine;
use crate::ui::{Ui, count, size, time};
use mizzen_builder::{AppLayer, Outcome};
use mizzen_image::Image;
use std::collections::BTreeSet;

/// Says what was made; the last line is the command that uses it.
pub(crate) fn done(ui: &Ui, results: &Results, process: &Process) {
    let is_one = results.images.len() == 1;
    for image in &results.images {
        let name = if is_one {
            String::new()
        } else {
            format!("{}: ", image.name)
        };
        tell(ui, image, &name);
    }
    let network = results.network();
    ui.people(&format!(
        "done     in {}: {}, {} up, {} down",
        time(results.took),
        count(network.requests, "request"),
        size(network.uploaded_bytes),
        size(network.downloaded_bytes)
    ));
    // Two containers cannot have one port of the machine.
    let mut taken = BTreeSet::new();
    for image in &results.images {
        if let Some(destination) = image.destinations.first() {
            let port = published_port(image, &mut taken);
            ui.people(&next(destination, image, &port, process));
        }
    }
    ui.result(&results.to_json());
}

/// Says it of one image; of one of several with its `name`.
fn tell(ui: &Ui, image: &Built, name: &str) {
    ui.warn_all(&image.warnings);
    for ((platform, layers), whole) in image.app.layers.iter().zip(image.what.images()) {
        ui.people(&format!("image    {name}{platform} on {}", image.base.name));
        ui.people(&format!("         {}", sizes(layers, whole)));
    }
    for destination in &image.destinations {
        let done = match destination {
            ImageTarget::Registry(_) => "pushed",
            ImageTarget::Engine { .. } => "loaded",
            ImageTarget::Local(_) => "written",
        };
        ui.people(&format!("{done:8} {destination}"));
    }
    if let (Some(artifact), Some(symbols)) = (&image.symbols, &image.app.symbols) {
        ui.people(&format!(
            "symbols  {name}{}: {}, {}, beside the image",
            artifact.manifest().descriptor().digest,
            count(symbols.files, "file"),
            size(symbols.layer.descriptor.size_bytes)
        ));
    }
}

/// Writes how large an image is, and which of its layers were made now: `57.1 MB, of it 48.2 kB new:
/// packages 2.0 MB reused, app 48.2 kB`.
fn sizes(layers: &[AppLayer], whole: &Image) -> String {
    let bytes = |layer: &AppLayer| layer.layer.descriptor.size_bytes;
    let all = whole.layers().iter().map(|it| it.descriptor.size_bytes);
    let is_new = |layer: &&AppLayer| layer.outcome == Outcome::Ran;
    let new: u64 = layers.iter().filter(is_new).map(bytes).sum();
    let each = layers.iter().map(|layer| {
        let reused = if is_new(&layer) { "" } else { " reused" };
        format!("{} {}{reused}", layer.name, size(bytes(layer)))
    });
    format!(
        "{}, of it {} new: {}",
        size(all.sum()),
        size(new),
        each.collect::<Vec<_>>().join(", ")
    )
}

fn next(target: &ImageTarget, image: &Built, port: &str, process: &Process) -> String {
    match target {
        ImageTarget::Registry(reference) => {
            let mut pinned = (**reference).clone();
            pinned.tag = None;
            format!("docker run --rm{port} {}", pinned.at(image.digest()))
        }
        ImageTarget::Engine { engine, name } => {
            let name = name.as_deref().unwrap_or(&image.name);
            format!("{} run --rm{port} {name}", engine.program())
        }
        ImageTarget::Local(place) if place.is_for_docker() => {
            format!("docker load --input {}", place.written().display())
        }
        // Only what works here: nobody has said which registry.
        ImageTarget::Local(_) => match Engine::on_path(process) {
            Some(engine) => format!("mizzen push {target} {}:{}", engine.program(), image.name),
            None => format!("mizzen inspect {target}"),
        },
    }
}

/// Returns the option of `run` that makes the image's first TCP port reachable, at the first port of the
/// machine from there on that is not `taken`; empty if it has none.
fn published_port(image: &Built, taken: &mut BTreeSet<u16>) -> String {
    let ports = image.what.images()[0].config().run_get("ExposedPorts");
    let ports = ports.and_then(|ports| ports.as_object());
    let mut ports = ports.into_iter().flat_map(|ports| ports.keys());
    let port = ports.find_map(|port| port.strip_suffix("/tcp"));
    let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) else {
        return String::new();
    };
    let free = (port..=u16::MAX).find(|port| taken.insert(*port));
    format!(" -p {}:{port}", free.unwrap_or(port))
}

use mizzen_image::{Addendum, Entry, Image, LayerBuilder, Layout, Sink, Taggable};
use mizzen_oci::{History, Platform};
use mizzen_store::{Cancel, Store};
use serde_json::json;
use std::path::Path;

/// Writes a base image of a few bytes into a layout: what a chiseled ASP.NET image says of itself,
/// and nothing that could run.
///
/// Its digest is the same on every machine.
///
/// # Panics
/// If the folder cannot be written, or the platform is none.
pub fn tiny_base(folder: &Path, platform: &str) {
    let platform: Platform = platform.parse().expect("a platform");
    let cache = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(cache.path()).expect("an empty cache");
    let files = [Entry::bytes(
        "etc/passwd",
        &b"app:x:1654:1654::/home/app:/bin/false\n"[..],
    )];
    let layer = files.into_iter().collect::<LayerBuilder>();
    let layer = layer
        .write(&store, &Cancel::default())
        .expect("a layer of one file");
    let history = History {
        created_by: Some("tiny base".to_owned()),
        ..History::default()
    };
    let image = Image::scratch(&platform)
        .append(Addendum { layer, history })
        .with_config(|config| {
            config.run_set("User", json!("1654"));
            config.run_set("Env", json!(["APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080"]));
            config.run_set("Entrypoint", json!(["/usr/bin/dotnet"]));
        });
    let layout = Layout::new(folder, Some("latest"));
    layout
        .write(&Taggable::Image(Box::new(image)))
        .expect("a folder that can be written");
}

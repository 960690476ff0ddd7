//! An image that is only moved stays what it is: bytes, media types, fields that we do not know.

use crate::support::{Client, reference};
use fs_err as fs;
use mizzen_image::Taggable;
use mizzen_oci::Digest;
use mizzen_testkit::MemoryRegistry;
use serde_json::{Value, json};

const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// What a zstd frame begins with; the rest is nothing that could be unpacked and packed again.
const LAYER: &[u8] = b"\x28\xb5\x2f\xfd\x04\x00 not ours to look into";

fn config(architecture: &str) -> Vec<u8> {
    let config = json!({
        "os": "linux", "architecture": architecture, "os.features": ["x"], "of.somebody": { "else": 1 },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(b"unpacked")] },
    });
    // Not as we would write it.
    format!(" {config:#}\n").into_bytes()
}

/// Puts a manifest with fields of its own into `shop`; returns its descriptor.
fn put_manifest(registry: &MemoryRegistry, media_type: &str, config: &[u8], layer: &str) -> Value {
    let (config_digest, layer_digest) = (
        registry.put_blob("shop", config),
        registry.put_blob("shop", LAYER),
    );
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "of.somebody": "else",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest,
            "size": config.len(), "of": "somebody",
        },
        "layers": [{ "mediaType": layer, "digest": layer_digest, "size": LAYER.len(), "of": 1 }],
    });
    let bytes = format!("{manifest:#}\n").into_bytes();
    let name = Digest::of(&bytes).to_string();
    registry.put_manifest("shop", Some(&name), media_type, &bytes);
    json!({ "mediaType": media_type, "digest": name, "size": bytes.len() })
}

/// Moves `shop:1` to registries and layouts, and compares the manifests and blobs named with those
/// of `registry`.
fn moves_untouched(registry: &MemoryRegistry, manifests: &[&str]) {
    let from = reference(&format!("{}/shop:1", registry.host()));
    let client = Client::new();
    let folder = tempfile::tempdir().unwrap();
    let source = || client.registry.source(from.clone(), client.store.clone());
    let pulled = client
        .pull_straight(&from.to_string(), folder.path())
        .unwrap()
        .read()
        .unwrap();
    let copied = source().everything().unwrap();
    for what in [copied, pulled] {
        let other = MemoryRegistry::start();
        client
            .push(&format!("{}/shop:1", other.host()), &what)
            .unwrap();
        assert_eq!(other.manifest("shop", "1"), registry.manifest("shop", "1"));
        for name in manifests {
            assert_eq!(
                other.manifest("shop", name),
                registry.manifest("shop", name)
            );
        }
        let layer = Digest::of(LAYER);
        assert_eq!(other.blob("shop", &layer).unwrap(), LAYER);
        let requests = other.requests();
        let types: Vec<&String> = requests
            .iter()
            .filter(|request| request.method == "PUT" && request.path.contains("/manifests/"))
            .map(|request| &request.headers["content-type"])
            .collect();
        assert_eq!(types.len(), manifests.len() + 1);
        for media_type in types {
            assert!(
                [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST].contains(&media_type.as_str()),
                "{media_type}"
            );
        }
    }
    let blob = folder
        .path()
        .join("blobs/sha256")
        .join(Digest::of(LAYER).hex());
    assert_eq!(fs::read(blob).unwrap(), LAYER);
}

#[test]
fn a_zstd_layer_and_fields_that_nobody_knows_are_passed_on() {
    let registry = MemoryRegistry::start();
    let descriptor = put_manifest(&registry, OCI_MANIFEST, &config("amd64"), ZSTD);
    let (_, bytes) = registry
        .manifest("shop", descriptor["digest"].as_str().unwrap())
        .unwrap();
    registry.put_manifest("shop", Some("1"), OCI_MANIFEST, &bytes);
    moves_untouched(&registry, &[]);
    let folder = tempfile::tempdir().unwrap();
    let from = format!("{}/shop:1", registry.host());
    let layout = Client::new().pull_straight(&from, folder.path()).unwrap();
    let Taggable::Image(image) = layout.read().unwrap() else {
        panic!("it is one image");
    };
    assert_eq!(image.layers()[0].descriptor.media_type.as_ref(), ZSTD);
}

#[test]
fn a_manifest_of_dockers_and_one_that_is_for_no_platform_are_passed_on_in_their_index() {
    let registry = MemoryRegistry::start();
    let docker_layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let mut entries = [
        put_manifest(&registry, DOCKER_MANIFEST, &config("amd64"), docker_layer),
        put_manifest(&registry, OCI_MANIFEST, &config("arm64"), ZSTD),
        // As BuildKit attaches provenance.
        put_manifest(
            &registry,
            OCI_MANIFEST,
            &config("unknown"),
            "application/vnd.in-toto+json",
        ),
    ];
    let names: Vec<String> = entries
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap().to_owned())
        .collect();
    for (entry, architecture) in entries.iter_mut().zip(["amd64", "arm64", "unknown"]) {
        let os = if architecture == "unknown" {
            "unknown"
        } else {
            "linux"
        };
        entry["platform"] = json!({ "os": os, "architecture": architecture, "of": "somebody" });
    }
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, "of.somebody": "else",
    });
    let index = format!("{index:#}\n");
    registry.put_manifest("shop", Some("1"), OCI_INDEX, index.as_bytes());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    moves_untouched(&registry, &names);
}

#[test]
fn a_layer_that_goes_into_a_layout_does_not_stop_in_the_store() {
    let registry = MemoryRegistry::start();
    let descriptor = put_manifest(&registry, OCI_MANIFEST, &config("amd64"), ZSTD);
    let from = format!(
        "{}/shop@{}",
        registry.host(),
        descriptor["digest"].as_str().unwrap()
    );
    let (client, folder) = (Client::new(), tempfile::tempdir().unwrap());
    let stored = || {
        fs::read_dir(client.store.root().join("blobs/sha256"))
            .unwrap()
            .count()
    };
    client.pull_straight(&from, folder.path()).unwrap();
    assert_eq!(stored(), 2, "the manifest and the config");
    // A layer that is in the store comes from there.
    client
        .registry
        .fetch_layers(&[client.pull(&from).unwrap()])
        .unwrap();
    assert_eq!(stored(), 3);
    registry.forget_requests();
    let other = tempfile::tempdir().unwrap();
    let layout = client.pull_straight(&from, other.path()).unwrap();
    assert_eq!(registry.requests().len(), 0);
    assert!(matches!(layout.read().unwrap(), Taggable::Image(_)));
}

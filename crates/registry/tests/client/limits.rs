//! What is too much, or of a kind that we do not know, is not taken.

use crate::support::{Client, image, one, read_layers};
use mizzen_oci::{Descriptor, Manifest, MediaType};
use mizzen_registry::{ErrorKind, RegistryError};
use mizzen_testkit::MemoryRegistry;
use std::collections::BTreeMap;

const REFERENCE: &str = "shop:1";

#[test]
fn what_is_too_long_is_refused() {
    let registry = MemoryRegistry::start();
    let media_type = MediaType::ImageManifest;
    let long = format!(
        "{{\"schemaVersion\":2,\"x\":\"{}\"}}",
        "y".repeat(5 * 1024 * 1024)
    );
    registry.put_manifest(
        "shop",
        Some("manifest"),
        media_type.as_ref(),
        long.as_bytes(),
    );

    let config = Descriptor {
        size_bytes: 9 * 1024 * 1024,
        ..Descriptor::of(MediaType::ImageConfig, b"{}")
    };
    let manifest = Manifest::new(media_type.clone(), config, Vec::new(), BTreeMap::new());
    registry.put_manifest(
        "shop",
        Some("config"),
        media_type.as_ref(),
        manifest.bytes(),
    );
    for tag in ["manifest", "config"] {
        let client = Client::new();
        let error = client
            .pull(&format!("{}/shop:{tag}", registry.host()))
            .unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Failed);
    }
}

#[test]
fn a_layer_longer_than_its_manifest_says_is_not_kept() {
    let registry = MemoryRegistry::start();
    let honest = image(&["a layer"]);
    Client::new()
        .push(
            &format!("{}/{REFERENCE}", registry.host()),
            &one(honest.clone()),
        )
        .unwrap();
    let layer = &honest.layers()[0].descriptor;
    let lie = Descriptor {
        size_bytes: layer.size_bytes - 1,
        ..layer.clone()
    };
    let config = honest.manifest().config().clone();
    let manifest = Manifest::new(MediaType::ImageManifest, config, vec![lie], BTreeMap::new());
    let media_type = MediaType::ImageManifest;
    registry.put_manifest("shop", Some("lie"), media_type.as_ref(), manifest.bytes());

    let client = Client::new();
    let pulled = client
        .pull(&format!("{}/shop:lie", registry.host()))
        .unwrap();
    assert!(read_layers(&pulled).is_err());
    assert_eq!(client.store.read(&layer.digest).unwrap(), None);
}

#[test]
fn a_digest_of_an_algorithm_that_we_do_not_know_is_refused() {
    let registry = MemoryRegistry::start();
    let client = Client::new();
    let layer = format!("sha512:{}", "0".repeat(128));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":2}},
        "layers":[{{"mediaType":"{}","digest":"{layer}","size":1}}]}}"#,
        MediaType::ImageManifest,
        MediaType::ImageConfig,
        registry.put_blob("shop", b"{}"),
        MediaType::ImageLayerGzip,
    );
    let media_type = MediaType::ImageManifest;
    registry.put_manifest("shop", Some("1"), media_type.as_ref(), manifest.as_bytes());
    let to = format!("{}/{REFERENCE}", registry.host());
    let error = client.pull(&to).unwrap_err();
    assert!(matches!(error, RegistryError::Manifest(_)), "{error:?}");
}

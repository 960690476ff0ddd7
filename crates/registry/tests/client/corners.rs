//! Pushes and pulls in their less common forms.

use crate::push_pull::lines;
use crate::support::{Client, image, index, one, read_layers, reference};
use mizzen_oci::{Descriptor, Index, MediaType};
use mizzen_registry::{Counts, ErrorKind, RegistryError};
use mizzen_testkit::registry::Personality;
use mizzen_testkit::{Fault, MemoryRegistry};
use std::collections::BTreeMap;

#[test]
fn an_interrupted_push_ends_as_interrupted() {
    let registry = MemoryRegistry::start();
    registry.play(|_, _| Some(Fault::Silence));
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(mizzen_store::Store::open(folder.path()).unwrap());
    let cancel = mizzen_store::Cancel::default();
    let client =
        mizzen_registry::Registry::new(mizzen_registry::Settings::default(), cancel.clone())
            .unwrap();
    let sink = client.sink(reference(&format!("{}/shop:1", registry.host())), store);
    std::thread::scope(|scope| {
        let pushing = scope.spawn(|| sink.push(&one(image(&["layer"]))));
        while registry.requests().is_empty() {
            std::thread::yield_now();
        }
        cancel.cancel();
        assert!(matches!(
            pushing.join().unwrap(),
            Err(RegistryError::Cancelled)
        ));
    });
}

#[test]
fn nothing_is_sent_when_the_network_is_off() {
    let registry = MemoryRegistry::start();
    let client = Client::with(|settings| settings.offline = true);
    let error = client
        .pull(&format!("{}/shop:1", registry.host()))
        .unwrap_err();
    assert!(matches!(error, RegistryError::Offline { .. }));
    assert_eq!(client.registry.counts(), Counts::default());
    assert_eq!(lines(&registry), [""; 0]);
}

#[test]
fn images_that_share_a_layer_move_it_once() {
    let registry = MemoryRegistry::start();
    let host = registry.host();
    let client = Client::new();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (host, client) = (&host, &client);
            scope.spawn(move || {
                let own = number.to_string();
                let what = one(image(&["a shared layer", &own]));
                client
                    .push(&format!("{host}/shop:{number}"), &what)
                    .unwrap();
            });
        }
    });
    let size = "a shared layer".len() as u64;
    let requests = registry.requests();
    let sends = requests.iter().filter(|request| request.body_bytes == size);
    assert_eq!(sends.count(), 1);

    // Another repository of the registry has it mounted, though nobody said where it is.
    client
        .push(&format!("{host}/other:1"), &one(image(&["a shared layer"])))
        .unwrap();
    assert_eq!(client.registry.counts().mounted_bytes, size);
}

#[test]
fn a_tag_that_must_not_move_takes_the_same_image_again_and_no_other() {
    let registry = MemoryRegistry::start();
    registry.behave(Personality {
        immutable_tags: true,
        ..Personality::BY_THE_BOOK
    });
    let to = format!("{}/shop:1", registry.host());
    for _ in 0..2 {
        Client::new().push(&to, &one(image(&["one"]))).unwrap();
    }
    let error = Client::new().push(&to, &one(image(&["two"]))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SaidNo);
    assert!(error.to_string().contains("TAG_INVALID"), "{error}");
}

#[test]
fn a_manifest_of_dockers_first_schema_is_refused_by_name() {
    let registry = MemoryRegistry::start();
    let manifest = br#"{"schemaVersion":1,"name":"shop","tag":"1","fsLayers":[]}"#;
    let media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    registry.put_manifest("shop", Some("1"), media_type, manifest);
    let error = Client::new()
        .pull(&format!("{}/shop:1", registry.host()))
        .unwrap_err();
    assert!(error.to_string().contains("schema 1"), "{error}");
}

#[test]
fn an_index_within_an_index_is_looked_into_and_attestations_are_not_taken() {
    let registry = MemoryRegistry::start();
    let client = Client::new();
    let inner = index(vec![image(&["found"])]);
    let inner_descriptor = client
        .push(&format!("{}/shop:inner", registry.host()), &inner)
        .unwrap();
    let attestation = Descriptor {
        platform: Some("unknown/unknown".parse().unwrap()),
        ..Descriptor::of(MediaType::ImageManifest, b"not there")
    };
    let outer = Index::new(
        MediaType::ImageIndex,
        vec![attestation, inner_descriptor],
        &BTreeMap::new(),
    );
    registry.put_manifest(
        "shop",
        Some("1"),
        MediaType::ImageIndex.as_ref(),
        outer.bytes(),
    );
    let image = client.pull(&format!("{}/shop:1", registry.host())).unwrap();
    assert_eq!(read_layers(&image).unwrap(), ["found"]);
}

#[test]
fn every_request_says_who_asks() {
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    Client::new().push(&to, &one(image(&["app"]))).unwrap();
    read_layers(&Client::new().pull(&to).unwrap()).unwrap();
    for request in registry.requests() {
        let agent = &request.headers["user-agent"];
        assert!(agent.starts_with("mizzen/"), "{request}: {agent}");
    }
}

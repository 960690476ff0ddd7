//! Pushes and pulls, on the registry in memory and on Debian's, counted in requests.

use crate::support::{
    Client, addendum, amd64, image, image_for, index, one, read_layers, reference,
};
use mizzen_oci::MediaType;
use mizzen_registry::{ErrorKind, RegistryError};
use mizzen_testkit::{DockerRegistry, Fault, MemoryRegistry};

pub(crate) fn lines(registry: &MemoryRegistry) -> Vec<String> {
    let requests = registry.requests();
    requests.iter().map(ToString::to_string).collect()
}

/// The registries that every claim about images must hold on.
fn hosts() -> (MemoryRegistry, DockerRegistry, [String; 2]) {
    let (memory, docker) = (MemoryRegistry::start(), DockerRegistry::start().unwrap());
    let hosts = [memory.host(), docker.host()];
    (memory, docker, hosts)
}

#[test]
fn what_is_pushed_can_be_pulled() {
    let (_memory, _docker, hosts) = hosts();
    for host in hosts {
        let pushed = image(&["packages", "app"]);
        let to = format!("{host}/acme/shop:1");
        let descriptor = Client::new().push(&to, &one(pushed.clone())).unwrap();
        assert_eq!(&descriptor, pushed.manifest().descriptor());

        let fresh = Client::new();
        let image = fresh.pull(&to).unwrap();
        assert_eq!(image.manifest().bytes(), pushed.manifest().bytes());
        assert_eq!(image.config_bytes(), pushed.config_bytes());
        assert_eq!(read_layers(&image).unwrap(), ["packages", "app"]);
    }
}

#[test]
fn of_an_index_the_platform_that_is_asked_for_is_pulled() {
    let (_memory, _docker, hosts) = hosts();
    for host in hosts {
        let arm64 = "linux/arm64".parse().unwrap();
        let images = vec![
            image_for(&arm64, &["shared", "arm"]),
            image(&["shared", "amd"]),
        ];
        let to = format!("{host}/acme/shop:1");
        let client = Client::new();
        let descriptor = client.push(&to, &index(images)).unwrap();

        let source = Client::new();
        let source = source.registry.source(reference(&to), source.store.clone());
        assert_eq!(source.resolve().unwrap().digest, descriptor.digest);
        assert_eq!(
            read_layers(&source.image_for(&amd64()).unwrap()).unwrap()[1],
            "amd"
        );
        assert_eq!(
            read_layers(&source.image_for(&arm64).unwrap()).unwrap()[1],
            "arm"
        );
        let error = source
            .image_for(&"linux/s390x".parse().unwrap())
            .unwrap_err();
        assert!(
            matches!(&error, RegistryError::PlatformMissing { offered, .. }
            if *offered == ["linux/arm64", "linux/amd64"])
        );
        assert_eq!(error.kind(), ErrorKind::SaidNo);
    }
}

#[test]
fn pushing_what_is_there_takes_one_request() {
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    let what = one(image(&["packages", "app"]));
    Client::new().push(&to, &what).unwrap();
    registry.forget_requests();

    let client = Client::new();
    client.push(&to, &what).unwrap();
    assert_eq!(lines(&registry), ["HEAD /v2/shop/manifests/1"]);
    let counts = client.registry.counts();
    assert_eq!((counts.requests, counts.uploaded_bytes), (1, 0));
    assert!(counts.skipped_bytes > 0);
}

#[test]
fn one_new_layer_of_ten_takes_at_most_seven_requests() {
    // Small enough to be sent without a question, and not.
    for new in ["new".to_owned(), "new ".repeat(100_000)] {
        let registry = MemoryRegistry::start();
        let to = format!("{}/shop:1", registry.host());
        let mut layers = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "old"];
        Client::new().push(&to, &one(image(&layers))).unwrap();
        registry.forget_requests();

        layers[9] = &new;
        // Neither knows what the other has pushed.
        let clients = [Client::new(), Client::new()];
        clients[0].push(&to, &one(image(&layers))).unwrap();
        let requests = registry.requests();
        assert!(requests.len() <= 7, "{:#?}", lines(&registry));
        let uploads = requests.iter().filter(|request| request.is_blob_upload());
        assert_eq!(uploads.count(), 2, "the layer and the config");

        // The tag goes back, and the layer is there from before.
        layers[9] = "old";
        clients[0].push(&to, &one(image(&layers))).unwrap();
        layers[9] = &new;
        let before = clients[1].registry.counts().uploaded_bytes;
        clients[1].push(&to, &one(image(&layers))).unwrap();
        let sent = clients[1].registry.counts().uploaded_bytes - before;
        assert!(sent < 10_000, "{sent} bytes");
    }
}

#[test]
fn blobs_that_the_old_image_named_and_the_registry_lost_are_sent_after_all() {
    let registry = MemoryRegistry::start();
    let to = format!("{}/shop:1", registry.host());
    let old = image(&["packages", "old"]);
    Client::new().push(&to, &one(old.clone())).unwrap();
    registry.remove_blob("shop", &old.layers()[0].descriptor.digest);

    Client::new()
        .push(&to, &one(image(&["packages", "new"])))
        .unwrap();
    let fresh = Client::new();
    let image = fresh.pull(&to).unwrap();
    assert_eq!(read_layers(&image).unwrap(), ["packages", "new"]);
}

#[test]
fn a_base_layer_is_mounted_within_a_registry_and_its_bytes_stay_there() {
    let (memory, _docker, hosts) = hosts();
    for host in hosts {
        let base = one(image(&["a base layer"]));
        Client::new()
            .push(&format!("{host}/base:1"), &base)
            .unwrap();
        memory.forget_requests();

        let client = Client::new();
        let app = client.pull(&format!("{host}/base:1")).unwrap();
        let app = app.append(addendum("app"));
        let config_bytes = app.config_bytes().len() as u64;
        client.push(&format!("{host}/shop:1"), &one(app)).unwrap();
        let counts = client.registry.counts();
        assert_eq!(counts.mounted_bytes, "a base layer".len() as u64);
        assert_eq!(counts.uploaded_blobs, 2);
        assert!(counts.uploaded_bytes >= config_bytes + 3);
        let layer_reads = memory.requests().into_iter().filter(|request| {
            request.method == "GET"
                && request.path.contains("/blobs/")
                && !request.path.contains("uploads")
        });
        assert!(layer_reads.count() <= 1, "only the config is read");
        let fresh = Client::new();
        let image = fresh.pull(&format!("{host}/shop:1")).unwrap();
        assert_eq!(read_layers(&image).unwrap(), ["a base layer", "app"]);
    }
}

#[test]
fn a_base_layer_of_another_registry_is_copied_once_and_only_if_the_target_lacks_it() {
    let (from, to) = (MemoryRegistry::start(), MemoryRegistry::start());
    let base = image(&["a base layer"]);
    Client::new()
        .push(&format!("{}/base:1", from.host()), &one(base))
        .unwrap();
    let (source, target) = (
        format!("{}/base:1", from.host()),
        format!("{}/shop:1", to.host()),
    );

    let client = Client::new();
    let app = client.pull(&source).unwrap().append(addendum("app"));
    client.push(&target, &one(app)).unwrap();
    let downloads = |registry: &MemoryRegistry| {
        let requests = registry.requests();
        requests
            .iter()
            .filter(|request| request.method == "GET" && request.path.contains("/blobs/"))
            .count()
    };
    assert_eq!(downloads(&from), 2, "config and layer");

    from.forget_requests();
    let client = Client::new();
    let app = client.pull(&source).unwrap().append(addendum("app 2"));
    client.push(&target, &one(app)).unwrap();
    assert_eq!(downloads(&from), 1, "config alone");
}

#[test]
fn a_digest_in_the_cache_is_not_asked_for() {
    let registry = MemoryRegistry::start();
    let client = Client::new();
    let tag = format!("{}/base:1", registry.host());
    let descriptor = client.push(&tag, &one(image(&["layer"]))).unwrap();
    client.pull(&tag).unwrap();
    registry.forget_requests();

    let by_digest = format!("{}/base@{}", registry.host(), descriptor.digest);
    client.pull(&by_digest).unwrap();
    assert_eq!(lines(&registry), [""; 0]);
    client.pull(&tag).unwrap();
    assert_eq!(lines(&registry), ["HEAD /v2/base/manifests/1"]);
}

#[test]
fn what_does_not_exist_is_said_to_be_missing() {
    let (_memory, _docker, hosts) = hosts();
    for host in hosts {
        let client = Client::new();
        let error = client
            .pull(&format!("{host}/nobody/nothing:1"))
            .unwrap_err();
        assert!(matches!(error, RegistryError::NotFound(_)), "{error}");
        assert_eq!(error.kind(), ErrorKind::SaidNo);
        assert!(error.to_string().contains("nobody/nothing:1"), "{error}");
        let none = client
            .registry
            .resolve(&reference(&format!("{host}/nobody/nothing:1")));
        assert_eq!(none.unwrap(), None);
    }
}

#[test]
fn an_index_that_does_not_say_platforms_is_read_by_the_configs() {
    let registry = MemoryRegistry::start();
    let host = registry.host();
    let images =
        ["linux/amd64", "linux/arm64"].map(|name| image_for(&name.parse().unwrap(), &[name]));
    let entries = images.iter().map(|image| {
        let client = Client::new();
        client
            .push(&format!("{host}/shop:x"), &one(image.clone()))
            .unwrap();
        image.manifest().descriptor().clone()
    });
    let index = mizzen_oci::Index::new(MediaType::ImageIndex, entries.collect(), &[].into());
    registry.put_manifest(
        "shop",
        Some("1"),
        MediaType::ImageIndex.as_ref(),
        index.bytes(),
    );
    let client = Client::new();
    let source = client
        .registry
        .source(reference(&format!("{host}/shop:1")), client.store.clone());
    for name in ["linux/amd64", "linux/arm64"] {
        let image = source.image_for(&name.parse().unwrap()).unwrap();
        assert_eq!(image.config().platform().to_string(), name);
    }
    source
        .image_for(&"linux/s390x".parse().unwrap())
        .unwrap_err();
}

#[test]
fn bytes_that_are_not_what_was_asked_for_are_refused_and_not_kept() {
    let registry = MemoryRegistry::start();
    let config = registry.put_blob("evil", b"{}");
    let other = image(&["other"]);
    let digest = registry.put_manifest(
        "evil",
        Some("1"),
        MediaType::ImageManifest.as_ref(),
        other.manifest().bytes(),
    );
    // Every answer is damaged, every time.
    registry.play(|_, request| (request.method == "GET").then_some(Fault::FlipByte));
    let client = Client::new();
    let error = client
        .pull(&format!("{}/evil@{digest}", registry.host()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SaidNo, "{error}");
    assert_eq!(client.store.read(&digest).unwrap(), None);
    assert_eq!(client.store.read(&config).unwrap(), None);
}

//! What mizzen pushes others read, and what others push mizzen reads; through Debian's registry, in
//! plain HTTP and over TLS with a private authority.

use crate::support::{Client, amd64, reference};
use fs_err as fs;
use mizzen_image::{Layout, Sink, Taggable, validate};
use mizzen_registry::HostSettings;
use mizzen_testkit::{
    Certificates, DockerRegistry, DockerRegistrySettings, skopeo_copy, skopeo_inspect, tiny_base,
    umoci_unpack,
};
use std::path::Path;

/// Pushes by mizzen and reads by skopeo and umoci; pushes by skopeo and reads by mizzen.
fn both_ways(host: &str, client: &Client, folder: &Path) {
    let base = folder.join("base");
    tiny_base(&base, "linux/amd64");
    let image = Layout::new(&base, Some("latest")).read().unwrap();
    let descriptor = client.push(&format!("{host}/ours:1"), &image).unwrap();

    let inspected = skopeo_inspect(&format!("docker://{host}/ours:1"));
    assert_eq!(inspected["Digest"], descriptor.digest.to_string());
    let copied = folder.join("copied");
    skopeo_copy(
        &format!("docker://{host}/ours:1"),
        &format!("oci:{}:1", copied.display()),
    );
    umoci_unpack(&copied, "1", &folder.join("bundle"));
    let passwd = fs::read_to_string(folder.join("bundle/rootfs/etc/passwd")).unwrap();
    assert!(passwd.contains("1654"), "{passwd}");

    skopeo_copy(
        &format!("oci:{}:latest", base.display()),
        &format!("docker://{host}/theirs:1"),
    );
    let source = client
        .registry
        .source(reference(&format!("{host}/theirs:1")), client.store.clone());
    let pulled = source.image_for(&amd64()).unwrap();
    client
        .registry
        .fetch_layers(std::slice::from_ref(&pulled))
        .unwrap();
    validate(&pulled, Some(&amd64())).unwrap();
    assert_eq!(pulled.config_bytes(), image.images()[0].config_bytes());
    let layout = Layout::new(folder.join("pulled"), Some("1"));
    layout.write(&Taggable::Image(Box::new(pulled))).unwrap();
    umoci_unpack(&folder.join("pulled"), "1", &folder.join("bundle 2"));
}

#[test]
fn skopeo_and_umoci_read_what_is_pushed_and_write_what_is_pulled() {
    let (registry, folder) = (
        DockerRegistry::start().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    both_ways(&registry.host(), &Client::new(), folder.path());
}

#[test]
fn skopeo_and_umoci_do_so_over_tls_with_a_private_authority() {
    let (certificates, folder) = (Certificates::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start_with(&DockerRegistrySettings {
        tls: Some(certificates.server.clone()),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let authority = folder.path().join("ca.pem");
    fs::write(&authority, &certificates.authority).unwrap();
    let client = Client::with(|settings| {
        let special = HostSettings {
            ca: Some(authority),
            ..HostSettings::default()
        };
        settings.hosts.insert(registry.host(), special);
    });
    both_ways(&registry.host(), &client, folder.path());
}

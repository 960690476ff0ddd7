//! The network as companies have it: their own authorities, client certificates, mirrors, proxies.

use crate::support::{Client, image, one, read_layers};
use fs_err as fs;
use mizzen_registry::{ErrorKind, HostSettings, Proxies};
use mizzen_testkit::registry::Login;
use mizzen_testkit::{
    Certificates, DockerRegistry, DockerRegistrySettings, Fault, FaultProxy, MemoryRegistry,
};
use std::collections::BTreeMap;

#[test]
fn a_registry_with_a_private_authority_is_trusted_where_it_is_named() {
    let (certificates, folder) = (Certificates::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start_with(&DockerRegistrySettings {
        tls: Some(certificates.server.clone()),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let host = registry.host();
    let authority = folder.path().join("ca.pem");
    fs::write(&authority, &certificates.authority).unwrap();
    let to = format!("{host}/shop:1");
    let with = |change: &dyn Fn(&mut HostSettings)| {
        Client::with(|settings| {
            let mut special = HostSettings {
                insecure: Some(false),
                ..HostSettings::default()
            };
            change(&mut special);
            settings.hosts.insert(host.clone(), special);
            settings.retry.attempts = 1;
        })
    };
    let trusting = with(&|special| special.ca = Some(authority.clone()));
    trusting.push(&to, &one(image(&["layer"]))).unwrap();
    let error = with(&|_| ())
        .push(&to, &one(image(&["layer"])))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);

    let missing = with(&|special| special.ca = Some(folder.path().join("none.pem")));
    let error = missing.pull(&to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("none.pem"), "{error}");

    let bundle = Client::with(|settings| {
        settings.ca_bundle = Some(authority.clone());
        let special = HostSettings {
            insecure: Some(false),
            ..HostSettings::default()
        };
        settings.hosts.insert(host.clone(), special);
    });
    let pulled = bundle.pull(&to).unwrap();
    assert_eq!(read_layers(&pulled).unwrap(), ["layer"]);
}

#[test]
fn a_client_certificate_is_shown_where_it_is_wanted() {
    let (certificates, folder) = (Certificates::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start_with(&DockerRegistrySettings {
        tls: Some(certificates.server.clone()),
        client_authority: Some(certificates.authority.clone()),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = &certificates.client;
    let shown = (file("client.crt", certificate), file("client.key", key));
    let authority = file("ca.pem", &certificates.authority);
    for (client_certificate, lets_in) in [(Some(shown), true), (None, false)] {
        let client = Client::with(|settings| {
            let special = HostSettings {
                ca: Some(authority.clone()),
                client_certificate,
                ..HostSettings::default()
            };
            settings.hosts.insert(registry.host(), special);
            settings.retry.attempts = 1;
        });
        let pushed = client.push(
            &format!("{}/shop:1", registry.host()),
            &one(image(&["layer"])),
        );
        assert_eq!(pushed.is_ok(), lets_in, "{pushed:?}");
    }
}

fn with_mirrors(registry: &MemoryRegistry, mirrors: Vec<String>) -> Client {
    Client::with(|settings| {
        let special = HostSettings {
            mirrors,
            ..HostSettings::default()
        };
        settings.hosts.insert(registry.host(), special);
    })
}

#[test]
fn a_mirror_is_asked_first_and_the_registry_only_for_what_it_lacks() {
    let (registry, mirror) = (MemoryRegistry::start(), MemoryRegistry::start());
    let both = one(image(&["layer"]));
    let reference = format!("{}/acme/shop:1", registry.host());
    Client::new().push(&reference, &both).unwrap();
    Client::new()
        .push(&format!("{}/cache/acme/shop:1", mirror.host()), &both)
        .unwrap();
    registry.forget_requests();

    let client = with_mirrors(&registry, vec![format!("{}/cache", mirror.host())]);
    let pulled = client.pull(&reference).unwrap();
    assert_eq!(read_layers(&pulled).unwrap(), ["layer"]);
    assert_eq!(registry.requests(), []);
    assert_eq!(
        pulled.layers()[0].blob.origin().unwrap().to_string(),
        format!("{}/cache/acme/shop", mirror.host())
    );

    // A layer that the mirror has lost comes from the registry.
    mirror.remove_blob("cache/acme/shop", &pulled.layers()[0].descriptor.digest);
    let client = with_mirrors(&registry, vec![format!("{}/cache", mirror.host())]);
    let pulled = client.pull(&reference).unwrap();
    assert_eq!(read_layers(&pulled).unwrap(), ["layer"]);
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn mirrors_that_are_down_closed_or_lying_are_passed_over() {
    let registry = MemoryRegistry::start();
    let reference = format!("{}/acme/shop:1", registry.host());
    Client::new()
        .push(&reference, &one(image(&["layer"])))
        .unwrap();
    let gone = MemoryRegistry::start().host();
    let closed = MemoryRegistry::start();
    closed.require(Login::Basic {
        username: "user".to_owned(),
        password: "secret".to_owned(),
    });
    let lying = MemoryRegistry::start();
    lying.play(|_, request| (request.method == "GET").then_some(Fault::FlipByte));
    Client::new()
        .push(
            &format!("{}/acme/shop:1", lying.host()),
            &one(image(&["layer"])),
        )
        .unwrap();
    let without_images = MemoryRegistry::start();
    let empty = without_images.host();
    for mirror in [gone, closed.host(), lying.host(), empty.clone()] {
        let client = with_mirrors(&registry, vec![mirror.clone()]);
        let pulled = client.pull(&reference).unwrap();
        assert_eq!(read_layers(&pulled).unwrap(), ["layer"], "{mirror}");
        // One that merely lacks the image is as it should be.
        let says = client.registry.new_warnings();
        let is_told = says.len() == 1 && says[0].contains(&format!("mirror `{mirror}` of"));
        assert!(is_told || (mirror == empty && says.is_empty()), "{says:?}");
    }
}

#[test]
fn a_push_goes_to_the_registry_itself() {
    let (registry, mirror) = (MemoryRegistry::start(), MemoryRegistry::start());
    let client = with_mirrors(&registry, vec![mirror.host()]);
    client
        .push(
            &format!("{}/shop:1", registry.host()),
            &one(image(&["layer"])),
        )
        .unwrap();
    assert_eq!(mirror.requests(), []);
}

#[test]
fn a_proxy_is_asked_for_other_hosts_and_not_for_loopback_or_exceptions() {
    let registry = MemoryRegistry::start();
    let what = one(image(&["layer"]));
    // In plain HTTP a proxy gets the whole URL; this one passes everything on to the registry.
    let proxy = FaultProxy::before(&registry.host());
    let client = |except: &str| {
        Client::with(|settings| {
            settings.proxies = Proxies {
                http: Some(format!("http://{}", proxy.host())),
                https: None,
                except: except.to_owned(),
            };
            let insecure = HostSettings {
                insecure: Some(true),
                ..HostSettings::default()
            };
            settings.hosts = BTreeMap::from([("registry.invalid".to_owned(), insecure)]);
            settings.retry.attempts = 1;
        })
    };
    client("").push("registry.invalid/shop:1", &what).unwrap();
    let through = proxy.requests().len();
    assert!(through > 5, "{through}");
    client("")
        .push(&format!("{}/shop:1", registry.host()), &what)
        .unwrap();
    client("invalid")
        .push("registry.invalid/shop:1", &what)
        .unwrap_err();
    assert_eq!(proxy.requests().len(), through);
}

//! What a registry must not get from us, and must not make us do.

use crate::support::{Client, image, one, read_layers};
use mizzen_registry::{Credential, ErrorKind, HostSettings, RegistryError};
use mizzen_testkit::registry::Login;
use mizzen_testkit::{Fault, MemoryRegistry};

const REFERENCE: &str = "shop:1";

fn logged_in(host: &str) -> Client {
    Client::with(|settings| {
        let credential = Credential::new("user", "secret").unwrap();
        settings
            .keychain
            .add_credential("the test", host, credential);
    })
}

/// A registry that wants a password.
fn closed() -> MemoryRegistry {
    let registry = MemoryRegistry::start();
    registry.require(Login::Basic {
        username: "user".to_owned(),
        password: "secret".to_owned(),
    });
    registry
}

fn told_a_secret(registry: &MemoryRegistry) -> bool {
    let requests = registry.requests();
    requests
        .iter()
        .any(|request| request.headers.contains_key("authorization"))
}

#[test]
fn a_redirected_layer_is_fetched_without_the_password() {
    let (registry, elsewhere) = (closed(), MemoryRegistry::start());
    let to = format!("{}/{REFERENCE}", registry.host());
    let client = logged_in(&registry.host());
    client.push(&to, &one(image(&["layer"]))).unwrap();
    elsewhere.put_blob("shop", b"layer");

    let reader = logged_in(&registry.host());
    let pulled = reader.pull(&to).unwrap();
    let other = elsewhere.host();
    registry.play(move |_, request| {
        let location = format!("http://{other}{}", request.path);
        Some(Fault::Status(307, vec![("location", location)]))
    });
    assert_eq!(read_layers(&pulled).unwrap(), ["layer"]);
    assert_eq!(elsewhere.requests().len(), 1);
    assert!(!told_a_secret(&elsewhere));
}

#[test]
fn another_host_that_asks_for_the_password_does_not_get_it() {
    let (registry, elsewhere) = (closed(), MemoryRegistry::start());
    let other = elsewhere.host();
    let basic = Login::Basic {
        username: "user".to_owned(),
        password: "secret".to_owned(),
    };
    let bearer = Login::Bearer {
        account: None,
        repositories: Vec::new(),
    };
    let ways = [(307, &basic), (307, &bearer), (202, &basic), (202, &bearer)];
    for (status, login) in ways {
        elsewhere.require(login.clone());
        let to = other.clone();
        registry.play(move |_, request| {
            let asks = if status == 307 { "HEAD" } else { "POST" };
            let location = format!("http://{to}/v2/shop/blobs/uploads/1");
            (request.method == asks).then(|| Fault::Status(status, vec![("location", location)]))
        });
        let client = logged_in(&registry.host());
        let reference = format!("{}/{REFERENCE}", registry.host());
        elsewhere.forget_requests();
        let error = if status == 307 {
            client.pull(&reference).unwrap_err()
        } else {
            client
                .push(&reference, &one(image(&["layer"])))
                .unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::SaidNo, "{error}");
        assert!(!elsewhere.requests().is_empty());
        assert!(!told_a_secret(&elsewhere));
    }
}

#[test]
fn a_token_server_in_the_clear_gets_the_password_on_the_registrys_own_host_alone() {
    let (registry, elsewhere) = (MemoryRegistry::start(), MemoryRegistry::start());
    let login = Login::Bearer {
        account: Some(("user".to_owned(), "secret".to_owned())),
        repositories: Vec::new(),
    };
    elsewhere.require(login);
    let port = elsewhere.host().rsplit(':').next().unwrap().to_owned();
    let other_name = format!("localhost:{port}");
    let ask = |realm: &str, is_named: bool| {
        let challenge = format!("Bearer realm=\"http://{realm}/token\",service=\"x\"");
        registry.play(move |_, request| {
            let headers = vec![("www-authenticate", challenge.clone())];
            let is_known = request.headers.contains_key("authorization");
            (!is_known).then_some(Fault::Status(401, headers))
        });
        elsewhere.forget_requests();
        let client = Client::with(|settings| {
            let credential = Credential::new("user", "secret").unwrap();
            let host = registry.host();
            settings
                .keychain
                .add_credential("the test", &host, credential);
            if is_named {
                let insecure = HostSettings {
                    insecure: Some(true),
                    ..HostSettings::default()
                };
                settings.hosts.insert(other_name.clone(), insecure);
            }
        });
        let to = format!("{}/{REFERENCE}", registry.host());
        let pushed = client.push(&to, &one(image(&["layer"])));
        (pushed, elsewhere.requests().len())
    };
    let (pushed, asked) = ask(&other_name, false);
    let error = pushed.unwrap_err().to_string();
    assert!(error.contains("does not get the password"), "{error}");
    assert_eq!(asked, 0);
    // Another port of the registry's host, and a host that the settings name.
    for (realm, is_named) in [(elsewhere.host(), false), (other_name.clone(), true)] {
        let (pushed, asked) = ask(&realm, is_named);
        pushed.unwrap();
        assert_eq!(asked, 1);
    }
}

#[test]
fn an_upload_that_is_opened_elsewhere_goes_there_with_the_password_only_at_home() {
    for status in [307, 308] {
        let (registry, elsewhere) = (closed(), MemoryRegistry::start());
        let to = format!("{}/{REFERENCE}", registry.host());
        registry.play(move |_, request| {
            let location = format!("{}?again=1", request.path);
            let is_first = request.method == "POST" && !request.query.contains_key("again");
            is_first.then(|| Fault::Status(status, vec![("location", location)]))
        });
        logged_in(&registry.host())
            .push(&to, &one(image(&["layer"])))
            .unwrap();

        let other = elsewhere.host();
        registry.play(move |_, request| {
            let location = format!("http://{other}{}", request.path);
            (request.method == "POST").then(|| Fault::Status(status, vec![("location", location)]))
        });
        // The blob is elsewhere then, and the manifest without it here: what counts is who was told.
        let what = one(image(&["another layer"]));
        logged_in(&registry.host()).push(&to, &what).unwrap_err();
        assert!(elsewhere.requests().iter().any(|it| it.method == "PUT"));
        assert!(!told_a_secret(&elsewhere));
    }
}

#[test]
fn a_look_alike_gets_nothing() {
    let registry = closed();
    let port = registry.host().rsplit(':').next().unwrap().to_owned();
    // The password is for another name of the same place.
    let client = logged_in(&format!("localhost:{port}"));
    let error = client
        .pull(&format!("{}/{REFERENCE}", registry.host()))
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Unauthorized { .. }),
        "{error}"
    );
    assert!(!told_a_secret(&registry));
}

#[test]
fn a_token_server_in_the_clouds_own_network_is_not_asked() {
    for realm in [
        "http://169.254.169.254/token",
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/x",
        "nowhere",
    ] {
        let registry = MemoryRegistry::start();
        let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
        registry.play(move |_, _| {
            Some(Fault::Status(
                401,
                vec![("www-authenticate", challenge.clone())],
            ))
        });
        let client = logged_in(&registry.host());
        let error = client
            .pull(&format!("{}/{REFERENCE}", registry.host()))
            .unwrap_err();
        assert!(
            matches!(error, RegistryError::Unusable { .. }),
            "{realm}: {error}"
        );
        assert_eq!(client.registry.counts().requests, 1, "{realm}");
    }
}

#[test]
fn redirects_in_a_circle_end() {
    let registry = MemoryRegistry::start();
    registry.play(|_, request| {
        Some(Fault::Status(
            307,
            vec![("location", request.target.clone())],
        ))
    });
    let client = Client::new();
    let error = client
        .pull(&format!("{}/{REFERENCE}", registry.host()))
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unusable { .. }), "{error}");
    assert!(
        registry.requests().len() < 15,
        "{}",
        registry.requests().len()
    );
}

#[test]
fn a_mount_ends_well_however_it_is_answered() {
    use mizzen_testkit::registry::{Mount, Personality};
    let statuses = [401, 403, 404, 405, 500];
    let mounts = statuses
        .map(Mount::Status)
        .into_iter()
        .chain([Mount::Done, Mount::OpensUpload]);
    for mount in mounts {
        let registry = MemoryRegistry::start();
        registry.behave(Personality {
            mount,
            ..Personality::BY_THE_BOOK
        });
        let host = registry.host();
        Client::new()
            .push(&format!("{host}/base:1"), &one(image(&["base"])))
            .unwrap();
        let client = Client::new();
        let app = client.pull(&format!("{host}/base:1")).unwrap();
        registry.forget_requests();
        client.push(&format!("{host}/shop:1"), &one(app)).unwrap();
        let requests = registry.requests();
        let downloads = requests
            .iter()
            .filter(|request| request.method == "GET")
            .count();
        let opened = requests
            .iter()
            .filter(|request| request.method == "POST")
            .count();
        match mount {
            Mount::Done => assert_eq!(downloads, 0, "{mount:?}"),
            // The upload that came instead of the mount is used: one POST for each blob.
            Mount::OpensUpload => assert_eq!((downloads, opened), (1, 2), "{mount:?}"),
            Mount::Status(_) => assert_eq!(downloads, 1, "{mount:?}"),
        }
        let reader = Client::new();
        assert_eq!(
            read_layers(&reader.pull(&format!("{host}/shop:1")).unwrap()).unwrap(),
            ["base"]
        );
    }
}

#[test]
fn a_token_server_that_moved_is_followed_without_the_password() {
    let (registry, elsewhere) = (MemoryRegistry::start(), MemoryRegistry::start());
    registry.require(Login::Bearer {
        account: Some(("user".to_owned(), "secret".to_owned())),
        repositories: Vec::new(),
    });
    let other = elsewhere.host();
    registry.play(move |_, request| {
        let location = format!("http://{other}/token");
        (request.path == "/token").then(|| Fault::Status(307, vec![("location", location)]))
    });
    let client = logged_in(&registry.host());
    client
        .pull(&format!("{}/{REFERENCE}", registry.host()))
        .unwrap_err();
    assert!(!elsewhere.requests().is_empty());
    assert!(!told_a_secret(&elsewhere));
}

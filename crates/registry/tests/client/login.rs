//! Who is let in, and what it costs in requests.

use crate::support::{Client, addendum, image, one};
use mizzen_registry::{Credential, ErrorKind, RegistryError, Settings};
use mizzen_testkit::registry::{Login, Personality};
use mizzen_testkit::{DockerRegistry, DockerRegistrySettings, Fault, MemoryRegistry};

/// `user` with the password `secret`, as `htpasswd -B` writes it.
pub(crate) const HTPASSWD: &str =
    "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

fn as_user(host: &str, password: &str) -> impl FnOnce(&mut Settings) {
    let (host, credential) = (host.to_owned(), Credential::new("user", password).unwrap());
    move |settings| {
        settings
            .keychain
            .add_credential("the test", &host, credential);
    }
}

fn basic() -> Login {
    Login::Basic {
        username: "user".to_owned(),
        password: "secret".to_owned(),
    }
}

fn bearer(account: Option<(&str, &str)>) -> Login {
    Login::Bearer {
        account: account.map(|(name, password)| (name.to_owned(), password.to_owned())),
        repositories: Vec::new(),
    }
}

#[test]
fn a_password_lets_in_on_both_registries() {
    let memory = MemoryRegistry::start();
    memory.require(basic());
    let docker = DockerRegistry::start_with(&DockerRegistrySettings {
        htpasswd: HTPASSWD.to_owned(),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    for host in [memory.host(), docker.host()] {
        let to = format!("{host}/shop:1");
        let what = one(image(&["layer"]));
        Client::with(as_user(&host, "secret"))
            .push(&to, &what)
            .unwrap();
        for (password, says) in [
            ("wrong", "with the credentials of the test"),
            ("", "of the test"),
        ] {
            let error = Client::with(as_user(&host, password))
                .push(&to, &what)
                .unwrap_err();
            assert!(
                matches!(error, RegistryError::Unauthorized { .. }),
                "{error}"
            );
            assert_eq!(error.kind(), ErrorKind::SaidNo);
            let text = error.to_string();
            assert!(text.contains(says) && !text.contains("wrong"), "{text}");
            assert!(text.contains("repository:shop:pull,push"), "{text}");
        }
        let error = Client::new().push(&to, &what).unwrap_err();
        assert!(error.to_string().contains("without credentials"), "{error}");
    }
}

#[test]
fn a_challenge_adds_two_requests_and_comes_once() {
    let open = MemoryRegistry::start();
    let closed = MemoryRegistry::start();
    closed.require(bearer(Some(("user", "secret"))));
    let what = one(image(&["one", "two"]));
    let requests = [&open, &closed].map(|registry| {
        let host = registry.host();
        let client = Client::with(as_user(&host, "secret"));
        client.push(&format!("{host}/shop:1"), &what).unwrap();
        client.registry.counts().requests
    });
    assert_eq!(requests[1], requests[0] + 2);
}

fn token_requests(registry: &MemoryRegistry) -> Vec<String> {
    let requests = registry.requests();
    let tokens = requests.iter().filter(|request| request.path == "/token");
    tokens.map(|request| request.method.clone()).collect()
}

#[test]
fn a_password_goes_to_the_token_server_in_a_form_and_no_header() {
    let registry = MemoryRegistry::start();
    registry.require(bearer(Some(("user", "secret"))));
    let host = registry.host();
    let client = Client::with(as_user(&host, "secret"));
    client
        .push(&format!("{host}/shop:1"), &one(image(&["layer"])))
        .unwrap();
    assert_eq!(token_requests(&registry), ["POST"]);
    for request in registry.requests() {
        assert!(!request.target.contains("secret"), "{}", request.target);
        let header = request.headers.get("authorization");
        assert!(header.is_none_or(|value| value.starts_with("Bearer ")));
    }
}

#[test]
fn a_token_server_that_knows_get_alone_is_asked_so_from_the_second_time_on() {
    for status in [400, 401, 404, 405, 501] {
        let registry = MemoryRegistry::start();
        registry.require(bearer(Some(("user", "secret"))));
        registry.behave(Personality {
            password_post_status: status,
            ..Personality::BY_THE_BOOK
        });
        let host = registry.host();
        let client = Client::with(as_user(&host, "secret"));
        for repository in ["shop", "other"] {
            let to = format!("{host}/{repository}:1");
            client.push(&to, &one(image(&[repository]))).unwrap();
        }
        assert_eq!(
            token_requests(&registry),
            ["POST", "GET", "GET"],
            "{status}"
        );
        registry.forget_requests();
        let error = Client::with(as_user(&host, "wrong"))
            .push(&format!("{host}/shop:1"), &one(image(&["layer"])))
            .unwrap_err();
        assert!(
            matches!(error, RegistryError::Unauthorized { .. }),
            "{error:?}"
        );
        assert_eq!(token_requests(&registry), ["POST", "GET"], "{status}");
    }
}

#[test]
fn a_token_is_taken_from_whatever_else_the_answer_says() {
    for rest in [
        r#""access_token":null"#,
        r#""access_token":null,"expires_in":-1"#,
        r#""expires_in":0"#,
        r#""expires_in":"300","refresh_token":null"#,
        r#""expires_in":1e300,"issued_at":null"#,
        r#""expires_in":59.5"#,
    ] {
        let registry = MemoryRegistry::start();
        registry.require(bearer(None));
        // The server's own token, in other company.
        let body = format!(r#"{{"token":"token-1",{rest}}}"#);
        registry.play(move |_, request| {
            let is_token = request.path == "/token";
            is_token.then(|| Fault::OtherBody(body.clone().into_bytes()))
        });
        let to = format!("{}/shop:1", registry.host());
        let pushed = Client::new().push(&to, &one(image(&["layer"])));
        pushed.unwrap_or_else(|error| panic!("{rest}: {error:?}"));
    }
}

#[test]
fn anybody_may_get_a_token_where_the_server_gives_it_to_anybody() {
    let registry = MemoryRegistry::start();
    registry.require(bearer(None));
    let to = format!("{}/shop:1", registry.host());
    Client::new().push(&to, &one(image(&["layer"]))).unwrap();
    Client::new().pull(&to).unwrap();
}

#[test]
fn the_token_of_a_mount_names_the_target_first_and_the_source_second() {
    let registry = MemoryRegistry::start();
    registry.require(bearer(None));
    let host = registry.host();
    let client = Client::new();
    client
        .push(&format!("{host}/base:1"), &one(image(&["base"])))
        .unwrap();
    let app = client
        .pull(&format!("{host}/base:1"))
        .unwrap()
        .append(addendum("app"));
    registry.forget_requests();
    client.push(&format!("{host}/shop:1"), &one(app)).unwrap();
    assert_eq!(client.registry.counts().mounted_bytes, 4);
    let requests = registry.requests();
    let token = requests
        .iter()
        .filter(|request| request.path == "/token")
        .nth(1)
        .unwrap();
    // Of several `scope` the record keeps the last.
    assert_eq!(token.query["scope"], "repository:base:pull");
}

#[test]
fn a_repository_that_the_account_may_not_touch_is_named_with_the_scope() {
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: None,
        repositories: vec!["mine".to_owned()],
    });
    let host = registry.host();
    let what = one(image(&["layer"]));
    Client::new()
        .push(&format!("{host}/mine:1"), &what)
        .unwrap();
    let client = Client::new();
    let error = client.push(&format!("{host}/theirs:1"), &what).unwrap_err();
    assert!(
        matches!(&error, RegistryError::Unauthorized { scope, .. }
        if scope == "`repository:theirs:pull,push`"),
        "{error}"
    );
    assert_eq!(
        client.registry.counts().requests,
        3,
        "challenge, token, refusal"
    );
}

#[test]
fn a_mount_source_that_may_not_be_read_means_sending_the_layer() {
    let registry = MemoryRegistry::start();
    let host = registry.host();
    Client::new()
        .push(&format!("{host}/base:1"), &one(image(&["base"])))
        .unwrap();
    let client = Client::new();
    let app = client.pull(&format!("{host}/base:1")).unwrap();
    // Read now, for later it may not.
    let texts = crate::support::read_layers(&app).unwrap();
    assert_eq!(texts, ["base"]);
    registry.behave(Personality::named("Docker Hub"));
    registry.require(Login::Bearer {
        account: None,
        repositories: vec!["shop".to_owned()],
    });
    client.push(&format!("{host}/shop:1"), &one(app)).unwrap();
    let counts = client.registry.counts();
    assert_eq!((counts.mounted_bytes, counts.uploaded_blobs), (0, 2));
}

#[test]
fn a_token_that_ran_out_is_fetched_anew_before_it_is_refused() {
    let registry = MemoryRegistry::start();
    registry.require(bearer(None));
    let to = format!("{}/shop:1", registry.host());
    let client = Client::new();
    client.push(&to, &one(image(&["one"]))).unwrap();
    registry.forget_requests();
    client.clock.advance(std::time::Duration::from_secs(295));
    client.push(&to, &one(image(&["two"]))).unwrap();
    let refused = registry
        .requests()
        .into_iter()
        .filter(|request| request.status == Some(401));
    assert_eq!(refused.count(), 0);
}

#[test]
fn a_token_that_was_revoked_is_replaced_once_for_all_who_wait() {
    let registry = MemoryRegistry::start();
    registry.require(bearer(None));
    let to = format!("{}/shop:1", registry.host());
    let client = Client::new();
    client.push(&to, &one(image(&["one"]))).unwrap();
    registry.revoke_tokens();
    registry.forget_requests();
    let layers: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
    client.push(&to, &one(image(&layers))).unwrap();
    let tokens = registry
        .requests()
        .into_iter()
        .filter(|request| request.path == "/token");
    assert_eq!(tokens.count(), 1);
}

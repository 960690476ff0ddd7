//! Where credentials come from, and where `login` puts them.

use crate::support::{Client, image, one, reference};
use fs_err as fs;
use mizzen_registry::{Credential, CredentialFile, Kept, RegistryError};
use mizzen_testkit::MemoryRegistry;
use mizzen_testkit::registry::Login;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn closed() -> MemoryRegistry {
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: Some(("user".to_owned(), "secret".to_owned())),
        repositories: Vec::new(),
    });
    registry
}

fn with_config(text: &str, helper_path: Option<OsString>) -> Client {
    Client::with(|settings| {
        settings.keychain.add_config("DOCKER_AUTH_CONFIG", text);
        if let Some(path) = helper_path {
            settings.keychain.set_helper_path(path);
        }
    })
}

/// Puts a helper into `folder` that writes down what it is asked.
fn helper(folder: &Path, name: &str, script: &str) -> OsString {
    let path = folder.join(format!("docker-credential-{name}"));
    let log = folder.join("log");
    let text = format!(
        "#!/bin/sh\nread -r question\necho \"$1 $question\" >> '{}'\n{script}\n",
        log.display()
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display()).into()
}

fn push(client: &Client, host: &str) -> Result<(), RegistryError> {
    client
        .push(&format!("{host}/acme/shop:1"), &one(image(&["layer"])))
        .map(drop)
}

#[test]
fn a_docker_config_lets_in_by_host_and_by_path() {
    let registry = closed();
    let host = registry.host();
    // user:secret
    for key in [
        host.clone(),
        format!("{host}/acme"),
        format!("https://{host}/v2/"),
    ] {
        let config = format!(r#"{{"auths":{{"{key}":{{"auth":"dXNlcjpzZWNyZXQ="}}}}}}"#);
        push(&with_config(&config, None), &host).unwrap();
    }
    let config = format!(r#"{{"auths":{{"{host}/other":{{"auth":"dXNlcjpzZWNyZXQ="}}}}}}"#);
    let error = push(&with_config(&config, None), &host).unwrap_err();
    assert!(
        error.to_string().contains("none in DOCKER_AUTH_CONFIG"),
        "{error}"
    );
}

#[test]
fn an_identity_token_is_exchanged_by_post() {
    let registry = closed();
    let host = registry.host();
    let config =
        format!(r#"{{"auths":{{"{host}":{{"auth":"PHRva2VuPjo=","identitytoken":"secret"}}}}}}"#);
    push(&with_config(&config, None), &host).unwrap();
    let requests = registry.requests();
    let token = requests
        .iter()
        .find(|request| request.path == "/token")
        .unwrap();
    assert_eq!((&*token.method, token.target.as_str()), ("POST", "/token"));
}

#[test]
fn a_helper_is_asked_once_for_the_registry_and_nothing_else() {
    let (registry, folder) = (closed(), tempfile::tempdir().unwrap());
    let host = registry.host();
    let answer = r#"echo '{"ServerURL":"x","Username":"user","Secret":"secret"}'"#;
    let path = helper(folder.path(), "test", answer);
    for config in [
        format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#),
        r#"{"credsStore":"test"}"#.to_owned(),
    ] {
        push(&with_config(&config, Some(path.clone())), &host).unwrap();
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(log, format!("get {host}\n"));
        fs::remove_file(folder.path().join("log")).unwrap();
    }
}

#[test]
fn a_helper_that_has_nothing_or_is_not_there_leaves_us_anonymous_and_is_named() {
    let (registry, folder) = (closed(), tempfile::tempdir().unwrap());
    let host = registry.host();
    let nothing = "echo 'credentials not found in native keychain'; exit 1";
    let path = helper(folder.path(), "empty", nothing);
    helper(
        folder.path(),
        "broken",
        "echo 'the keyring is locked'; exit 1",
    );
    helper(
        folder.path(),
        "wrapper",
        "echo 'loading' >&2; echo 'no such profile: prod' >&2; echo >&2; exit 1",
    );
    for (name, says) in [
        ("empty", "none in"),
        ("broken", "the keyring is locked"),
        ("wrapper", "no such profile: prod"),
        ("gone", "docker-credential-gone"),
    ] {
        let config = format!(r#"{{"credsStore":"{name}"}}"#);
        let error = push(&with_config(&config, Some(path.clone())), &host).unwrap_err();
        assert!(
            matches!(error, RegistryError::Unauthorized { .. }),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");

        let open = MemoryRegistry::start();
        push(&with_config(&config, Some(path.clone())), &open.host()).unwrap();
    }
}

#[test]
fn the_first_place_that_has_a_credential_gives_it() {
    let registry = closed();
    let host = registry.host();
    let client = Client::with(|settings| {
        let keychain = &mut settings.keychain;
        keychain.add_credential(
            "DOTNET_CONTAINER_REGISTRY_UNAME",
            &host,
            Credential::new("user", "secret").unwrap(),
        );
        keychain.add_config(
            "config",
            &format!(r#"{{"auths":{{"{host}":{{"username":"x","password":"y"}}}}}}"#),
        );
    });
    push(&client, &host).unwrap();
}

#[test]
fn a_config_file_that_is_not_there_or_broken_matters_where_a_credential_is_needed_and_is_named() {
    let (registry, folder) = (closed(), tempfile::tempdir().unwrap());
    let path = folder.path().join("config.json");
    let client = Client::with(|settings| settings.keychain.add_config_file(&path));
    let error = push(&client, &registry.host()).unwrap_err().to_string();
    assert!(error.contains("config.json` (not there)"), "{error}");
    for (text, says) in [
        ("{", "config.json` (not a docker config: EOF"),
        ("[]", "config.json` (not a docker config:"),
    ] {
        fs::write(&path, text).unwrap();
        let client = || Client::with(|settings| settings.keychain.add_config_file(&path));
        let error = push(&client(), &registry.host()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        push(&client(), &MemoryRegistry::start().host()).unwrap();
    }
    let key = registry.host();
    fs::write(&path, format!(r#"{{"auths":{{"{key}":{{"auth":"?"}}}}}}"#)).unwrap();
    let client = Client::with(|settings| settings.keychain.add_config_file(&path));
    let error = push(&client, &key).unwrap_err().to_string();
    assert!(error.contains(&format!("entry `{key}` of")), "{error}");
    assert!(error.contains("cannot be decoded"), "{error}");
}

#[test]
fn a_login_is_what_every_tool_reads_and_leaves_the_rest_of_the_file() {
    let (registry, folder) = (closed(), tempfile::tempdir().unwrap());
    let host = registry.host();
    let (path, target) = (
        folder.path().join("link.json"),
        folder.path().join("config.json"),
    );
    fs::write(
        &target,
        r#"{"proxies":{"x":1},"auths":{"other":{"auth":"eDp5"}}}"#,
    )
    .unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let file = CredentialFile::new(path.clone(), None);
    let kept = file
        .keep(&host, &Credential::new("user", "secret").unwrap())
        .unwrap();
    assert_eq!(kept, Kept::File);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&target).unwrap()).unwrap();
    assert_eq!(written["proxies"]["x"], 1);
    assert_eq!(written["auths"]["other"]["auth"], "eDp5");
    assert_eq!(written["auths"][&host]["auth"], "dXNlcjpzZWNyZXQ=");

    let client = Client::with(|settings| settings.keychain.add_config_file(&path));
    client.registry.check_login(&host).unwrap();
    push(&client, &host).unwrap();

    assert!(file.forget(&host).unwrap());
    assert!(!file.forget(&host).unwrap());
    let client = Client::with(|settings| settings.keychain.add_config_file(&path));
    assert!(matches!(
        client.registry.check_login(&host),
        Err(RegistryError::Unauthorized { .. })
    ));
}

#[test]
fn a_login_goes_to_the_helper_where_the_file_names_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = helper(folder.path(), "test", "");
    let config = folder.path().join("config.json");
    fs::write(&config, r#"{"credsStore":"test"}"#).unwrap();
    let file = CredentialFile::new(config.clone(), Some(path));
    let kept = file
        .keep("docker.io", &Credential::new("user", "secret").unwrap())
        .unwrap();
    assert_eq!(kept, Kept::Helper("test".to_owned()));
    file.forget("docker.io").unwrap();
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines[0].starts_with("store {") && lines[0].contains(r#""Secret":"secret""#),
        "{log}"
    );
    assert_eq!(lines[1], "erase https://index.docker.io/v1/");
    assert!(!fs::read_to_string(&config).unwrap().contains("secret"));
}

#[test]
fn a_push_can_be_tried_before_there_is_anything_to_push() {
    let registry = closed();
    let host = registry.host();
    let repository = reference(&format!("{host}/acme/shop:1")).repository;
    let client = with_config(
        &format!(r#"{{"auths":{{"{host}":{{"auth":"dXNlcjpzZWNyZXQ="}}}}}}"#),
        None,
    );
    client.registry.check_push(&repository).unwrap();
    let requests = registry.requests();
    let opened = requests
        .iter()
        .filter(|request| request.status == Some(202));
    assert_eq!(opened.count(), 1);
    // Whether the upload may be abandoned is the registry's affair.
    assert_eq!(requests.last().unwrap().method, "DELETE");
    let error = Client::new().registry.check_push(&repository).unwrap_err();
    assert!(
        matches!(error, RegistryError::Unauthorized { .. }),
        "{error}"
    );
}

#[test]
fn a_repository_that_is_not_there_yet_is_no_failure() {
    let registry = MemoryRegistry::start();
    registry.play(|_, _| Some(mizzen_testkit::Fault::Status(404, Vec::new())));
    let repository = reference(&format!("{}/acme/shop:1", registry.host())).repository;
    Client::new().registry.check_push(&repository).unwrap();
}

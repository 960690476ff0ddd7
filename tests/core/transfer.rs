//! The verbs that move images, and those that keep credentials.

use crate::support::User;
use fs_err as fs;
use mizzen_testkit::registry::Login;
use mizzen_testkit::{
    Certificates, DockerRegistry, DockerRegistrySettings, Fault, MemoryRegistry, skopeo, tiny_base,
};

#[test]
fn an_image_goes_from_disk_to_a_registry_to_another_and_back_as_it_is() {
    let user = User::without_sdk();
    let (one, two) = (MemoryRegistry::start(), MemoryRegistry::start());
    tiny_base(&user.path("base"), "linux/amd64");
    let base = format!("oci:{}", user.path("base").display());
    let (first, second) = (
        format!("{}/base:1", one.host()),
        format!("{}/copy:2", two.host()),
    );

    let pushed = user.run_bare(&["push", &base, &first]).success();
    let digest = pushed.stdout.trim().rsplit('@').next().unwrap().to_owned();
    assert_eq!(pushed.stdout, format!("{first}@{digest}\n"));
    assert_eq!(one.manifest("base", "1").unwrap().0.to_string(), digest);

    let copied = user.run_bare(&["copy", &first, &second]).success();
    assert_eq!(copied.stdout, format!("{second}@{digest}\n"));
    two.forget_requests();
    let again = user.run_bare(&["copy", &first, &second]).success();
    assert_eq!(two.requests().len(), 1, "{}", again.stderr);

    for kind in ["oci", "oci-archive", "docker-archive"] {
        let back = format!("{kind}:{}", user.path(kind).display());
        let pulled = user.run_bare(&["pull", &second, &back]).success();
        assert_eq!(pulled.stdout, format!("{back}@{digest}\n"));
        user.run_bare(&["validate", &back]).success();
        let onward = format!("{}/{kind}:1", one.host());
        user.run_bare(&["push", &back, &onward]).success();
    }
    assert_eq!(one.manifest("oci", "1").unwrap().0.to_string(), digest);
    assert_eq!(
        one.manifest("oci-archive", "1").unwrap().0.to_string(),
        digest
    );
}

#[test]
fn what_is_not_there_ends_with_4_and_writes_nothing() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    let out = format!("oci:{}", user.path("out").display());
    let run = user.run_bare(&["pull", &format!("{}/none:1", registry.host()), &out]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        run.stderr.contains("none:1` does not exist"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.is_empty() && !user.path("out").exists());
    let run = user.run_bare(&["push", "oci:/nowhere", &format!("{}/x:1", registry.host())]);
    assert_ne!(run.code, 0);
    assert!(registry.manifest("x", "1").is_none());
}

#[test]
fn what_a_registry_does_while_layers_are_written_is_the_registrys_fault() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    tiny_base(&user.path("base"), "linux/amd64");
    let base = format!("oci:{}", user.path("base").display());
    let from = format!("{}/base:1", registry.host());
    let pushed = user.run_bare(&["push", &base, &from]).success();
    let digest = pushed.stdout.trim().rsplit('@').next().unwrap().to_owned();
    registry.play(|number, request| {
        let is_layer = request.method == "GET" && request.path.contains("/blobs/");
        (is_layer && number > 2).then(|| Fault::Status(403, Vec::new()))
    });
    for kind in ["oci", "oci-archive"] {
        registry.forget_requests();
        let to = format!("{kind}:{}", user.path(kind).display());
        let cache = format!("cache-of-{kind}");
        let run = user.run_bare(&["pull", &from, &to, "--cache-dir", &cache]);
        assert_eq!(run.code, 4, "{}", run.stderr);
        assert!(!run.stderr.contains("OCI layout"), "{}", run.stderr);
    }

    // A header that names another image than the one that is asked for by digest.
    let other = format!("sha256:{}", "0".repeat(64));
    let claim = other.clone();
    registry.play(move |_, request| {
        let headers = vec![("docker-content-digest", claim.clone())];
        (request.method == "HEAD").then_some(Fault::Claim(headers))
    });
    let pinned = format!("{}/base@{digest}", registry.host());
    let to = format!("oci:{}", user.path("pinned").display());
    let run = user.run_bare(&["pull", &pinned, &to, "--cache-dir", "fresh"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        run.stderr.contains(&digest) && run.stderr.contains(&other),
        "{}",
        run.stderr
    );
    assert!(!user.path("pinned").exists());
}

#[test]
fn a_login_lets_later_verbs_in_until_the_logout() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: Some(("user".to_owned(), "secret".to_owned())),
        repositories: Vec::new(),
    });
    let host = registry.host();
    tiny_base(&user.path("base"), "linux/amd64");
    let base = format!("oci:{}", user.path("base").display());
    let push = || user.run_bare(&["push", &base, &format!("{host}/base:1")]);
    let refused = push();
    assert_eq!(refused.code, 4);
    assert!(
        refused.stderr.contains("hint: log in: mizzen login"),
        "{}",
        refused.stderr
    );

    let login = |password: &str| user.run_with_input(&["login", "-u", "user", &host], password);
    let wrong = login("hunter2\n");
    assert_eq!(wrong.code, 4, "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("hunter2"), "{}", wrong.stderr);
    let said = format!("error: wrong user name or password for `{host}`");
    assert!(wrong.stderr.contains(&said), "{}", wrong.stderr);
    let config = user.path("home/.docker/config.json");
    assert!(!config.exists());
    let kept = login("secret\n").success();
    assert!(kept.stderr.contains("config.json"), "{}", kept.stderr);
    assert!(fs::read_to_string(&config).unwrap().contains(&host));
    push().success();
    user.run_bare(&["logout", &host]).success();
    // At a terminal it asks, and shows no password.
    let line = format!(
        "(sleep 1; echo user; sleep 1; echo secret; sleep 1) | script -qec '{} login {host}' /dev/null",
        env!("CARGO_BIN_EXE_mizzen")
    );
    let shown = user.tool("/bin/sh", &["-c", &line]);
    assert!(
        shown.contains(&format!("user name for `{host}`:")),
        "{shown}"
    );
    assert!(shown.contains(&format!("logged in to `{host}`")), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    user.run_bare(&["logout", &host]).success();
    registry.revoke_tokens();
    assert_eq!(
        user.run_bare(&["copy", &format!("{host}/base:1"), &format!("{host}/x:1")])
            .code,
        4
    );
}

#[test]
fn a_registry_with_a_password_and_an_authority_of_its_own_is_pushed_to_and_pulled_from() {
    let (user, certificates) = (User::without_sdk(), Certificates::new());
    let registry = DockerRegistry::start_with(&DockerRegistrySettings {
        // `user` with the password `secret`, as `htpasswd -B` writes it.
        htpasswd: "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n".to_owned(),
        tls: Some(certificates.server.clone()),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let host = registry.host();
    tiny_base(&user.path("base"), "linux/amd64");
    let base = format!("oci:{}", user.path("base").display());
    fs::create_dir(user.path("authorities")).unwrap();
    let authority = user.path("authorities/ca.crt");
    fs::write(&authority, &certificates.authority).unwrap();

    let config = format!("[registry.\"{host}\"]\nca = \"authorities/ca.crt\"\n");
    fs::write(user.path("mizzen.toml"), config).unwrap();
    let login = user.run_with_input(&["login", "-u", "user", &host], "secret\n");
    login.success();
    let ours = format!("{host}/ours:1");
    let pushed = user.run_bare(&["push", &base, &ours]).success();
    let authorities = user.path("authorities").display().to_string();
    let folder = |name: &str| format!("oci:{}:1", user.path(name).display());
    skopeo(&[
        "copy",
        "--src-creds=user:secret",
        "--src-cert-dir",
        &authorities,
        &format!("docker://{ours}"),
        &folder("read"),
    ]);
    let digest = pushed.stdout.trim().rsplit('@').next().unwrap();
    let read = user
        .run_bare(&["inspect", "--json", &folder("read")])
        .success();
    assert!(read.stdout.contains(digest), "{}", read.stdout);

    let theirs = format!("{host}/theirs:1");
    skopeo(&[
        "copy",
        "--dest-creds=user:secret",
        "--dest-cert-dir",
        &authorities,
        &folder("read"),
        &format!("docker://{theirs}"),
    ]);
    user.run_bare(&["pull", &theirs, &folder("pulled")])
        .success();
    user.run_bare(&["validate", &folder("pulled")]).success();
}

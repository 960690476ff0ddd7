//! What mizzen pushes others read, and what others push mizzen reads; through Debian's registry, in
//! plain HTTP, over TLS with a private authority, and with a password.

use crate::login::HTPASSWD;
use crate::support::{Client, amd64, reference};
use fs_err as fs;
use mizzen_image::{Layout, Sink, Taggable, validate};
use mizzen_registry::{Credential, HostSettings};
use mizzen_testkit::{
    Certificates, DockerRegistry, DockerRegistrySettings, skopeo, tiny_base, umoci_unpack,
};
use std::path::PathBuf;

/// How skopeo is to speak to the registry.
enum Skopeo {
    Plain,
    /// It believes the authority in this folder and no other, and says who it is.
    Verifying {
        authorities: PathBuf,
        password: Option<&'static str>,
    },
}

impl Skopeo {
    /// Copies between a layout and the registry; `side` is the registry's: `src` or `dest`.
    fn copy(&self, side: &str, from: &str, to: &str) {
        let of_side = |option: &str| format!("--{side}-{option}");
        let mut arguments = vec!["copy".to_owned(), "--quiet".to_owned()];
        match self {
            Self::Plain => arguments.push(of_side("tls-verify=false")),
            Self::Verifying {
                authorities,
                password,
            } => {
                arguments.extend([of_side("cert-dir"), authorities.display().to_string()]);
                let password = password.map(|password| [of_side("creds"), password.to_owned()]);
                arguments.extend(password.into_iter().flatten());
            }
        }
        arguments.extend([from.to_owned(), to.to_owned()]);
        skopeo(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Pushes by mizzen and reads by skopeo and umoci; pushes by skopeo and reads by mizzen.
fn both_ways(host: &str, client: &Client, theirs: &Skopeo) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = folder.join("base");
    tiny_base(&base, "linux/amd64");
    let image = Layout::new(&base, Some("latest")).read().unwrap();
    let descriptor = client.push(&format!("{host}/ours:1"), &image).unwrap();

    let copied = folder.join("copied");
    theirs.copy(
        "src",
        &format!("docker://{host}/ours:1"),
        &format!("oci:{}:1", copied.display()),
    );
    let read = Layout::new(&copied, Some("1")).read().unwrap();
    assert_eq!(read.descriptor().digest, descriptor.digest);
    umoci_unpack(&copied, "1", &folder.join("bundle"));
    let passwd = fs::read_to_string(folder.join("bundle/rootfs/etc/passwd")).unwrap();
    assert!(passwd.contains("1654"), "{passwd}");

    theirs.copy(
        "dest",
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
    let registry = DockerRegistry::start().unwrap();
    both_ways(&registry.host(), &Client::new(), &Skopeo::Plain);
}

/// The same over TLS with a private authority; with a name and a password if the registry wants
/// them.
fn both_ways_over_tls(htpasswd: &str, password: Option<&'static str>) {
    let (certificates, authorities) = (Certificates::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start_with(&DockerRegistrySettings {
        htpasswd: htpasswd.to_owned(),
        tls: Some(certificates.server.clone()),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let authority = authorities.path().join("ca.crt");
    fs::write(&authority, &certificates.authority).unwrap();
    let client = Client::with(|settings| {
        let special = HostSettings {
            ca: Some(authority),
            ..HostSettings::default()
        };
        settings.hosts.insert(registry.host(), special);
        if let Some((name, password)) = password.and_then(|both| both.split_once(':')) {
            let credential = Credential::new(name, password).unwrap();
            let keychain = &mut settings.keychain;
            keychain.add_credential("the test", &registry.host(), credential);
        }
    });
    let theirs = Skopeo::Verifying {
        authorities: authorities.path().to_owned(),
        password,
    };
    both_ways(&registry.host(), &client, &theirs);
}

#[test]
fn skopeo_and_umoci_do_so_over_tls_with_a_private_authority() {
    both_ways_over_tls("", None);
}

#[test]
fn skopeo_and_umoci_do_so_with_a_password_over_tls_with_a_private_authority() {
    both_ways_over_tls(HTPASSWD, Some("user:secret"));
}

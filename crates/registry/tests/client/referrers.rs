//! What refers to an image is listed, by the registry or under a tag, whoever else writes.

use crate::support::{Client, image, one, reference};
use mizzen_oci::{Descriptor, Digest, MediaType, Repository};
use mizzen_registry::{Artifact, Registry, RetrySettings, Settings};
use mizzen_store::{BytesBlob, Cancel};
use mizzen_testkit::registry::{Personality, Referrers};
use mizzen_testkit::{DockerRegistry, Fault, MemoryRegistry};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn artifact(subject: &Descriptor, artifact_type: &str, text: &str) -> Artifact {
    let bytes = text.as_bytes();
    let blob = BytesBlob(bytes.into());
    let descriptor = Descriptor::of(MediaType::from("text/plain"), bytes);
    Artifact::new(
        artifact_type,
        subject,
        vec![(descriptor, Arc::new(blob))],
        &BTreeMap::from([("text".to_owned(), text.to_owned())]),
    )
}

fn repository(host: &str) -> Repository {
    reference(&format!("{host}/shop:1")).repository
}

/// Pushes an image and returns its manifest's name.
fn subject(host: &str) -> Descriptor {
    Client::new()
        .push(&format!("{host}/shop:1"), &one(image(&["layer"])))
        .unwrap()
}

fn listed(registry: &Registry, host: &str, subject: &Digest, of: Option<&str>) -> Vec<String> {
    let listed = registry.referrers(&repository(host), subject, of).unwrap();
    listed
        .iter()
        .map(|descriptor| descriptor.annotations["text"].clone())
        .collect()
}

#[test]
fn what_is_attached_is_listed_whether_the_registry_keeps_a_list_or_not() {
    let docker = DockerRegistry::start().unwrap();
    let ways = [Referrers::Listed, Referrers::Unknown, Referrers::Claimed].map(|referrers| {
        let registry = MemoryRegistry::start();
        registry.behave(Personality {
            referrers,
            ..Personality::BY_THE_BOOK
        });
        registry
    });
    let hosts = ways.iter().map(MemoryRegistry::host).chain([docker.host()]);
    for host in hosts {
        let client = Client::new();
        let subject = subject(&host);
        let registry = &client.registry;
        assert_eq!(listed(registry, &host, &subject.digest, None), [""; 0]);
        for (artifact_type, text) in [
            ("application/x", "one"),
            ("application/y", "two"),
            ("application/x", "one"),
        ] {
            registry
                .attach(&repository(&host), &artifact(&subject, artifact_type, text))
                .unwrap();
        }
        let mut all = listed(registry, &host, &subject.digest, None);
        all.sort();
        assert_eq!(all, ["one", "two"], "{host}");
        assert_eq!(
            listed(registry, &host, &subject.digest, Some("application/y")),
            ["two"]
        );
    }
}

#[test]
fn of_eight_who_attach_at_once_nobody_is_lost() {
    let registry = MemoryRegistry::start();
    registry.behave(Personality {
        referrers: Referrers::Unknown,
        ..Personality::BY_THE_BOOK
    });
    let host = registry.host();
    let subject = subject(&host);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (host, subject) = (&host, &subject);
            scope.spawn(move || {
                // A handle of its own, as another process has it, and a clock that waits.
                let retry = RetrySettings {
                    first_delay: Duration::from_millis(40),
                    ..RetrySettings::default()
                };
                let settings = Settings {
                    retry,
                    ..Settings::default()
                };
                let client = Registry::new(settings, Cancel::default()).unwrap();
                let artifact = artifact(subject, "application/x", &number.to_string());
                client.attach(&repository(host), &artifact).unwrap();
            });
        }
    });
    let mut all = listed(&Client::new().registry, &host, &subject.digest, None);
    all.sort();
    assert_eq!(all, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[test]
fn a_tag_that_leads_to_the_subject_itself_is_no_list() {
    let registry = MemoryRegistry::start();
    registry.behave(Personality {
        referrers: Referrers::Unknown,
        ..Personality::BY_THE_BOOK
    });
    let host = registry.host();
    let subject = subject(&host);
    let (_, bytes) = registry.manifest("shop", "1").unwrap();
    let tag = format!("sha256-{}", subject.digest.hex());
    registry.put_manifest(
        "shop",
        Some(&tag),
        MediaType::ImageManifest.as_ref(),
        &bytes,
    );
    let client = Client::new();
    assert_eq!(
        listed(&client.registry, &host, &subject.digest, None),
        [""; 0]
    );
}

#[test]
fn a_warning_is_passed_on_once() {
    let registry = MemoryRegistry::start();
    registry.play(|_, _| {
        let warning = r#"299 - "this registry closes on Friday""#.to_owned();
        Some(Fault::Status(404, vec![("warning", warning)]))
    });
    let client = Client::new();
    for expected in [1, 0] {
        client
            .pull(&format!("{}/shop:1", registry.host()))
            .unwrap_err();
        let warnings = client.registry.new_warnings();
        assert_eq!(warnings.len(), expected, "{warnings:?}");
        assert!(
            warnings
                .iter()
                .all(|warning| warning.contains("closes on Friday"))
        );
    }
}

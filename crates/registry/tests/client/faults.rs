//! Every fault at every request of a push and of a pull; then faults at random.

use crate::support::{Client, image, one, read_layers};
use mizzen_image::Taggable;
use mizzen_registry::RegistryError;
use mizzen_testkit::registry::Login;
use mizzen_testkit::{DockerRegistry, Fault, FaultProxy, MemoryRegistry, RecordedRequest};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const LAYERS: [&str; 3] = ["the runtime", "the packages", "the app"];
pub(crate) const ATTEMPTS: u32 = 10;

pub(crate) fn every_fault() -> [(&'static str, Fault); 13] {
    let status = |status| Fault::Status(status, Vec::new());
    let busy = |headers: &[(&'static str, &str)]| {
        let owned = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Fault::Status(429, owned.collect())
    };
    let (date, until) = (
        "Mon, 23 Nov 2026 08:00:00 GMT",
        "Mon, 23 Nov 2026 08:00:07 GMT",
    );
    [
        ("reset before the answer", Fault::ResetBeforeAnswer),
        ("reset in the body", Fault::ResetInBody(5)),
        ("done, answer lost", Fault::LoseAnswer),
        ("answer cut in half", Fault::CutAnswer),
        ("flipped byte", Fault::FlipByte),
        ("stale token", Fault::StaleToken),
        ("429 with seconds", busy(&[("retry-after", "7")])),
        (
            "429 with a date",
            busy(&[("date", date), ("retry-after", until)]),
        ),
        ("500", status(500)),
        ("502", status(502)),
        ("503", status(503)),
        ("504", status(504)),
        ("never answers", Fault::Silence),
    ]
}

/// A client that takes so long a silence for a failure: short where the fault is one, so that the
/// test does not wait, and long where requests are counted.
pub(crate) fn client(silence_ms: u64) -> Client {
    Client::with(|settings| {
        settings.retry.attempts = ATTEMPTS;
        settings.silence_timeout = Duration::from_millis(silence_ms);
    })
}

fn silence_ms(fault: &Fault) -> u64 {
    if *fault == Fault::Silence {
        100
    } else {
        20_000
    }
}

pub(crate) fn closed_registry() -> MemoryRegistry {
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: None,
        repositories: Vec::new(),
    });
    registry
}

pub(crate) fn what() -> Taggable {
    one(image(&LAYERS))
}

/// How often the bytes of each blob went over the wire, whole or in part.
pub(crate) fn sends(requests: &[RecordedRequest]) -> BTreeMap<String, usize> {
    let mut sends = BTreeMap::new();
    for request in requests.iter().filter(|request| request.is_blob_upload()) {
        if let Some(digest) = request.query.get("digest") {
            *sends.entry(digest.clone()).or_default() += 1;
        }
    }
    sends
}

#[test]
fn one_fault_at_any_request_of_a_push_does_no_harm() {
    let registry = closed_registry();
    let push = |repository: &str, silence_ms: u64| {
        let client = client(silence_ms);
        registry.forget_requests();
        let pushed = client.push(&format!("{}/{repository}:1", registry.host()), &what());
        (pushed, client)
    };
    push("clean", 20_000).0.unwrap();
    let positions = registry.requests().len();
    assert_eq!(positions, 15, "{:#?}", registry.requests());

    for (number, (name, fault)) in every_fault().into_iter().enumerate() {
        for position in 0..positions {
            let at = format!("{name} at request {position}");
            let played = fault.clone();
            registry.play(move |number, _| (number == position).then(|| played.clone()));
            let repository = format!("fault{number}/{position}");
            let (pushed, client) = push(&repository, silence_ms(&fault));
            registry.play_nothing();
            let descriptor = pushed.unwrap_or_else(|error| panic!("{at}: {error:?}"));
            let (tagged, _) = registry.manifest(&repository, "1").unwrap();
            assert_eq!(tagged, descriptor.digest, "{at}");
            for part in what().images()[0].layers() {
                assert!(
                    registry
                        .blob(&repository, &part.descriptor.digest)
                        .is_some(),
                    "{at}"
                );
            }
            for (digest, count) in sends(&registry.requests()) {
                assert!(count <= 2, "{at}: {digest} was sent {count} times");
            }
            if name.starts_with("429") {
                let waited: Duration = client.clock.waits().iter().sum();
                assert!(waited >= Duration::from_secs(7), "{at}: waited {waited:?}");
            }
        }
    }
}

pub(crate) type Way = fn(&Client, &str) -> Result<Vec<String>, RegistryError>;

/// Two ways to pull: into the store, where layers are read, and straight into a layout.
pub(crate) const WAYS: [Way; 2] = [
    |client, reference| {
        let image = client.pull(reference)?;
        read_layers(&image).map_err(within)
    },
    |client, reference| {
        let folder = tempfile::tempdir_in(client.store.root().parent().unwrap()).unwrap();
        let layout = client.pull_straight(reference, folder.path())?;
        let Taggable::Image(image) = layout.read().unwrap() else {
            panic!("one image was pushed");
        };
        Ok(read_layers(&image).unwrap())
    },
];

#[test]
fn one_fault_at_any_request_of_a_pull_does_no_harm() {
    let registry = closed_registry();
    let reference = format!("{}/shop:1", registry.host());
    Client::new().push(&reference, &what()).unwrap();
    let pull = |way: usize, silence_ms: u64| {
        let client = client(silence_ms);
        registry.forget_requests();
        (WAYS[way](&client, &reference), client)
    };
    let faults = every_fault();
    let rows = faults.iter().flat_map(|row| [(0, row), (1, row)]);
    for (way, (name, fault)) in rows {
        assert_eq!(pull(way, 20_000).0.unwrap(), LAYERS);
        let positions = registry.requests().len();
        assert_eq!(positions, 8, "{:#?}", registry.requests());
        for position in 0..positions {
            let at = format!("{name} at request {position}, way {way}");
            let played = fault.clone();
            registry.play(move |number, _| (number == position).then(|| played.clone()));
            let (read, client) = pull(way, silence_ms(fault));
            registry.play_nothing();
            assert_eq!(
                read.unwrap_or_else(|error| panic!("{at}: {error:?}")),
                LAYERS,
                "{at}"
            );
            if name.starts_with("429") {
                let waited: Duration = client.clock.waits().iter().sum();
                assert!(waited >= Duration::from_secs(7), "{at}: waited {waited:?}");
            }
        }
    }
}

#[test]
fn one_fault_at_any_request_to_debians_registry_does_no_harm() {
    let docker = DockerRegistry::start().unwrap();
    let proxy = FaultProxy::before(&docker.host());
    let push = |repository: &str, silence_ms: u64| {
        let client = client(silence_ms);
        proxy.forget_requests();
        client.push(&format!("{}/{repository}:1", proxy.host()), &what())
    };
    push("clean", 20_000).unwrap();
    let positions = proxy.requests().len();
    assert_eq!(positions, 13, "{:#?}", proxy.requests());
    for (number, (name, fault)) in every_fault().into_iter().enumerate() {
        // This registry knows no tokens.
        if fault == Fault::StaleToken {
            continue;
        }
        for position in 0..positions {
            let at = format!("{name} at request {position}");
            let played = fault.clone();
            proxy.play(move |number, _| (number == position).then(|| played.clone()));
            let repository = format!("fault{number}/{position}");
            push(&repository, silence_ms(&fault) * 4)
                .unwrap_or_else(|error| panic!("{at}: {error:?}"));
            proxy.play_nothing();
            let fresh = Client::new();
            let pulled = fresh
                .pull(&format!("{}/{repository}:1", docker.host()))
                .unwrap();
            assert_eq!(read_layers(&pulled).unwrap(), LAYERS, "{at}");
        }
    }
}

#[test]
fn one_fault_at_any_request_of_a_pull_from_debians_registry_does_no_harm() {
    let docker = DockerRegistry::start().unwrap();
    let proxy = FaultProxy::before(&docker.host());
    let reference = format!("{}/shop:1", proxy.host());
    Client::new().push(&reference, &what()).unwrap();
    let pull = |silence_ms: u64| {
        proxy.forget_requests();
        WAYS[1](&client(silence_ms), &reference)
    };
    assert_eq!(pull(20_000).unwrap(), LAYERS);
    let positions = proxy.requests().len();
    assert_eq!(positions, 6, "{:#?}", proxy.requests());
    for (name, fault) in every_fault() {
        // This registry knows no tokens.
        if fault == Fault::StaleToken {
            continue;
        }
        for position in 0..positions {
            let played = fault.clone();
            proxy.play(move |number, _| (number == position).then(|| played.clone()));
            let layers = pull(silence_ms(&fault) * 4);
            let layers = layers.unwrap_or_else(|error| panic!("{name} at {position}: {error:?}"));
            assert_eq!(layers, LAYERS, "{name} at request {position}");
        }
    }
}

fn within(error: std::io::Error) -> RegistryError {
    let inner = error.into_inner().unwrap().downcast::<RegistryError>();
    *inner.unwrap()
}

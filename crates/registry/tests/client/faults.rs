//! Every fault at every request of a push and of a pull; then faults at random.

use crate::support::{Client, image, one, read_layers};
use mizzen_image::Taggable;
use mizzen_registry::{ErrorKind, RegistryError};
use mizzen_testkit::registry::Login;
use mizzen_testkit::{DockerRegistry, Fault, FaultProxy, MemoryRegistry, RecordedRequest};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

const LAYERS: [&str; 3] = ["the runtime", "the packages", "the app"];
const ATTEMPTS: u32 = 6;

fn every_fault() -> [(&'static str, Fault); 13] {
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
fn client(silence_ms: u64) -> Client {
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

fn closed_registry() -> MemoryRegistry {
    let registry = MemoryRegistry::start();
    registry.require(Login::Bearer {
        account: None,
        repositories: Vec::new(),
    });
    registry
}

fn what() -> Taggable {
    one(image(&LAYERS))
}

/// How often the bytes of each blob went over the wire, whole or in part.
fn sends(requests: &[RecordedRequest]) -> BTreeMap<String, usize> {
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

type Way = fn(&Client, &str) -> Result<Vec<String>, RegistryError>;

/// Two ways to pull: into the store, where layers are read, and straight into a layout.
const WAYS: [Way; 2] = [
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
fn with_a_fault_at_every_fifth_request_a_push_is_right_or_says_that_it_gave_up() {
    let registry = closed_registry();
    let mut given_up = 0;
    for run in 0..200 {
        let random = Mutex::new(fastrand::Rng::with_seed(run));
        registry.play(move |_, _| {
            let mut random = random.lock().unwrap();
            (random.u32(..100) < 20).then(|| random.choice(every_fault()).unwrap().1)
        });
        registry.forget_requests();
        let repository = format!("random/{run}");
        let client = client(100);
        let pushed = client.push(&format!("{}/{repository}:1", registry.host()), &what());
        registry.play_nothing();
        match pushed {
            Ok(descriptor) => {
                assert_eq!(
                    registry.manifest(&repository, "1").unwrap().0,
                    descriptor.digest
                );
            }
            Err(error) => {
                given_up += 1;
                let spent = error.kind() == ErrorKind::Failed
                    || matches!(error, RegistryError::Unauthorized { .. });
                assert!(spent, "run {run}: {error:?}");
            }
        }
        for (digest, count) in sends(&registry.requests()) {
            assert!(
                count <= ATTEMPTS as usize,
                "run {run}: {digest} was sent {count} times"
            );
        }
        // The registry refuses a manifest whose blobs it lacks, so a tag is never half an image;
        // what can be pulled is right.
        if let Some((digest, _)) = registry.manifest(&repository, "1") {
            assert_eq!(digest, what().descriptor().digest);
            let fresh = Client::new();
            let pulled = fresh
                .pull(&format!("{}/{repository}:1", registry.host()))
                .unwrap();
            assert_eq!(read_layers(&pulled).unwrap(), LAYERS);
        }
    }
    // Two or three do; the budget of an upload covers all of its requests.
    assert!(given_up <= 20, "{given_up} of 200 gave up");
}

#[test]
fn with_a_fault_at_every_fifth_request_a_pull_is_right_or_says_that_it_gave_up() {
    let registry = closed_registry();
    let reference = format!("{}/shop:1", registry.host());
    Client::new().push(&reference, &what()).unwrap();
    let mut given_up = 0;
    for run in 0..200 {
        let random = Mutex::new(fastrand::Rng::with_seed(run));
        registry.play(move |_, _| {
            let mut random = random.lock().unwrap();
            (random.u32(..100) < 20).then(|| random.choice(every_fault()).unwrap().1)
        });
        let client = client(100);
        match WAYS[usize::try_from(run % 2).unwrap()](&client, &reference) {
            Ok(layers) => assert_eq!(layers, LAYERS, "run {run}"),
            Err(error) => {
                given_up += 1;
                let spent = error.kind() == ErrorKind::Failed
                    || matches!(error, RegistryError::Unauthorized { .. });
                assert!(spent, "run {run}: {error:?}");
            }
        }
        registry.play_nothing();
        // What was kept is right, too: whoever comes next reads it, and asks for nothing but the rest.
        assert_eq!(WAYS[0](&client, &reference).unwrap(), LAYERS, "run {run}");
    }
    assert!(given_up <= 20, "{given_up} of 200 gave up");
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

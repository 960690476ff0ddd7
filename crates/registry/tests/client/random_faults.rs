//! One request of five goes wrong, at random: what is done is right, or said to be given up.

use crate::faults::{ATTEMPTS, LAYERS, WAYS, client, closed_registry, every_fault, sends, what};
use crate::support::{Client, amd64, read_layers, reference as parsed};
use mizzen_registry::{ErrorKind, RegistryError};
use std::sync::Mutex;

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
        let client = client(500);
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
    // A silence is one of the faults, and three of them end it; on a busy machine others are silent, too.
    assert!(given_up <= 4, "{given_up} of 200 gave up");
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
        let client = client(500);
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
        let (calm, from) = (Client::new(), parsed(&reference));
        let source = calm.registry.source(from, client.store.clone());
        let image = source.image_for(&amd64()).unwrap();
        assert_eq!(read_layers(&image).unwrap(), LAYERS, "run {run}");
    }
    assert!(given_up <= 20, "{given_up} of 200 gave up");
}

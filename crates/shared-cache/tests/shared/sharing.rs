use crate::machine::{Machine, key, repository};
use mizzen_oci::Digest;
use mizzen_store::{ActionCache, ActionResult, Blob};
use mizzen_testkit::MemoryRegistry;
use std::io::Read;

fn read(blob: &dyn Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    blob.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn one_request_finds_a_record_and_its_blobs_come_when_they_are_read() {
    let registry = MemoryRegistry::start();
    let cache = repository(&registry.host(), "acme/cache");
    let (a, b) = (Machine::new(), Machine::new());
    let first = a.cache(&[], &[&cache]);
    let made = a.record("layer");
    first.put("publish", &key("k"), &made).unwrap();
    first.put("latest", &key("k"), &made).unwrap();
    assert_eq!(first.send().unwrap(), 1, "only what is of use to others");
    assert_eq!(first.send().unwrap(), 0);

    registry.forget_requests();
    let second = b.cache(&[&cache], &[]);
    let found = second.get("publish", &key("k")).unwrap().unwrap();
    let origin = Some(cache.to_string());
    assert_eq!(
        found,
        ActionResult {
            origin,
            ..made.clone()
        }
    );
    assert_eq!(
        b.store.read(&Digest::of(b"answers")).unwrap().unwrap(),
        b"answers"
    );
    let layer = second.blob(&made.outputs["layer"]).unwrap();
    assert_eq!(layer.origin(), Some(&cache));
    assert_eq!(registry.requests().len(), 1);
    assert_eq!(read(&*layer), b"layer");
    assert_eq!(registry.requests().len(), 2);

    // What is here now is asked for nowhere, in this command and in later ones.
    for cache in [second, b.cache(&[&cache], &[])] {
        let found = cache.get("publish", &key("k")).unwrap();
        assert_eq!(found.unwrap(), made);
    }
    assert_eq!(
        b.cache(&[], &[]).get("publish", &key("k")).unwrap(),
        Some(made)
    );
    assert_eq!(registry.requests().len(), 2);
    assert!(
        b.store.read(&Digest::of(b"table")).unwrap().is_none(),
        "nobody needs it"
    );
}

#[test]
fn what_is_in_no_cache_is_asked_for_once_in_a_command() {
    let registry = MemoryRegistry::start();
    let names = ["one", "other"].map(|name| repository(&registry.host(), name));
    let machine = Machine::new();
    let cache = machine.cache(&[&names[0], &names[1]], &[]);
    for _ in 0..3 {
        assert_eq!(cache.get("publish", &key("k")).unwrap(), None);
        assert_eq!(cache.get("latest", &key("k")).unwrap(), None);
    }
    assert_eq!(registry.requests().len(), 2);
    assert_eq!(cache.take_told(), [""; 0]);
}

#[test]
fn a_record_is_taken_from_the_first_cache_that_has_it_and_path_sets_from_all() {
    let registry = MemoryRegistry::start();
    let [near, far] = ["near", "far"].map(|name| repository(&registry.host(), name));
    for (to, layer, sets) in [(&near, "near", ["1", "2"]), (&far, "far", ["2", "3"])] {
        let machine = Machine::new();
        let cache = machine.cache(&[], &[to]);
        cache
            .put("publish", &key("k"), &machine.record(layer))
            .unwrap();
        cache
            .put("paths", &key("weak"), &machine.sets(&sets))
            .unwrap();
        assert_eq!(cache.send().unwrap(), 2);
    }
    let machine = Machine::new();
    let cache = machine.cache(&[&near, &far], &[]);
    let found = cache.get("publish", &key("k")).unwrap().unwrap();
    assert_eq!(found.outputs["layer"].digest, Digest::of(b"near"));
    let found = cache.get("paths", &key("weak")).unwrap().unwrap();
    let sets: Vec<Digest> = found.outputs.values().map(|it| it.digest).collect();
    assert_eq!(sets, ["1", "2", "3"].map(key));
    // Where the own ones led to nothing, those of others are asked for, and kept.
    let other = Machine::new();
    let cache = other.cache(&[&near], &[]);
    cache
        .put("paths", &key("weak"), &other.sets(&["own"]))
        .unwrap();
    let kept = || {
        let kept = cache.get("paths", &key("weak")).unwrap().unwrap();
        kept.outputs.len()
    };
    assert_eq!(kept(), 1);
    let found = cache.get_elsewhere("paths", &key("weak")).unwrap();
    assert_eq!(found.unwrap().outputs.len(), 2);
    assert_eq!(kept(), 3);
}

#[test]
fn what_was_found_here_is_sent_where_it_is_not_and_not_sent_twice() {
    let registry = MemoryRegistry::start();
    let cache = repository(&registry.host(), "cache");
    let machine = Machine::new();
    let record = machine.record("layer");
    machine
        .cache(&[], &[])
        .put("publish", &key("k"), &record)
        .unwrap();
    for sent in [1, 0] {
        let cache = machine.cache(&[], &[&cache]);
        assert!(cache.get("publish", &key("k")).unwrap().is_some());
        assert_eq!(cache.send().unwrap(), sent);
    }
}

#[test]
fn a_layer_that_an_image_of_the_registry_has_is_mounted_and_not_sent() {
    let registry = MemoryRegistry::start();
    registry.put_blob("shop", b"layer");
    let cache = repository(&registry.host(), "cache");
    let machine = Machine::new();
    let first = machine.cache(&[], &[&cache]);
    first.note_blob(&repository(&registry.host(), "shop"), &Digest::of(b"layer"));
    first
        .put("publish", &key("k"), &machine.record("layer"))
        .unwrap();
    assert_eq!(first.send().unwrap(), 1);
    assert_eq!(first.counts().mounted_bytes, 5);
}

#[test]
fn a_record_of_a_step_that_nobody_watched_is_taken_only_where_that_is_asked_for() {
    let registry = MemoryRegistry::start();
    let cache = repository(&registry.host(), "cache");
    let machine = Machine::new();
    let first = machine.cache(&[], &[&cache]);
    let mut record = machine.record("layer");
    record.outputs.remove("machine");
    first.put("publish", &key("k"), &record).unwrap();
    assert_eq!(first.send().unwrap(), 1);
    for accepts_unwatched in [false, true] {
        let machine = Machine::new();
        let places = mizzen_shared_cache::SharedPlaces {
            from: vec![cache.clone()],
            to: Vec::new(),
            accepts_unwatched,
        };
        let second = machine.cache_of(places);
        let found = second.get("publish", &key("k")).unwrap();
        assert_eq!(found.is_some(), accepts_unwatched);
        let told = second.take_told();
        assert_eq!(told.len(), usize::from(!accepts_unwatched));
        assert!(
            told.iter().all(|it| it.contains("accept-unwatched")),
            "{told:?}"
        );
    }
}

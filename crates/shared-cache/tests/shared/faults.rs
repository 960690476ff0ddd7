use crate::machine::{Machine, key, repository};
use mizzen_shared_cache::LostBlob;
use mizzen_store::ActionCache;
use mizzen_testkit::{Fault, MemoryRegistry};

/// Fails in each way for as long as it is asked.
fn all_faults() -> Vec<Fault> {
    vec![
        Fault::ResetBeforeAnswer,
        Fault::Silence,
        Fault::CutAnswer,
        Fault::Status(401, Vec::new()),
        Fault::Status(429, vec![("retry-after", "3600".to_owned())]),
        Fault::Status(500, Vec::new()),
        Fault::Status(503, Vec::new()),
        Fault::Status(507, Vec::new()),
    ]
}

#[test]
fn a_cache_that_cannot_be_read_is_a_miss_told_once_and_asked_no_more() {
    for fault in all_faults() {
        let registry = MemoryRegistry::start();
        let cache = repository(&registry.host(), "cache");
        let always = fault.clone();
        registry.play(move |_, _| Some(always.clone()));
        let machine = Machine::new();
        let second = machine.cache(&[&cache], &[]);
        for name in ["1", "2", "3"] {
            assert_eq!(
                second.get("publish", &key(name)).unwrap(),
                None,
                "{fault:?}"
            );
            assert_eq!(second.get("paths", &key(name)).unwrap(), None);
        }
        let told = second.take_told();
        assert_eq!(told.len(), 1, "{fault:?}: {told:?}");
        assert!(told[0].contains(&cache.to_string()), "{told:?}");
        assert!(registry.requests().len() <= 2, "{fault:?}");
    }
}

#[test]
fn a_cache_that_is_not_there_or_not_a_registry_is_a_miss() {
    let machine = Machine::new();
    // Nobody listens on this port.
    let nobody = repository("127.0.0.1:1", "cache");
    let cache = machine.cache(&[&nobody], &[&nobody]);
    assert_eq!(cache.get("publish", &key("k")).unwrap(), None);
    cache
        .put("publish", &key("k"), &machine.record("layer"))
        .unwrap();
    assert_eq!(cache.send().unwrap(), 0);
    assert_eq!(
        cache.take_told().len(),
        2,
        "once for reading, once for writing"
    );
    assert!(cache.get("publish", &key("k")).unwrap().is_some());
}

#[test]
fn a_cache_that_cannot_be_written_costs_a_line_and_nothing_else() {
    for fault in [
        Fault::Status(403, Vec::new()),
        Fault::Status(405, Vec::new()),
        Fault::Status(413, Vec::new()),
        Fault::Status(507, Vec::new()),
        Fault::ResetBeforeAnswer,
        Fault::LoseAnswer,
    ] {
        let registry = MemoryRegistry::start();
        let cache = repository(&registry.host(), "cache");
        let always = fault.clone();
        registry.play(move |_, request| {
            let is_write = ["PUT", "POST", "PATCH"].contains(&request.method.as_str());
            is_write.then(|| always.clone())
        });
        let machine = Machine::new();
        let first = machine.cache(&[&cache], &[&cache]);
        for name in ["1", "2", "3", "4", "5", "6", "7", "8"] {
            first
                .put("publish", &key(name), &machine.record(name))
                .unwrap();
        }
        assert_eq!(first.send().unwrap(), 0, "{fault:?}");
        let told = first.take_told();
        assert_eq!(told.len(), 1, "{fault:?}: {told:?}");
        assert!(told[0].contains("cannot be written"), "{told:?}");
        // Those that were on their way, and their second attempts.
        assert!(
            registry.requests().len() <= 40,
            "{}",
            registry.requests().len()
        );
    }
}

#[test]
fn a_record_whose_blob_is_gone_is_found_and_the_blob_named_as_lost() {
    let registry = MemoryRegistry::start();
    let cache = repository(&registry.host(), "cache");
    let (a, b) = (Machine::new(), Machine::new());
    let first = a.cache(&[], &[&cache]);
    let record = a.record("layer");
    first.put("publish", &key("k"), &record).unwrap();
    first.send().unwrap();
    let layer = record.outputs["layer"];
    registry.remove_blob("cache", &layer.digest);

    let second = b.cache(&[&cache], &[]);
    assert!(second.get("publish", &key("k")).unwrap().is_some());
    let Err(error) = second.blob(&layer).unwrap().open() else {
        panic!("nobody has it");
    };
    assert_eq!(LostBlob::within(&error).unwrap().repository, cache);
    assert_eq!(second.bring(&[layer]).unwrap(), Some(layer));
    assert_eq!(second.take_told().len(), 1);
    // What lies here is brought without a question.
    assert_eq!(second.bring(&[record.outputs["machine"]]).unwrap(), None);
    let never_heard_of = a.output("other");
    assert_eq!(
        second.bring(&[never_heard_of]).unwrap(),
        Some(never_heard_of)
    );
}

use crate::machine::{Machine, key, repository};
use mizzen_oci::{Digest, Repository};
use mizzen_store::{ActionCache, ActionResult};
use mizzen_testkit::{Fault, MemoryRegistry};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Returns a registry with a record of publish and one of restore.
fn filled() -> (MemoryRegistry, Repository, ActionResult) {
    let registry = MemoryRegistry::start();
    let cache = repository(&registry.host(), "cache");
    let machine = Machine::new();
    let first = machine.cache(&[], &[&cache]);
    let record = machine.record("layer");
    first.put("publish", &key("k"), &record).unwrap();
    first
        .put("publish", &key("other"), &machine.record("other"))
        .unwrap();
    first
        .put("restore", &key("k"), &machine.record("restored"))
        .unwrap();
    assert_eq!(first.send().unwrap(), 3);
    (registry, cache, record)
}

fn tag(step: &str, of: &str) -> String {
    format!("{step}-{}", key(of).hex())
}

/// Asks for the record of publish, and returns what was told.
fn refused(cache: &Repository) -> Vec<String> {
    let machine = Machine::new();
    let second = machine.cache(&[cache], &[]);
    assert_eq!(second.get("publish", &key("k")).unwrap(), None);
    second.take_told()
}

#[test]
fn the_record_of_another_key_or_step_is_never_used_and_is_named() {
    let (registry, cache, _) = filled();
    for (step, of) in [("publish", "other"), ("restore", "k")] {
        let (_, other) = registry.manifest("cache", &tag(step, of)).unwrap();
        registry.put_manifest("cache", Some(&tag("publish", "k")), MANIFEST, &other);
        let told = refused(&cache);
        assert!(told[0].contains(&tag("publish", "k")), "{told:?}");
        assert!(
            told[0].contains(&format!("the record of {step}")),
            "{told:?}"
        );
        assert_eq!(told.len(), 1);
    }
}

#[test]
fn a_record_with_a_byte_flipped_is_never_another_record() {
    let (registry, cache, record) = filled();
    let name = tag("publish", "k");
    let (_, sound) = registry.manifest("cache", &name).unwrap();
    let mut refused = 0;
    for place in (0..sound.len()).step_by(7) {
        let mut flipped = sound.to_vec();
        flipped[place] ^= 0x10;
        registry.put_manifest("cache", Some(&name), MANIFEST, &flipped);
        let machine = Machine::new();
        let second = machine.cache(&[&cache], &[]);
        match second.get("publish", &key("k")).unwrap() {
            Some(found) => assert_eq!(found.outputs, record.outputs, "byte {place}"),
            None => refused += 1,
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn what_is_under_the_tag_and_no_record_is_named_and_not_used() {
    let (registry, cache, _) = filled();
    let name = tag("publish", "k");
    let empty = Digest::of(b"{}");
    let image = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{empty}","size":2}},"layers":[]}}"#
    );
    for text in [image.as_str(), "{}", "nonsense", r#"{"manifests":[]}"#] {
        registry.put_manifest("cache", Some(&name), MANIFEST, text.as_bytes());
        let told = refused(&cache);
        assert_eq!(told.len(), 1, "{text}");
        assert!(told[0].contains(&name), "{told:?}");
    }
}

#[test]
fn a_blob_of_other_bytes_is_never_used() {
    let (registry, cache, record) = filled();
    for fault in [
        Fault::FlipByte,
        Fault::CutAnswer,
        Fault::OtherBody(b"rayel".to_vec()),
        Fault::OtherBody(b"layers".to_vec()),
    ] {
        let machine = Machine::new();
        let second = machine.cache(&[&cache], &[]);
        assert!(second.get("publish", &key("k")).unwrap().is_some());
        let fault = fault.clone();
        registry.play(move |_, request| request.path.contains("/blobs/").then(|| fault.clone()));
        let layer = record.outputs["layer"];
        assert!(second.blob(&layer).unwrap().open().is_err());
        assert_eq!(second.bring(&[layer]).unwrap(), Some(layer));
        assert!(machine.store.read(&layer.digest).unwrap().is_none());
        registry.play_nothing();
    }
}

#[test]
fn what_was_not_used_is_written_anew_by_the_next_build() {
    let (registry, cache, record) = filled();
    let name = tag("publish", "k");
    registry.put_manifest("cache", Some(&name), MANIFEST, b"{}");
    let machine = Machine::new();
    let both = machine.cache(&[&cache], &[&cache]);
    assert_eq!(both.get("publish", &key("k")).unwrap(), None);
    both.put("publish", &key("k"), &machine.record("layer"))
        .unwrap();
    assert_eq!(both.send().unwrap(), 1);
    let later = Machine::new();
    let found = later
        .cache(&[&cache], &[])
        .get("publish", &key("k"))
        .unwrap();
    assert_eq!(found.unwrap().outputs, record.outputs);
}

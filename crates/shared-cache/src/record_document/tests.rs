use super::{RecordDocument, Unsound};
use mizzen_oci::{Digest, Manifest};
use mizzen_store::{ActionResult, Output, SharedForm, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

const FORM: SharedForm = SharedForm {
    is_inside: |name| name == "machine",
    has_inputs: false,
    is_watched: |_| true,
    merge: None,
};

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    (folder, store)
}

fn record(store: &Store) -> ActionResult {
    let outputs = [("machine", "answers"), ("linux/amd64/app", "layer")];
    let outputs = outputs.map(|(name, text)| {
        let output = Output::keep(text.as_bytes(), store).unwrap();
        (name.to_owned(), output)
    });
    ActionResult {
        inputs: outputs[0].1,
        outputs: outputs.into(),
        facts: json!({"n": 1}),
        origin: None,
    }
}

fn document(store: &Store) -> RecordDocument {
    let key = Digest::of(b"key");
    let document = RecordDocument::of(("publish", &key), &record(store), FORM, store);
    document.unwrap().unwrap()
}

#[test]
fn a_record_travels_in_one_manifest_with_its_small_texts_and_names_its_blobs() {
    let (_folder, store) = store();
    let document = document(&store);
    let (manifest, config) = document.to_manifest(FORM).unwrap();
    assert_eq!(config, b"{}");
    let layers: Vec<Digest> = manifest.layers().iter().map(|it| it.digest).collect();
    assert_eq!(layers, [Digest::of(b"layer")]);
    let carried = RecordDocument::carried(&manifest).unwrap().unwrap();
    let key = Digest::of(b"key");
    let read = RecordDocument::parse(&carried, ("publish", &key), FORM).unwrap();
    assert_eq!(read, document);
    assert_eq!(read.texts().collect::<Vec<_>>(), ["answers"]);
    let again = self::document(&store).to_manifest(FORM).unwrap();
    assert_eq!(
        again.0.bytes(),
        manifest.bytes(),
        "the same bytes each time"
    );
}

#[test]
fn a_record_that_is_too_large_for_a_manifest_is_its_config() {
    let (_folder, store) = store();
    let mut seed = Digest::of(b"seed");
    let noise = (0..60_000).map(|_| {
        seed = Digest::of(seed.as_bytes());
        seed.hex()
    });
    let noise: Vec<String> = noise.collect();
    let result = ActionResult {
        facts: json!(noise),
        ..record(&store)
    };
    let key = Digest::of(b"key");
    let document = RecordDocument::of(("publish", &key), &result, FORM, &store);
    let document = document.unwrap().unwrap();
    let (manifest, config) = document.to_manifest(FORM).unwrap();
    assert!(manifest.bytes().len() < 10_000);
    assert_eq!(manifest.config().digest, Digest::of(&config));
    assert_eq!(RecordDocument::carried(&manifest).unwrap(), None);
    let read = RecordDocument::parse(&config, ("publish", &key), FORM);
    assert_eq!(read.unwrap(), document);
}

#[test]
fn a_record_of_another_step_or_key_is_none() {
    let (_folder, store) = store();
    let (manifest, _) = document(&store).to_manifest(FORM).unwrap();
    let packed = RecordDocument::carried(&manifest).unwrap().unwrap();
    let other = Digest::of(b"other");
    for asked in [("publish", &other), ("restore", &Digest::of(b"key"))] {
        let read = RecordDocument::parse(&packed, asked, FORM);
        assert!(matches!(read, Err(Unsound::OtherRecord { .. })));
    }
}

#[test]
fn no_flipped_byte_of_the_manifest_or_of_what_it_carries_gives_another_record() {
    let (_folder, store) = store();
    let document = document(&store);
    let (manifest, _) = document.to_manifest(FORM).unwrap();
    let packed = RecordDocument::carried(&manifest).unwrap().unwrap();
    let key = Digest::of(b"key");
    let sound = manifest.bytes();
    for place in 0..sound.len() {
        let mut flipped = sound.to_vec();
        flipped[place] ^= 1;
        // What names nothing that is read may be flipped, as the artifact's type.
        if let Ok(manifest) = Manifest::parse(flipped, None)
            && let Ok(Some(carried)) = RecordDocument::carried(&manifest)
        {
            let read = RecordDocument::parse(&carried, ("publish", &key), FORM);
            assert_eq!(read.unwrap(), document, "byte {place}");
        }
    }
    for place in 0..packed.len() {
        let mut flipped = packed.clone();
        flipped[place] ^= 1;
        // The digest of the config tells it before; this must not panic or take memory.
        drop(RecordDocument::parse(&flipped, ("publish", &key), FORM));
    }
}

#[test]
fn a_text_that_is_not_what_its_digest_names_or_is_missing_makes_no_record() {
    let (_folder, store) = store();
    let key = Digest::of(b"key");
    let parse = |document: &Value| {
        let packed = zstd::bulk::compress(document.to_string().as_bytes(), 1).unwrap();
        RecordDocument::parse(&packed, ("publish", &key), FORM)
    };
    let sound = json!(document(&store));
    assert!(parse(&sound).is_ok());
    let mut other = sound.clone();
    for (_, text) in other["texts"].as_object_mut().unwrap() {
        *text = json!("Answers");
    }
    assert!(matches!(parse(&other), Err(Unsound::Text)));
    let mut none = sound.clone();
    none["texts"] = json!({});
    assert!(matches!(parse(&none), Err(Unsound::Text)));
    let mut later = sound;
    later["format"] = json!("mizzen shared record 2");
    assert!(matches!(parse(&later), Err(Unsound::OtherFormat)));
}

#[test]
fn a_record_that_unpacks_to_more_than_any_has_is_refused() {
    let bomb = zstd::bulk::compress(&vec![b' '; 65 * 1024 * 1024], 1).unwrap();
    let key = Digest::of(b"key");
    let read = RecordDocument::parse(&bomb, ("publish", &key), FORM);
    assert!(matches!(read, Err(Unsound::Packed(_))));
}

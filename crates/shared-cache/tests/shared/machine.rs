use mizzen_oci::{Digest, Reference, Repository};
use mizzen_registry::{Registry, RetrySettings, Settings};
use mizzen_shared_cache::{SharedCache, SharedPlaces, remote_settings};
use mizzen_store::{ActionResult, Cancel, Output, SharedForm, Store};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A machine: a cache of its own, and what it knows of shared ones.
pub(crate) struct Machine {
    _folder: TempDir,
    pub(crate) store: Arc<Store>,
    pub(crate) registry: Registry,
}

impl Machine {
    /// Returns one that soon loses patience.
    pub(crate) fn new() -> Self {
        Self::with(Settings {
            retry: RetrySettings {
                attempts: 2,
                unreached_attempts: 1,
                first_delay: Duration::from_millis(1),
                longest_delay: Duration::from_millis(1),
                longest_retry_after: Duration::from_secs(1),
                patience: Duration::from_secs(1),
            },
            silence_timeout: Duration::from_millis(200),
            document_timeout: Duration::from_millis(200),
            ..Settings::default()
        })
    }

    /// Returns one as a build has it.
    pub(crate) fn patient() -> Self {
        Self::with(remote_settings(Settings::default()))
    }

    fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        Self {
            _folder: folder,
            store: Arc::new(store),
            registry: Registry::new(settings, Cancel::default()).unwrap(),
        }
    }

    /// Returns its records and those in these repositories.
    pub(crate) fn cache(&self, from: &[&Repository], to: &[&Repository]) -> SharedCache {
        let owned = |of: &[&Repository]| of.iter().map(|it| (*it).clone()).collect();
        let places = SharedPlaces {
            from: owned(from),
            to: owned(to),
            accepts_unwatched: false,
        };
        self.cache_of(places)
    }

    pub(crate) fn cache_of(&self, places: SharedPlaces) -> SharedCache {
        SharedCache::new(self.store.clone(), &self.registry, places, form_of)
    }

    pub(crate) fn output(&self, text: &str) -> Output {
        Output::keep(text.as_bytes(), &self.store).unwrap()
    }

    /// Returns a record that names a layer, and what the machine answered.
    pub(crate) fn record(&self, layer: &str) -> ActionResult {
        let machine = ("machine".to_owned(), self.output("answers"));
        let layer = ("layer".to_owned(), self.output(layer));
        ActionResult {
            outputs: [machine, layer].into(),
            inputs: self.output("table"),
            facts: json!({ "n": 1 }),
            origin: None,
        }
    }

    /// Returns path sets of these texts, newest first.
    pub(crate) fn sets(&self, texts: &[&str]) -> ActionResult {
        let sets = texts.iter().enumerate();
        let sets = sets.map(|(place, text)| (place.to_string(), self.output(text)));
        ActionResult {
            outputs: sets.collect(),
            inputs: self.output(texts[0]),
            facts: json!(null),
            origin: None,
        }
    }
}

fn form_of(step: &str) -> Option<SharedForm> {
    let merge = |newer: &ActionResult, older: &ActionResult| {
        let mut all: Vec<Output> = newer.outputs.values().copied().collect();
        let others = older.outputs.values().copied();
        all.extend(others.filter(|other| newer.outputs.values().all(|it| it != other)));
        let outputs = all.into_iter().enumerate();
        let outputs = outputs.map(|(place, output)| (format!("{place:02}"), output));
        ActionResult {
            outputs: outputs.collect(),
            ..newer.clone()
        }
    };
    let record = SharedForm {
        is_inside: |name| name == "machine",
        has_inputs: false,
        is_watched: |result| result.outputs.contains_key("machine"),
        merge: None,
    };
    match step {
        "publish" | "restore" => Some(record),
        "paths" => Some(SharedForm {
            is_inside: |_| true,
            is_watched: |_| true,
            merge: Some(merge),
            ..record
        }),
        _ => None,
    }
}

pub(crate) fn repository(host: &str, name: &str) -> Repository {
    format!("{host}/{name}:x")
        .parse::<Reference>()
        .unwrap()
        .repository
}

pub(crate) fn key(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

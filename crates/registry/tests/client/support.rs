//! What the tests of the client share: small images, a registry handle, a clock that never waits.

use mizzen_image::{Addendum, Image, Layer, Layout, LayoutError, Sink, Taggable};
use mizzen_oci::{Descriptor, DiffId, Digest, History, Index, MediaType, Platform, Reference};
use mizzen_registry::{Clock, Registry, RegistryError, RetrySettings, Settings};
use mizzen_store::{BytesBlob, Cancel, Store};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime};

/// A clock on which waiting takes no time and is remembered.
#[derive(Debug, Default)]
pub(crate) struct FakeClock {
    hands: Mutex<Hands>,
    looked: Condvar,
}

#[derive(Debug, Default)]
struct Hands {
    now: Duration,
    waits: Vec<Duration>,
    looks: u64,
}

impl FakeClock {
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.hands.lock().unwrap().waits.clone()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.hands.lock().unwrap().now += by;
    }

    /// Returns how often somebody has looked at the clock.
    pub(crate) fn looks(&self) -> u64 {
        self.hands.lock().unwrap().looks
    }

    /// Waits until somebody has looked more often than that; not for ever.
    pub(crate) fn wait_for_look(&self, looks: u64) {
        let hands = self.hands.lock().unwrap();
        let unseen = |hands: &mut Hands| hands.looks <= looks;
        let waited = self
            .looked
            .wait_timeout_while(hands, Duration::from_secs(5), unseen);
        drop(waited.unwrap());
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        let mut hands = self.hands.lock().unwrap();
        hands.looks += 1;
        self.looked.notify_all();
        hands.now
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut hands = self.hands.lock().unwrap();
        hands.now += duration;
        hands.waits.push(duration);
        Box::pin(std::future::ready(()))
    }
}

/// A client with a cache of its own, as a process has it.
pub(crate) struct Client {
    pub(crate) registry: Registry,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<FakeClock>,
    _folder: tempfile::TempDir,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // In memory where there is one: fsync is most of what these tests would wait for.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let clock = Arc::<FakeClock>::default();
        let mut settings = Settings {
            clock: clock.clone(),
            silence_timeout: Duration::from_secs(20),
            retry: RetrySettings {
                first_delay: Duration::from_millis(1),
                ..RetrySettings::default()
            },
            ..Settings::default()
        };
        change(&mut settings);
        Self {
            registry: Registry::new(settings, Cancel::default()).unwrap(),
            store: Arc::new(Store::open(folder.path()).unwrap()),
            clock,
            _folder: folder,
        }
    }

    pub(crate) fn push(
        &self,
        to: &str,
        what: &Taggable,
    ) -> Result<Descriptor, mizzen_registry::RegistryError> {
        self.registry
            .sink(reference(to), self.store.clone())
            .push(what)
    }

    pub(crate) fn pull(&self, from: &str) -> Result<Image, mizzen_registry::RegistryError> {
        let source = self.registry.source(reference(from), self.store.clone());
        source.image_for(&amd64())
    }
}

impl Client {
    /// Pulls into a layout; layers do not stop in the store.
    pub(crate) fn pull_straight(&self, from: &str, to: &Path) -> Result<Layout, RegistryError> {
        let source = self.registry.source(reference(from), self.store.clone());
        let what = source.straight().everything()?;
        let layout = Layout::new(to, Some("1"));
        layout.write(&what).map_err(|error| {
            let error = error.0.downcast::<LayoutError>().unwrap();
            let LayoutError::Io(error) = *error else {
                panic!("{error:?}");
            };
            *error
                .into_inner()
                .unwrap()
                .downcast::<RegistryError>()
                .unwrap()
        })?;
        Ok(layout)
    }
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(crate) fn amd64() -> Platform {
    "linux/amd64".parse().unwrap()
}

/// Returns an image with one layer for each text; the layers' bytes are the texts themselves.
pub(crate) fn image(layers: &[&str]) -> Image {
    image_for(&amd64(), layers)
}

pub(crate) fn image_for(platform: &Platform, layers: &[&str]) -> Image {
    let image = Image::scratch(platform);
    layers
        .iter()
        .fold(image, |image, text| image.append(addendum(text)))
}

pub(crate) fn addendum(text: &str) -> Addendum {
    let bytes = text.as_bytes();
    let layer = Layer {
        descriptor: Descriptor::of(MediaType::ImageLayerGzip, bytes),
        diff_id: DiffId(Digest::of(bytes)),
        blob: Arc::new(BytesBlob(bytes.into())),
    };
    Addendum {
        layer,
        history: History::default(),
    }
}

pub(crate) fn one(image: Image) -> Taggable {
    Taggable::Image(Box::new(image))
}

/// Returns an index of the images, in order.
pub(crate) fn index(images: Vec<Image>) -> Taggable {
    let entry = |image: &Image| Descriptor {
        platform: Some(image.config().platform()),
        ..image.manifest().descriptor().clone()
    };
    let index = Index::new(
        MediaType::ImageIndex,
        images.iter().map(entry).collect(),
        &BTreeMap::new(),
    );
    Taggable::Index(Box::new(index), images)
}

/// Reads every layer, so that each is fetched and verified.
pub(crate) fn read_layers(image: &Image) -> std::io::Result<Vec<String>> {
    let read = |layer: &Layer| std::io::read_to_string(layer.blob.open()?);
    image.layers().iter().map(read).collect()
}

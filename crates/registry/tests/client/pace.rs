//! A registry that answers drop by drop, or not at all, is left.

use crate::support::{Client, FakeClock, image, one, read_layers};
use mizzen_image::Taggable;
use mizzen_oci::Digest;
use mizzen_registry::{ErrorKind, HostSettings, RegistryError};
use mizzen_testkit::{Fault, MemoryRegistry};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// A registry of one image that sends some of it drop by drop; with each drop, time passes on the
/// client's clock.
struct Dripping {
    host: String,
    /// How often the slow part was asked for.
    asked: Arc<AtomicUsize>,
}

/// How something is sent: so many bytes at a time, and how long each takes.
#[derive(Clone, Copy)]
struct Drops {
    bytes: usize,
    take: Duration,
}

impl Dripping {
    /// Starts it; what has `slow` in its path comes in drops.
    fn start(what: &Taggable, slow: String, drops: Drops, clock: Arc<FakeClock>) -> Self {
        let image = &what.images()[0];
        let mut files = BTreeMap::new();
        let manifest = image.manifest().bytes().to_vec();
        for name in ["1".to_owned(), Digest::of(&manifest).to_string()] {
            files.insert(format!("/v2/shop/manifests/{name}"), manifest.clone());
        }
        let mut layer = Vec::new();
        let mut reader = image.layers()[0].blob.open().unwrap();
        reader.read_to_end(&mut layer).unwrap();
        for blob in [layer, image.config_bytes().to_vec()] {
            files.insert(format!("/v2/shop/blobs/{}", Digest::of(&blob)), blob);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let served = Arc::new(Served {
            files,
            slow,
            drops,
            clock,
            asked: asked.clone(),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (served, stream) = (served.clone(), stream.unwrap());
                std::thread::spawn(move || served.answer(stream));
            }
        });
        Self { host, asked }
    }
}

struct Served {
    files: BTreeMap<String, Vec<u8>>,
    slow: String,
    drops: Drops,
    clock: Arc<FakeClock>,
    asked: Arc<AtomicUsize>,
}

impl Served {
    /// Answers one request; `None` if the client went away.
    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let (method, path) = head(&mut stream)?;
        let body = &self.files[&path];
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {}\r\n\
             docker-content-digest: {}\r\ncontent-length: {}\r\n\r\n",
            mizzen_oci::MediaType::ImageManifest,
            Digest::of(body),
            body.len()
        );
        let mut looks = self.clock.looks();
        stream.write_all(head.as_bytes()).ok()?;
        if method == "HEAD" {
            return Some(());
        }
        if !path.contains(&self.slow) {
            return stream.write_all(body).ok();
        }
        self.asked.fetch_add(1, SeqCst);
        for piece in body.chunks(self.drops.bytes) {
            // What arrived is read before more comes.
            self.clock.wait_for_look(looks);
            self.clock.advance(self.drops.take);
            looks = self.clock.looks();
            stream.write_all(piece).ok()?;
        }
        Some(())
    }
}

/// Reads the head of a request: its method and path.
fn head(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut words = head.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

const A_BYTE_A_SECOND: Drops = Drops {
    bytes: 1,
    take: Duration::from_secs(1),
};

#[test]
fn a_document_or_a_layer_that_drips_is_asked_for_three_times() {
    let what = one(image(&[&"layer ".repeat(50)]));
    let image = &what.images()[0];
    for slow in [
        "/manifests/".to_owned(),
        image.manifest().config().digest.to_string(),
        image.layers()[0].descriptor.digest.to_string(),
    ] {
        let client = Client::new();
        let clock = client.clock.clone();
        let registry = Dripping::start(&what, slow.clone(), A_BYTE_A_SECOND, clock);
        let pulled = client.pull(&format!("{}/shop:1", registry.host));
        let read = pulled.and_then(|image| {
            read_layers(&image).map_err(|error| {
                *error
                    .into_inner()
                    .unwrap()
                    .downcast::<RegistryError>()
                    .unwrap()
            })
        });
        let error = read.unwrap_err();
        assert!(
            matches!(error, RegistryError::Slow { .. }),
            "{slow}: {error}"
        );
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(registry.asked.load(SeqCst), 3, "{slow}");
    }
}

#[test]
fn a_slow_host_may_be_allowed_for() {
    let what = one(image(&["a layer"]));
    let layer = what.images()[0].layers()[0].descriptor.digest.to_string();
    for slow in ["/manifests/".to_owned(), layer] {
        let clock = Arc::<FakeClock>::default();
        let registry = Dripping::start(&what, slow, A_BYTE_A_SECOND, clock.clone());
        let client = Client::with(|settings| {
            settings.clock = clock;
            let host = HostSettings {
                document_timeout: Some(Duration::from_secs(1000)),
                least_bytes_per_second: Some(0),
                ..HostSettings::default()
            };
            settings.hosts.insert(registry.host.clone(), host);
        });
        let image = client.pull(&format!("{}/shop:1", registry.host)).unwrap();
        assert_eq!(read_layers(&image).unwrap(), ["a layer"]);
    }
}

#[test]
fn a_layer_that_comes_steadily_may_take_as_long_as_it_takes() {
    let text = "x".repeat(200_000);
    let what = one(image(&[&text]));
    let layer = what.images()[0].layers()[0].descriptor.digest.to_string();
    let client = Client::new();
    let drops = Drops {
        bytes: 1100,
        take: Duration::from_secs(1),
    };
    let registry = Dripping::start(&what, layer, drops, client.clock.clone());
    let image = client.pull(&format!("{}/shop:1", registry.host)).unwrap();
    assert_eq!(read_layers(&image).unwrap(), [text]);
    assert_eq!(registry.asked.load(SeqCst), 1);
}

#[test]
fn a_registry_that_answers_nothing_is_asked_three_times() {
    let registry = MemoryRegistry::start();
    registry.play(|_, _| Some(Fault::Silence));
    let client = Client::with(|settings| settings.document_timeout = Duration::from_millis(20));
    let error = client
        .pull(&format!("{}/shop:1", registry.host()))
        .unwrap_err();
    assert!(matches!(error, RegistryError::Slow { .. }), "{error}");
    assert_eq!(registry.requests().len(), 3);
}

//! Every place where a registry names a digest or a size, and what a wrong one does there.

use crate::support::{Client, amd64, image, index, one, read_layers, reference};
use mizzen_image::{Artifact, Taggable};
use mizzen_oci::{Descriptor, Digest, Index, Manifest, MediaType};
use mizzen_registry::{ErrorKind, RegistryError};
use mizzen_store::BytesBlob;
use mizzen_testkit::registry::{Mount, Personality, Referrers};
use mizzen_testkit::{Fault, MemoryRegistry};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A registry with `shop:1`, an image of one layer, `shop:2`, another one, and `shop:both`, an index.
struct Scene {
    registry: MemoryRegistry,
    honest: Taggable,
    other: Taggable,
}

/// What a lie must come to.
enum Want {
    /// It is seen, and told with this in the text.
    Error(ErrorKind, &'static str),
    /// It has no effect.
    Harmless,
}

type Act = fn(&Scene, &Client) -> Result<(), RegistryError>;
/// Where, what the registry says there, what is done, what comes of it.
type Lie = (&'static str, fn(&Scene), Act, Want);

impl Scene {
    fn new() -> Self {
        let registry = MemoryRegistry::start();
        let (honest, other) = (one(image(&["a layer"])), one(image(&["another layer"])));
        let client = Client::new();
        let host = registry.host();
        client.push(&format!("{host}/shop:1"), &honest).unwrap();
        client.push(&format!("{host}/shop:2"), &other).unwrap();
        let both = index(vec![image(&["a layer"])]);
        client.push(&format!("{host}/shop:both"), &both).unwrap();
        Self {
            registry,
            honest,
            other,
        }
    }

    fn name(&self, rest: &str) -> String {
        format!("{}/shop{rest}", self.registry.host())
    }

    fn pinned(&self) -> String {
        self.name(&format!("@{}", self.honest.descriptor().digest))
    }

    fn layer(&self) -> Descriptor {
        self.honest.images()[0].layers()[0].descriptor.clone()
    }

    /// Says `headers` in every answer to `method` of a path that holds `part`.
    fn claims(&self, method: &'static str, part: &'static str, headers: &[(&'static str, String)]) {
        let headers = headers.to_vec();
        self.registry.play(move |_, request| {
            let is_meant = request.method == method && request.path.contains(part);
            is_meant.then(|| Fault::Claim(headers.clone()))
        });
    }

    fn put_manifest(&self, tag: &str, config: Descriptor, layer: Descriptor) {
        let media_type = MediaType::ImageManifest;
        let manifest = Manifest::new(media_type.clone(), config, vec![layer], BTreeMap::new());
        let bytes = manifest.bytes();
        self.registry
            .put_manifest("shop", Some(tag), media_type.as_ref(), bytes);
    }

    fn put_index(&self, tag: &str, change: fn(&mut Descriptor)) {
        let mut entry = self.honest.descriptor().clone();
        entry.platform = Some(amd64());
        change(&mut entry);
        let index = Index::new(MediaType::ImageIndex, vec![entry], &BTreeMap::new());
        let media_type = MediaType::ImageIndex;
        self.registry
            .put_manifest("shop", Some(tag), media_type.as_ref(), index.bytes());
    }
}

fn other_digest(scene: &Scene) -> [(&'static str, String); 1] {
    let digest = scene.other.descriptor().digest;
    [("docker-content-digest", digest.to_string())]
}

fn pull(client: &Client, name: &str) -> Result<Vec<String>, RegistryError> {
    let image = client.pull(name)?;
    read_layers(&image).map_err(|error| {
        let inner = error.into_inner().unwrap();
        *inner.downcast::<RegistryError>().unwrap()
    })
}

fn pull_is_honest(client: &Client, name: &str) -> Result<(), RegistryError> {
    assert_eq!(pull(client, name)?, ["a layer"]);
    Ok(())
}

const SAID_NO: ErrorKind = ErrorKind::SaidNo;
const FAILED: ErrorKind = ErrorKind::Failed;

const LIES: &[Lie] = &[
    (
        "the digest that the HEAD of a pinned manifest names",
        |scene| scene.claims("HEAD", "/manifests/", &other_digest(scene)),
        |scene, client| pull_is_honest(client, &scene.pinned()),
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the same, where only the digest is asked for",
        |scene| scene.claims("HEAD", "/manifests/", &other_digest(scene)),
        |scene, client| {
            let pinned = reference(&scene.pinned());
            client.registry.resolve(&pinned).map(drop)
        },
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the same, where everything is moved into a layout",
        |scene| scene.claims("HEAD", "/manifests/", &other_digest(scene)),
        |scene, client| {
            let folder = tempfile::tempdir().unwrap();
            let pulled = client.pull_straight(&scene.pinned(), folder.path());
            pulled.map(drop)
        },
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the bytes of a pinned manifest, with headers that fit them",
        |scene| {
            let (digest, bytes) = scene.registry.manifest("shop", "2").unwrap();
            let wanted = scene.honest.descriptor().digest.to_string();
            let honest = scene.honest.descriptor().clone();
            scene.registry.play(move |_, request| {
                let is_meant = request.path.ends_with(&wanted);
                is_meant.then(|| {
                    if request.method == "HEAD" {
                        let headers = [
                            ("docker-content-digest", honest.digest.to_string()),
                            ("content-length", honest.size_bytes.to_string()),
                        ];
                        return Fault::Claim(headers.to_vec());
                    }
                    assert_eq!(Digest::of(&bytes), digest);
                    Fault::OtherBody(bytes.to_vec())
                })
            });
        },
        |scene, client| pull_is_honest(client, &scene.pinned()),
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the digest that the GET of a tag names, where HEAD names none",
        |scene| {
            scene.registry.behave(Personality {
                head_names_digest: false,
                ..Personality::BY_THE_BOOK
            });
            scene.claims("GET", "/manifests/1", &other_digest(scene));
        },
        |scene, client| pull_is_honest(client, &scene.name(":1")),
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the size that the HEAD of a tag names",
        |scene| scene.claims("HEAD", "/manifests/", &[("content-length", "7".to_owned())]),
        |scene, client| pull_is_honest(client, &scene.name(":1")),
        Want::Harmless,
    ),
    (
        "the size of an index's entry",
        |scene| scene.put_index("lie", |entry| entry.size_bytes += 1),
        |scene, client| pull_is_honest(client, &scene.name(":lie")),
        Want::Error(FAILED, "bytes, want"),
    ),
    (
        "the digest of an index's entry",
        |scene| {
            let (_, bytes) = scene.registry.manifest("shop", "2").unwrap();
            scene.put_index("lie", |_| ());
            let digest = scene.honest.descriptor().digest.to_string();
            scene.registry.play(move |_, request| {
                let is_meant = request.method == "GET" && request.path.ends_with(&digest);
                is_meant.then(|| Fault::OtherBody(bytes.to_vec()))
            });
        },
        |scene, client| pull_is_honest(client, &scene.name(":lie")),
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the size of a config",
        |scene| {
            let mut config = scene.honest.images()[0].manifest().config().clone();
            config.size_bytes += 1;
            scene.put_manifest("lie", config, scene.layer());
        },
        |scene, client| pull_is_honest(client, &scene.name(":lie")),
        Want::Error(FAILED, "bytes, want"),
    ),
    (
        "the size of a config that is in the cache",
        |scene| {
            let mut config = scene.honest.images()[0].manifest().config().clone();
            config.size_bytes -= 1;
            scene.put_manifest("lie", config, scene.layer());
        },
        |scene, client| {
            pull_is_honest(client, &scene.name(":1"))?;
            pull_is_honest(client, &scene.name(":lie"))
        },
        Want::Error(FAILED, "bytes, want"),
    ),
    (
        "the bytes of a config",
        |scene| {
            let path = scene.honest.images()[0]
                .manifest()
                .config()
                .digest
                .to_string();
            scene.registry.play(move |_, request| {
                let is_meant = request.path.ends_with(&path);
                is_meant.then(|| Fault::OtherBody(b"{}".to_vec()))
            });
        },
        |scene, client| pull_is_honest(client, &scene.name(":1")),
        Want::Error(SAID_NO, "want sha256:"),
    ),
    (
        "the digest that a config's answer names",
        |scene| scene.claims("GET", "/blobs/", &other_digest(scene)),
        |scene, client| pull_is_honest(client, &scene.name(":1")),
        Want::Harmless,
    ),
    (
        "the size of a layer, too small",
        |scene| {
            let config = scene.honest.images()[0].manifest().config().clone();
            let mut layer = scene.layer();
            layer.size_bytes -= 1;
            scene.put_manifest("lie", config, layer);
        },
        |scene, client| pull_is_honest(client, &scene.name(":lie")),
        Want::Error(FAILED, "failed on layer"),
    ),
    (
        "the size of a layer, too large",
        |scene| {
            let config = scene.honest.images()[0].manifest().config().clone();
            let mut layer = scene.layer();
            layer.size_bytes += 1;
            scene.put_manifest("lie", config, layer);
        },
        |scene, client| pull_is_honest(client, &scene.name(":lie")),
        Want::Error(FAILED, "failed on layer"),
    ),
    (
        "the size of a layer that is in the cache",
        |scene| {
            let config = scene.honest.images()[0].manifest().config().clone();
            let mut layer = scene.layer();
            layer.size_bytes += 1;
            scene.put_manifest("lie", config, layer);
        },
        |scene, client| {
            pull_is_honest(client, &scene.name(":1"))?;
            pull_is_honest(client, &scene.name(":lie"))
        },
        Want::Error(FAILED, "failed on layer"),
    ),
    (
        "the range that a layer's answer says it is",
        |scene| {
            scene.registry.play(|_, request| {
                let is_layer = request.path.contains("/blobs/") && request.method == "GET";
                let range = ("content-range", "bytes 3-9/10".to_owned());
                (is_layer && request.headers.contains_key("range"))
                    .then(|| Fault::Claim(vec![range]))
                    .or_else(|| is_layer.then_some(Fault::CutAnswer))
            });
        },
        |scene, client| pull_is_honest(client, &scene.name(":1")),
        Want::Error(FAILED, ""),
    ),
    (
        "the size of a referrer in the registry's list",
        |scene| {
            attach(scene);
            let entry = listed(scene, |entry| entry.size_bytes += 1);
            scene.registry.play(move |_, request| {
                let is_meant = request.path.contains("/referrers/");
                is_meant.then(|| Fault::OtherBody(entry.clone()))
            });
        },
        read_referrers,
        Want::Error(FAILED, "bytes, want"),
    ),
    (
        "the subject of a referrer in the registry's list",
        |scene| {
            attach(scene);
            let subject = scene.honest.descriptor().digest.to_string();
            let to = format!("/v2/shop/referrers/{subject}");
            let from = format!("/referrers/{}", scene.other.descriptor().digest);
            let body = listed(scene, |_| ());
            assert_ne!(to, from);
            scene.registry.play(move |_, request| {
                request
                    .path
                    .ends_with(&from)
                    .then(|| Fault::OtherBody(body.clone()))
            });
        },
        |scene, client| {
            let source = client
                .registry
                .source(reference(&scene.name(":2")), client.store.clone());
            let found = source.artifacts(&scene.other.descriptor().digest, &["text/x"])?;
            assert_eq!(found.len(), 0);
            Ok(())
        },
        Want::Harmless,
    ),
    (
        "the bytes of the list of referrers under a tag, while one is added",
        |scene| {
            scene.registry.behave(Personality {
                referrers: Referrers::Unknown,
                ..Personality::BY_THE_BOOK
            });
            attach(scene);
            let is_flipped = AtomicBool::new(false);
            scene.registry.play(move |_, request| {
                let is_list = request.path.contains("/manifests/sha256-");
                let is_meant = is_list && request.method == "GET";
                (is_meant && !is_flipped.swap(true, Ordering::Relaxed)).then_some(Fault::FlipByte)
            });
        },
        |scene, client| {
            // A list that came flipped, and is taken for none, would lose its first entry.
            let subject = scene.honest.descriptor().clone();
            let repository = reference(&scene.name(":1")).repository;
            client
                .registry
                .attach(&repository, &artifact(&subject, "second"))?;
            let tag = format!("sha256-{}", subject.digest.hex());
            let (_, bytes) = scene.registry.manifest("shop", &tag).unwrap();
            let index = Index::parse(bytes.to_vec(), None).unwrap();
            assert_eq!(index.manifests().len(), 2);
            Ok(())
        },
        Want::Harmless,
    ),
    (
        "the digest that the answer to a sent blob names",
        |scene| scene.claims("PUT", "/blobs/", &other_digest(scene)),
        |scene, client| {
            client
                .push(&scene.name(":3"), &one(image(&["new"])))
                .map(drop)
        },
        Want::Error(FAILED, "not as sha256:"),
    ),
    (
        "the digest that the answer to a mount names",
        |scene| {
            scene.registry.behave(Personality {
                mount: Mount::Done,
                ..Personality::BY_THE_BOOK
            });
            scene.registry.play(|_, request| {
                let claim = ("docker-content-digest", Digest::of(b"x").to_string());
                request
                    .query
                    .contains_key("mount")
                    .then(|| Fault::Claim(vec![claim]))
            });
        },
        |scene, client| {
            let what = one(client.pull(&scene.name(":1"))?);
            let to = format!("{}/elsewhere:1", scene.registry.host());
            client.push(&to, &what)?;
            // It is sent where the mount is in doubt.
            assert_eq!(client.registry.counts().mounted_bytes, 0);
            Ok(())
        },
        Want::Harmless,
    ),
    (
        "the digest that the answer to a manifest names",
        |scene| scene.claims("PUT", "/manifests/", &other_digest(scene)),
        |scene, client| {
            client
                .push(&scene.name(":3"), &one(image(&["new"])))
                .map(drop)
        },
        Want::Error(FAILED, "not as sha256:"),
    ),
    (
        "the size of a blob that the registry says it has",
        |scene| {
            // Cut off on the registry's disk, as it were.
            let digest = scene.layer().digest.to_string();
            scene.registry.play(move |_, request| {
                let is_meant = request.method == "HEAD" && request.path.ends_with(&digest);
                is_meant.then(|| Fault::Claim(vec![("content-length", "0".to_owned())]))
            });
        },
        |scene, client| {
            client.push(&scene.name(":4"), &scene.honest)?;
            let requests = scene.registry.requests();
            let digest = scene.layer().digest.to_string();
            let is_sent = requests
                .iter()
                .any(|it| it.is_blob_upload() && it.query.get("digest") == Some(&digest));
            assert!(is_sent);
            Ok(())
        },
        Want::Harmless,
    ),
    (
        "the digest under a tag, after the tag was refused",
        |scene| {
            let digest = one(image(&["new"])).descriptor().digest.to_string();
            scene.registry.play(move |number, request| {
                let is_tag = request.path.ends_with("/manifests/1");
                let claim = ("docker-content-digest", digest.clone());
                match &*request.method {
                    "PUT" if is_tag => Some(Fault::Status(400, Vec::new())),
                    "HEAD" if is_tag && number > 0 => Some(Fault::Claim(vec![claim])),
                    _ => None,
                }
            });
        },
        |scene, client| {
            let what = one(image(&["new"]));
            client.push(&scene.name(":1"), &what)?;
            let (digest, _) = scene.registry.manifest("shop", "1").unwrap();
            assert_eq!(digest, what.descriptor().digest);
            Ok(())
        },
        Want::Error(SAID_NO, "refused manifest"),
    ),
];

fn artifact(subject: &Descriptor, text: &str) -> Artifact {
    let media_type = MediaType::from("text/x");
    let blob = (
        Descriptor::of(media_type, text.as_bytes()),
        Arc::new(BytesBlob(text.as_bytes().into())) as Arc<_>,
    );
    Artifact::new("text/x", subject, vec![blob], &BTreeMap::new())
}

fn attach(scene: &Scene) {
    let repository = reference(&scene.name(":1")).repository;
    let artifact = artifact(scene.honest.descriptor(), "first");
    let client = Client::new();
    client.registry.attach(&repository, &artifact).unwrap();
}

/// Returns the list with the one entry, changed.
fn listed(scene: &Scene, change: fn(&mut Descriptor)) -> Vec<u8> {
    let mut entry = artifact(scene.honest.descriptor(), "first").entry();
    change(&mut entry);
    let index = Index::new(MediaType::ImageIndex, vec![entry], &BTreeMap::new());
    index.bytes().to_vec()
}

fn read_referrers(scene: &Scene, client: &Client) -> Result<(), RegistryError> {
    let source = client
        .registry
        .source(reference(&scene.name(":1")), client.store.clone());
    let found = source.artifacts(&scene.honest.descriptor().digest, &["text/x"])?;
    assert_eq!(found.len(), 1);
    Ok(())
}

#[test]
fn a_wrong_digest_or_size_is_seen_wherever_a_registry_names_one() {
    let mut wrong = Vec::new();
    for (place, lie, act, want) in LIES {
        let scene = Scene::new();
        lie(&scene);
        scene.registry.forget_requests();
        let acted =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(&scene, &Client::new())));
        let got = match (acted, want) {
            (Err(_), _) => "other content was taken".to_owned(),
            (Ok(Ok(())), Want::Harmless) => continue,
            (Ok(Ok(())), Want::Error(..)) => "the lie was believed".to_owned(),
            (Ok(Err(error)), Want::Error(kind, text))
                if error.kind() == *kind && error.to_string().contains(text) =>
            {
                continue;
            }
            (Ok(Err(error)), _) => format!("{:?} {error}", error.kind()),
        };
        wrong.push(format!("{place}: {got}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Documents of registries, and references: nothing makes their readers panic, and what they take
//! means the same when it is written and read again.

use mizzen_fuzz::{fuzz, mutated, mutated_json};
use mizzen_oci::{
    DiffId, Digest, History, ImageConfig, Index, Manifest, MediaType, MediaTypeExt, Reference,
};
use std::collections::BTreeMap;

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":2,"data":"e30="},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":32654,"urls":["https://a/b"],"annotations":{"a":"b"}}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7},"annotations":{"a":"b"}}"#;
const DOCKER_MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":1,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"layers":[]}"#;
const INDEX: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7143,"platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1","os.features":["x"]}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1,"platform":{"architecture":"unknown","os":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}],"annotations":{"a":"b"}}"#;
const CONFIG: &[u8] = br#"{"created":"2015-10-31T22:22:56.015925234Z","author":"a","architecture":"amd64","os":"linux","variant":"v2","config":{"User":"1654:1654","ExposedPorts":{"8080/tcp":{}},"Env":["PATH=/bin","A=b"],"Entrypoint":["/app"],"Cmd":["x"],"Volumes":{"/v":{}},"WorkingDir":"/app","Labels":{"a":"b"},"Healthcheck":{"Test":["CMD","x"],"Interval":1}},"rootfs":{"diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],"type":"layers"},"history":[{"created":"x","created_by":"y","empty_layer":true},{"comment":"z"}]}"#;

const WORDS: &[&str] = &[
    "",
    "schemaVersion",
    "mediaType",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "config",
    "layers",
    "digest",
    "sha256:",
    "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "size",
    "platform",
    "rootfs",
    "diff_ids",
    "history",
    "Labels",
    "Env",
    "A=",
    "linux",
    "arm64",
    "null",
    "\u{1b}[2J",
];

#[test]
fn fuzz_manifests() {
    let inputs = mutated_json(&[MANIFEST, DOCKER_MANIFEST, INDEX], WORDS);
    fuzz("manifests", inputs, |bytes| {
        for content_type in [None, Some(MediaType::ImageManifest)] {
            let Ok(manifest) = Manifest::parse(bytes.to_vec(), content_type) else {
                continue;
            };
            assert_eq!(manifest.bytes()[..], bytes[..]);
            assert_eq!(manifest.descriptor().digest, Digest::of(&bytes));
            drop(manifest.to_json());
            let again = Manifest::new(
                manifest.descriptor().media_type.clone(),
                manifest.config().clone(),
                manifest.layers().to_vec(),
                manifest.annotations().clone(),
            );
            let read = Manifest::parse(again.bytes().to_vec(), None);
            assert_eq!(read.expect("it was written"), again);
        }
    });
}

#[test]
fn fuzz_index() {
    let inputs = mutated_json(&[INDEX, MANIFEST], WORDS);
    fuzz("index", inputs, |bytes| {
        // It is written and read once more below, which no verb does: of the largest that readers take,
        // that alone is too much.
        if bytes.len() > 8 << 20 {
            return;
        }
        let Ok(index) = Index::parse(bytes.to_vec(), None) else {
            return;
        };
        assert_eq!(index.bytes()[..], bytes[..]);
        assert!(index.descriptor().media_type.is_index());
        for platform in ["linux/arm64", "linux/arm/v7", "unknown/unknown"] {
            let platform = platform.parse().expect("a platform");
            let found = index.find(&platform);
            assert!(found.is_none_or(|found| found.platform.is_some()));
        }
        drop(index.platforms());
        let media_type = index.descriptor().media_type.clone();
        let again = Index::new(media_type, index.manifests().to_vec(), &BTreeMap::new());
        let read = Index::parse(again.bytes().to_vec(), None);
        assert_eq!(read.expect("it was written"), again);
    });
}

#[test]
fn fuzz_config() {
    fuzz("config", mutated_json(&[CONFIG], WORDS), |bytes| {
        let Ok(mut config) = ImageConfig::parse(&bytes) else {
            return;
        };
        let again = ImageConfig::parse(&config.to_bytes());
        assert_eq!(again.expect("it was written"), config);
        drop((config.platform(), config.history(), config.labels()));
        drop((
            config.user().map(str::to_owned),
            config.env("A").map(str::to_owned),
        ));
        let layers = config.diff_ids().len();
        config.push_layer(DiffId(Digest::of(b"")), &History::default());
        config.set_env("A", "b");
        config.run_set("User", "1654".into());
        config.run_remove("Cmd");
        config.add_labels(&[("a".to_owned(), "b".to_owned())].into());
        config.expose(["8080/tcp"]);
        assert_eq!(config.diff_ids().len(), layers + 1);
        assert_eq!(config.env("A"), Some("b"));
        let again = ImageConfig::parse(&config.to_bytes());
        assert_eq!(again.expect("it was written"), config);
    });
}

#[test]
fn fuzz_references() {
    let seeds = [
        "registry.example:5000/acme/shop:1.4@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "[::1]:5000/shop",
        "ubuntu",
        "localhost/a__b/c-d.e:Tag_1",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    let words = &[
        "/",
        ":",
        "@",
        "..",
        "sha256:",
        "docker.io/",
        "//",
        "\u{1b}",
        "ß",
    ];
    fuzz("references", mutated(seeds, words), |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        let Ok(reference) = text.parse::<Reference>() else {
            return;
        };
        let written = reference.to_string();
        assert!(
            written.chars().all(|it| it.is_ascii_graphic()),
            "{written:?} is shown and sent as it is"
        );
        assert_eq!(written.parse(), Ok(reference.clone()), "{written:?}");
        assert!(reference.repository.name.len() <= 255, "{written:?}");
        drop(reference.name_in_repository());
    });
}

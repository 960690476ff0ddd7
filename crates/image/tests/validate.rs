//! Planted defects are found, each by its own message.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs is there, or the test has failed"
)]

use Plant::{Blob, Config, Manifest, Tar};
use mizzen_image::{Image, Taggable, validate, validate_all};
use mizzen_oci::{Descriptor, Digest, Index};
use mizzen_store::BytesBlob;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use tar::EntryType;

/// Where a defect is planted; what depends on the place is made sound around it.
#[derive(Clone, Copy)]
enum Plant {
    /// In the tar of the layer: what it holds.
    Tar(fn() -> Vec<u8>),
    /// In the bytes of the layer's blob, after it was named.
    Blob(fn(&mut Vec<u8>)),
    /// At this place of the config, this JSON.
    Config(&'static str, &'static str),
    /// At this place of the manifest, this JSON.
    Manifest(&'static str, &'static str),
}

const OTHER_DIFF_ID: &str =
    r#"["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]"#;
const FILE: EntryType = EntryType::Regular;

/// What the message of each must contain.
const PLANTS: [(&str, Plant); 36] = [
    ("is corrupt: got sha256:", Blob(|bytes| bytes[20] ^= 1)),
    (
        "bytes, its descriptor says",
        Blob(|bytes| bytes.truncate(30)),
    ),
    ("bytes, its descriptor says", Blob(|bytes| bytes.push(0))),
    ("cannot be unpacked", Tar(|| b"no tar".repeat(200))),
    (
        "cannot be unpacked",
        Tar(|| tar_of(&[("x", FILE, "")])[..700].to_vec()),
    ),
    ("`../x` of layer", Tar(|| tar_of(&[("../x", FILE, "")]))),
    (
        "`a/../../x` of layer",
        Tar(|| tar_of(&[("a/../../x", FILE, "")])),
    ),
    (
        "appears twice",
        Tar(|| tar_of(&[("x", FILE, ""), ("./x", FILE, "")])),
    ),
    (
        "appears twice",
        Tar(|| tar_of(&[("x/", EntryType::Directory, ""), ("x", FILE, "")])),
    ),
    (
        "is below a file",
        Tar(|| tar_of(&[("x", FILE, ""), ("x/y", FILE, "")])),
    ),
    (
        "hard link out of the root",
        Tar(|| tar_of(&[("x", EntryType::Link, "../y")])),
    ),
    (
        "a type that is not allowed",
        Tar(|| tar_of(&[("x", EntryType::new(b'M'), "")])),
    ),
    (
        "the config names",
        Config("/rootfs/diff_ids", OTHER_DIFF_ID),
    ),
    (
        "has 1 layers, its config 0",
        Config("/rootfs/diff_ids", "[]"),
    ),
    ("`rootfs.type`", Config("/rootfs/type", r#""Layers""#)),
    ("`history`", Config("/history", "[{}, {}]")),
    ("`created`", Config("/created", r#""yesterday""#)),
    ("`created`", Config("/history/0/created", r#""1970-01-01""#)),
    ("`os`", Config("/os", r#""""#)),
    ("is malformed", Config("/architecture", "null")),
    ("`config.Env`", Config("/config/Env", r#"["=x"]"#)),
    (
        "`config.Entrypoint`",
        Config("/config/Entrypoint", r#""dotnet x""#),
    ),
    (
        "`config.WorkingDir`",
        Config("/config/WorkingDir", r#""app""#),
    ),
    ("`config.User`", Config("/config/User", "1654")),
    (
        "`config.ExposedPorts`",
        Config("/config/ExposedPorts", r#"{"http":{}}"#),
    ),
    (
        "`config.Healthcheck` cannot be read: `Interval`",
        Config(
            "/config/Healthcheck",
            r#"{"Test":["CMD","/app/x"],"Interval":"30s"}"#,
        ),
    ),
    (
        "`config.Healthcheck` cannot be read: `Test`",
        Config("/config/Healthcheck", r#"{"Test":["/app/x"]}"#),
    ),
    ("`config.Labels`", Config("/config/Labels", r#"{"a":1}"#)),
    ("`schemaVersion`", Manifest("/schemaVersion", "3")),
    (
        "not of the manifest's family",
        Manifest(
            "/layers/0/mediaType",
            r#""application/vnd.docker.image.rootfs.diff.tar.gzip""#,
        ),
    ),
    (
        "not of the manifest's family",
        Manifest(
            "/config/mediaType",
            r#""application/vnd.docker.container.image.v1+json""#,
        ),
    ),
    (
        "which is not that of a layer",
        Manifest("/layers/0/mediaType", r#""text/plain""#),
    ),
    (
        "which is not that of an image config",
        Manifest("/config/mediaType", r#""text/plain""#),
    ),
    (
        "cannot be unpacked",
        Manifest(
            "/layers/0/mediaType",
            r#""application/vnd.oci.image.layer.v1.tar""#,
        ),
    ),
    ("config has", Manifest("/config/size", "1")),
    (
        "is corrupt",
        Manifest(
            "/config/digest",
            r#""sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#,
        ),
    ),
];

fn entry(tar: &mut tar::Builder<Vec<u8>>, path: &str, kind: EntryType, link: &str) {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.as_ustar_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    tar.append(&header, &b""[..]).unwrap();
}

fn tar_of(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, link) in entries {
        entry(&mut tar, path, *kind, link);
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() })
}

/// A sound image of one layer, but for the plant; `Err` if it cannot even be put together.
fn image(plant: Option<Plant>) -> Result<Image, String> {
    let mut tar = tar_of(&[("app/", EntryType::Directory, ""), ("app/x", FILE, "")]);
    if let Some(Tar(make)) = plant {
        tar = make();
    }
    let mut blob = gzip(&tar);
    let mut config = json!({
        "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": "1654", "WorkingDir": "/app", "Env": ["A=1"], "Entrypoint": ["dotnet", "/app/x"],
            "ExposedPorts": { "8080/tcp": {} }, "Labels": { "a": "b" },
            "Healthcheck": null,
        },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar)] },
        "history": [{ "created": "1970-01-01T00:00:00Z" }, { "empty_layer": true }],
    });
    if let Some(Config(place, value)) = plant {
        *config.pointer_mut(place).unwrap() = value.parse().unwrap();
    }
    let config = config.to_string().into_bytes();
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &blob)],
        "annotations": { "a": "b" },
    });
    if let Some(Manifest(place, value)) = plant {
        *manifest.pointer_mut(place).unwrap() = value.parse().unwrap();
    }
    if let Some(Blob(edit)) = plant {
        edit(&mut blob);
    }
    let manifest = mizzen_oci::Manifest::parse(manifest.to_string().into_bytes(), None)
        .map_err(|error| error.to_string())?;
    let blob: Arc<dyn mizzen_store::Blob> = Arc::new(BytesBlob(blob.into()));
    Image::from_parts(manifest, &config, |_| blob.clone()).map_err(|error| error.to_string())
}

#[test]
fn a_sound_image_passes() {
    let image = image(None).unwrap();
    assert_eq!(validate(&image, None), Ok(()));
    let platform = "linux/amd64".parse().unwrap();
    assert_eq!(validate(&image, Some(&platform)), Ok(()));
}

#[test]
fn each_planted_defect_is_found_and_named() {
    for (number, (want, plant)) in PLANTS.into_iter().enumerate() {
        let got = match image(Some(plant)) {
            Err(error) => error,
            Ok(image) => {
                let defects = validate(&image, None).err().unwrap_or_default();
                let lines = defects.iter().map(ToString::to_string);
                lines.collect::<Vec<_>>().join("\n")
            }
        };
        assert!(
            got.contains(want),
            "plant {number}: want {want}, got: {got}"
        );
    }
}

#[test]
fn an_image_for_another_platform_is_found() {
    let platform = "linux/arm64".parse().unwrap();
    let defects = validate(&image(None).unwrap(), Some(&platform)).unwrap_err();
    assert!(
        defects[0]
            .to_string()
            .ends_with("is for linux/amd64, want linux/arm64")
    );
}

type Edit = fn(&mut Value);

#[test]
fn an_index_is_compared_with_its_images() {
    let image = image(None).unwrap();
    let found = |edit: Edit| {
        let mut entry = json!(image.manifest().descriptor());
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        let mut index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        });
        edit(&mut index);
        let index = Index::parse(index.to_string().into_bytes(), None).unwrap();
        let what = Taggable::Index(Box::new(index), vec![image.clone()]);
        validate_all(&what).err().unwrap_or_default()
    };
    assert_eq!(found(|_| ()), []);
    let plants: [(&str, Edit); 6] = [
        ("want linux/arm64", |index| {
            index["manifests"][0]["platform"]["architecture"] = json!("arm64");
        }),
        ("is not there", |index| {
            index["manifests"][0]["platform"] = Value::Null;
        }),
        ("appears twice", |index| {
            let entry = index["manifests"][0].clone();
            index["manifests"].as_array_mut().unwrap().push(entry);
        }),
        ("its descriptor says", |index| {
            index["manifests"][0]["size"] = json!(1);
        }),
        ("does not name", |index| {
            index["manifests"][0]["digest"] = json!(Digest::of(b""));
        }),
        ("which is not of the index's family", |index| {
            index["manifests"][0]["mediaType"] =
                json!("application/vnd.docker.distribution.manifest.v2+json");
        }),
    ];
    for (want, edit) in plants {
        let defects = found(edit);
        let named = defects
            .iter()
            .any(|defect| defect.to_string().contains(want));
        assert!(named, "want {want}, got {defects:?}");
    }
}

/// As `BuildKit` makes them: layers of statements, for no platform.
#[test]
fn an_attestation_beside_an_image_is_no_defect_unless_its_bytes_are_others() {
    let found = |bytes: &'static [u8]| {
        let config = br#"{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":["DIGEST"]}}"#;
        let digest = Digest::of(b"{}").to_string();
        let config = String::from_utf8_lossy(config)
            .replace("DIGEST", &digest)
            .into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.in-toto+json", b"{}")],
        });
        let manifest =
            mizzen_oci::Manifest::parse(manifest.to_string().into_bytes(), None).unwrap();
        let mut entry = json!(manifest.descriptor());
        entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        });
        let index = Index::parse(index.to_string().into_bytes(), None).unwrap();
        let blob: Arc<dyn mizzen_store::Blob> = Arc::new(BytesBlob(bytes.into()));
        let image = Image::from_parts(manifest, &config, |_| blob.clone()).unwrap();
        validate_all(&Taggable::Index(Box::new(index), vec![image]))
    };
    assert_eq!(found(b"{}"), Ok(()));
    assert!(found(b"[]").is_err());
}

/// The digest that a descriptor says is compared, not taken.
#[test]
fn a_descriptor_without_its_bytes_is_a_defect() {
    #[derive(Debug)]
    struct Missing;
    impl mizzen_store::Blob for Missing {
        fn open(&self) -> std::io::Result<Box<dyn std::io::Read + Send>> {
            Err(std::io::Error::other("gone"))
        }
    }
    let sound = image(None).unwrap();
    let missing = |_: &Descriptor| -> Arc<dyn mizzen_store::Blob> { Arc::new(Missing) };
    let image = Image::from_parts(sound.manifest().clone(), sound.config_bytes(), missing).unwrap();
    let defects = validate(&image, None).unwrap_err();
    assert!(
        defects[0].to_string().ends_with("cannot be read: gone"),
        "{}",
        defects[0]
    );
}

//! No image takes much memory or time, whatever its layers say: each verb runs with 256 MiB.

use crate::support::{Run, User, testdata};
use flate2::Compression;
use flate2::write::GzEncoder;
use mizzen_image::{Addendum, Image, Layer, Layout, Sink, Taggable};
use mizzen_oci::{Descriptor, DiffId, Digest, History, MediaType};
use mizzen_store::BytesBlob;
use mizzen_testkit::{DockerRegistry, MemoryRegistry};
use std::io::{Read, Write, repeat};
use std::path::Path;
use std::sync::Arc;

const MEMORY_KIBIBYTES: u32 = 256 << 10;
const MANY_BYTES: u64 = 400 << 20;

/// A tar header of this type, whose content is said to have so many bytes.
fn header(kind: u8, name: &str, size: u64) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    // As base 256, which takes every number.
    header[124] = 0x80;
    header[128..136].copy_from_slice(&size.to_be_bytes());
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

fn write(folder: &Path, media_type: MediaType, blob: Vec<u8>) -> String {
    let layer = Layer {
        descriptor: Descriptor::of(media_type, &blob),
        diff_id: DiffId(Digest::of(folder.to_str().unwrap().as_bytes())),
        blob: Arc::new(BytesBlob(blob.into())),
    };
    let history = History::default();
    let image = Image::scratch(&"linux/amd64".parse().unwrap());
    let image = image.append(Addendum { layer, history });
    let layout = Layout::new(folder, Some("latest"));
    layout.write(&Taggable::Image(Box::new(image))).unwrap();
    format!("oci:{}", folder.display())
}

fn gzip(tar: impl FnOnce(&mut dyn Write)) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    tar(&mut gzip);
    gzip.finish().unwrap()
}

fn zeros(to: &mut dyn Write, bytes: u64) {
    std::io::copy(&mut repeat(b'a').take(bytes), to).unwrap();
}

/// Runs every verb that reads layers; returns how each ended.
fn read(user: &User, image: &str) -> [Run; 3] {
    [
        &["inspect", "--files", image][..],
        &["validate", image],
        &["diff", image, "oci:empty"],
    ]
    .map(|line| {
        let run = user.run_in_memory(MEMORY_KIBIBYTES, line);
        // 134: it asked for more memory, and was ended. 7 would be the disk's fault.
        assert!(
            [0, 6].contains(&run.code),
            "{line:?}: {} {}",
            run.code,
            run.stderr
        );
        assert!(run.stderr.len() < 1 << 20, "{line:?}");
        run
    })
}

fn empty(user: &User) {
    write(&user.path("empty"), MediaType::ImageLayer, vec![0; 1024]);
}

#[test]
fn headers_that_say_more_than_a_mebibyte_are_not_held_in_memory() {
    let user = User::without_sdk();
    empty(&user);
    for kind in [b'x', b'g', b'L', b'K'] {
        let blob = gzip(|tar| {
            tar.write_all(&header(kind, "long", MANY_BYTES)).unwrap();
            zeros(tar, MANY_BYTES);
            tar.write_all(&header(b'0', "a", 0)).unwrap();
        });
        assert!(blob.len() < 4 << 20);
        let name = user.path(&format!("header-{kind}"));
        let image = write(&name, MediaType::ImageLayerGzip, blob);
        for run in read(&user, &image) {
            // What is global is not an entry's, and is passed over.
            let is_refused = run
                .stderr
                .contains("the headers of an entry in it are too long");
            assert!(is_refused || kind == b'g', "{}", run.stderr);
        }
    }
}

#[test]
fn many_entries_many_names_and_bombs_take_no_memory() {
    let user = User::without_sdk();
    empty(&user);
    let entries = |count: usize, width: usize| {
        gzip(|tar| {
            for number in 0..count {
                let name = format!("{number:0>width$}");
                tar.write_all(&header(b'0', &name, 0)).unwrap();
            }
            tar.write_all(&[0; 1024]).unwrap();
        })
    };
    // As many as are taken: nothing costs more.
    let most = write(
        &user.path("most"),
        MediaType::ImageLayerGzip,
        entries(200_000, 99),
    );
    let run = user.run_in_memory(MEMORY_KIBIBYTES, &["inspect", "--files", &most]);
    assert_eq!(run.success().stdout.matches("\n    -").count(), 200_000);
    read(&user, &most);
    let json = ["inspect", "--files", "--json", &most];
    drop(user.run_in_memory(MEMORY_KIBIBYTES, &json).success());
    let other = write(
        &user.path("other"),
        MediaType::ImageLayerGzip,
        entries(200_000, 98),
    );
    for line in [
        &["diff", &most, &other][..],
        &["diff", "--json", &most, &other],
    ] {
        let run = user.run_in_memory(MEMORY_KIBIBYTES, line).success();
        assert_eq!(run.stdout.matches("/000").count(), 400_000);
    }
    let more = write(
        &user.path("more"),
        MediaType::ImageLayerGzip,
        entries(200_001, 9),
    );
    for run in read(&user, &more) {
        assert!(
            run.stderr.contains("more than 200000 entries"),
            "{}",
            run.stderr
        );
    }
    let bomb = gzip(|tar| zeros(tar, MANY_BYTES));
    read(
        &user,
        &write(&user.path("gzip"), MediaType::ImageLayerGzip, bomb),
    );
    let mut bomb = zstd::Encoder::new(Vec::new(), 1).unwrap();
    // The window is the most that is taken: 128 MiB.
    bomb.set_parameter(zstd::zstd_safe::CParameter::WindowLog(27))
        .unwrap();
    bomb.write_all(&header(b'0', "a", MANY_BYTES)).unwrap();
    zeros(&mut bomb, MANY_BYTES);
    let bomb = bomb.finish().unwrap();
    read(
        &user,
        &write(&user.path("zstd"), MediaType::ImageLayerZstd, bomb),
    );
}

#[test]
fn a_sparse_file_is_not_read_for_ever() {
    let user = User::without_sdk();
    empty(&user);
    let mut file = header(b'S', "sparse", 0);
    // GNU's format: one piece of no bytes at the end of the file, and the size it would have: 8 GiB.
    file[257..265].copy_from_slice(b"ustar  \0");
    file[386..397].copy_from_slice(b"77777777777");
    file[398..409].copy_from_slice(b"00000000000");
    file[483..494].copy_from_slice(b"77777777777");
    file[148..156].copy_from_slice(b"        ");
    let sum: u32 = file.iter().map(|&byte| u32::from(byte)).sum();
    file[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let tar = [file, [0; 512], [0; 512]].concat();
    for run in read(
        &user,
        &write(&user.path("sparse"), MediaType::ImageLayer, tar),
    ) {
        assert!(
            run.stderr.contains("sparse files are too large"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn documents_that_are_large_in_memory_are_refused() {
    let user = User::without_sdk();
    let bomb = format!("[{}0]", "[],".repeat(1_000_000));
    let (deep, end) = ("[".repeat(1 << 20), "]".repeat(1 << 20));
    for (number, bytes) in [
        format!(r#"{{"schemaVersion":2,"manifests":[],"x":{bomb}}}"#),
        format!(r#"{{"schemaVersion":2,"manifests":[],"x":{deep}{end}}}"#),
        format!(r#"{{"schemaVersion":2,"manifests":{bomb}}}"#),
    ]
    .iter()
    .enumerate()
    {
        let folder = user.path(&format!("document-{number}"));
        let image = write(&folder, MediaType::ImageLayer, vec![0; 1024]);
        fs_err::write(folder.join("index.json"), bytes).unwrap();
        for verb in ["inspect", "validate"] {
            let run = user.run_in_memory(MEMORY_KIBIBYTES, &[verb, &image]);
            assert_eq!(run.code, 6, "{}", run.stderr);
        }
    }
}

/// The lines of the verbs that move an image, and of a build upon it.
fn move_and_build(image: &str, to: &str) -> Vec<Vec<String>> {
    let publish = testdata("publish/portable");
    let publish = publish.to_str().unwrap();
    let (one, two) = (format!("{to}/one:1"), format!("{to}/two:1"));
    let build = |base: &str| {
        vec![
            "build",
            "--from-publish",
            publish,
            "-o",
            "oci:made",
            "--base",
            base,
        ]
        .into_iter()
        .map(str::to_owned)
        .collect()
    };
    let line = |words: [&str; 3]| words.map(str::to_owned).to_vec();
    vec![
        line(["push", image, &one]),
        line(["copy", &one, &two]),
        line(["pull", &two, "oci:pulled"]),
        line(["pull", &two, "docker-archive:pulled.tar"]),
        build(image),
        build(&two),
    ]
}

#[test]
fn bombs_are_moved_and_built_upon_in_little_memory() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    let headers = gzip(|tar| {
        tar.write_all(&header(b'x', "long", MANY_BYTES)).unwrap();
        zeros(tar, MANY_BYTES);
        tar.write_all(&header(b'0', "a", 0)).unwrap();
    });
    let entries = gzip(|tar| {
        for number in 0..250_000 {
            let name = format!("{number:0>99}");
            tar.write_all(&header(b'0', &name, 0)).unwrap();
        }
    });
    for (name, layer) in [("headers", headers), ("entries", entries)] {
        let image = write(&user.path(name), MediaType::ImageLayerGzip, layer);
        // Such a user makes a build read the layers for their accounts.
        let to = format!("{}/{name}", registry.host());
        for line in move_and_build(&image, &to) {
            let mut line: Vec<&str> = line.iter().map(String::as_str).collect();
            if line[0] == "build" {
                line.extend(["--user", "app"]);
            }
            let run = user.run_in_memory(MEMORY_KIBIBYTES, &line);
            let wants: &[i32] = if line[0] == "build" { &[2, 6] } else { &[0] };
            assert!(
                wants.contains(&run.code),
                "{line:?}: {} {}",
                run.code,
                run.stderr
            );
        }
    }
}

#[test]
fn a_registrys_documents_that_are_large_in_memory_are_refused() {
    let user = User::without_sdk();
    let registry = MemoryRegistry::start();
    let bomb = format!("[{}0]", "[],".repeat(1_000_000));
    let (deep, end) = ("[".repeat(1 << 20), "]".repeat(1 << 20));
    for (number, extra) in [bomb, format!("{deep}{end}")].iter().enumerate() {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{}},"layers":[],"x":{extra}}}"#,
            MediaType::ImageManifest
        );
        let name = format!("bombs/{number}");
        registry.put_manifest(
            &name,
            Some("1"),
            MediaType::ImageManifest.as_ref(),
            manifest.as_bytes(),
        );
        let image = format!("{}/{name}:1", registry.host());
        let publish = testdata("publish/portable");
        let publish = publish.to_str().unwrap();
        let copied = format!("{}/copied:1", registry.host());
        for line in [
            &["inspect", &image][..],
            &["validate", &image],
            &["diff", &image, &image],
            &["pull", &image, "oci:pulled"],
            &["copy", &image, &copied],
            &[
                "build",
                "--from-publish",
                publish,
                "--base",
                &image,
                "-o",
                "oci:made",
            ],
        ] {
            let run = user.run_in_memory(MEMORY_KIBIBYTES, line);
            assert_eq!(run.code, 5, "{line:?}: {}", run.stderr);
        }
    }
}

#[test]
fn images_are_moved_without_being_held_in_memory() {
    let user = User::without_sdk();
    let registry = DockerRegistry::start().unwrap();
    let noise = |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = vec![0; 300 << 20];
        random.fill(&mut bytes);
        bytes
    };
    let image = write(&user.path("large"), MediaType::ImageLayer, noise(1));
    let [one, two] = ["a/one:1", "b/two:1"].map(|name| format!("{}/{name}", registry.host()));
    for line in [
        &["push", &image, &one][..],
        &["copy", &one, &two],
        &["pull", &two, "oci:pulled"],
        &["pull", &two, "oci-archive:pulled.tar"],
    ] {
        let run = user.run_in_memory(MEMORY_KIBIBYTES, line);
        assert_eq!(run.code, 0, "{line:?}: {}", run.stderr);
    }
}

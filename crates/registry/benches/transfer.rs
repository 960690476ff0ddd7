//! How fast a push and a pull are, and how much memory they take, beside `skopeo copy`: one layer of
//! 1 GiB, and 100 of 1 MiB, to and from Debian's `docker-registry` on loopback.
//!
//! `cargo bench -p mizzen-registry` prints a table; nothing is asserted, for times belong to the
//! machine. Each case runs in a process of its own, so that its peak of memory is its own.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::disallowed_methods, reason = "each case is a process")]

use mizzen_image::{Addendum, Image, Layer, Layout, Sink, Taggable};
use mizzen_oci::{Descriptor, DiffId, History, MediaType, Reference};
use mizzen_registry::{Registry, Settings};
use mizzen_store::{Cancel, Store};
use mizzen_testkit::DockerRegistry;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MEBIBYTE: u64 = 1024 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "push", layout, to] => push(Path::new(layout), to),
        [_, "pull", from, layout] => pull(from, Path::new(layout)),
        _ => table(),
    }
}

fn table() {
    let own = std::env::current_exe().unwrap();
    let mut table =
        String::from("| case | who | seconds | MiB/s | peak RSS MiB |\n|---|---|---|---|---|\n");
    for (case, layers, layer_bytes) in [
        ("1 x 1 GiB", 1, 1024 * MEBIBYTE),
        ("100 x 1 MiB", 100, MEBIBYTE),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        make_layout(&layout, layers, layer_bytes);
        let oci = |path: &Path| format!("oci:{}:latest", path.display());
        for who in ["mizzen", "skopeo"] {
            let registry = DockerRegistry::start().unwrap();
            let reference = format!("{}/bench:1", registry.host());
            let pulled = folder.path().join(who);
            let docker = format!("docker://{reference}");
            let (push, pull) = if who == "mizzen" {
                let mut push = Command::new(&own);
                push.arg("push").arg(&layout).arg(&reference);
                let mut pull = Command::new(&own);
                pull.arg("pull").arg(&reference).arg(&pulled);
                (push, pull)
            } else {
                let mut push = Command::new("skopeo");
                push.args(["copy", "--quiet", "--dest-tls-verify=false"])
                    .args([&oci(&layout), &docker]);
                let mut pull = Command::new("skopeo");
                pull.args(["copy", "--quiet", "--src-tls-verify=false"])
                    .args([&docker, &oci(&pulled)]);
                (push, pull)
            };
            for (verb, command) in [("push", push), ("pull", pull)] {
                let (time, peak_kib) = measure(command);
                let mebibytes = layers as u64 * layer_bytes / MEBIBYTE;
                let milliseconds = u64::try_from(time.as_millis()).unwrap();
                let rate = mebibytes * 1000 / milliseconds;
                let (seconds, peak) = (time.as_secs_f64(), peak_kib / 1024);
                writeln!(
                    table,
                    "| {verb} {case} | {who} | {seconds:.2} | {rate} | {peak} |"
                )
                .unwrap();
            }
        }
    }
    println!("{table}");
}

/// Writes an image whose layers cannot be compressed.
fn make_layout(folder: &Path, layers: usize, layer_bytes: u64) {
    let store_folder = tempfile::tempdir().unwrap();
    let store = Store::open(store_folder.path()).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let mut image = Image::scratch(&"linux/amd64".parse().unwrap());
    for _ in 0..layers {
        let mut writer = store.writer().unwrap();
        // What begins like gzip is taken for it, and sent as it is.
        writer
            .write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
            .unwrap();
        let mut piece = vec![0; 64 * 1024];
        for _ in 0..layer_bytes / piece.len() as u64 {
            random.fill(&mut piece);
            writer.write_all(&piece).unwrap();
        }
        let (digest, size_bytes) = writer.commit().unwrap();
        let layer = Layer {
            descriptor: Descriptor::new(MediaType::ImageLayerGzip, digest, size_bytes),
            diff_id: DiffId(digest),
            blob: Arc::new(store.blob(&digest, size_bytes).unwrap()),
        };
        image = image.append(Addendum {
            layer,
            history: History::default(),
        });
    }
    let layout = Layout::new(folder, Some("latest"));
    layout.write(&Taggable::Image(Box::new(image))).unwrap();
}

fn registry_and_store() -> (Registry, Arc<Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path()).unwrap());
    let registry = Registry::new(Settings::default(), Cancel::default()).unwrap();
    (registry, store, folder)
}

fn push(layout: &Path, to: &str) {
    let (registry, store, _folder) = registry_and_store();
    let what = Layout::new(layout, Some("latest")).read().unwrap();
    registry
        .sink(to.parse::<Reference>().unwrap(), store)
        .push(&what)
        .unwrap();
}

fn pull(from: &str, layout: &Path) {
    let (registry, store, _folder) = registry_and_store();
    let source = registry.source(from.parse::<Reference>().unwrap(), store);
    let image = source.image_for(&"linux/amd64".parse().unwrap()).unwrap();
    registry.fetch_layers(std::slice::from_ref(&image)).unwrap();
    let layout = Layout::new(layout, Some("latest"));
    layout.write(&Taggable::Image(Box::new(image))).unwrap();
}

/// Runs a command; returns its time and its peak of memory.
fn measure(mut command: Command) -> (Duration, u64) {
    let started = Instant::now();
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let mut peak_kib = 0;
    loop {
        peak_kib = peak_kib.max(peak_of(&process));
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{command:?}");
            return (started.elapsed(), peak_kib);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn peak_of(process: &Child) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{}/status", process.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0)
}

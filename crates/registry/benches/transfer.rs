//! How fast a push and a pull are, and how much memory they take, beside `skopeo copy`: one layer of
//! 1 GiB, and 100 of 1 MiB, to and from Debian's `docker-registry` on loopback, in the clear and over
//! TLS.
//!
//! `cargo bench -p mizzen-registry` prints a table; nothing is asserted, for times belong to the
//! machine. Each case runs in a process of its own, so that its peak of memory is its own.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::disallowed_methods, reason = "each case is a process")]

use mizzen_image::{Addendum, Image, Layer, Layout, Sink, Taggable};
use mizzen_oci::{Descriptor, DiffId, History, MediaType, Reference};
use mizzen_registry::{HostSettings, Registry, Settings};
use mizzen_store::{Cancel, Store};
use mizzen_testkit::{Certificates, DockerRegistry, DockerRegistrySettings};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MEBIBYTE: u64 = 1024 * 1024;

/// How often each case is run; the table has the middle one.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "push", layout, to, ca] => push(Path::new(layout), to, Path::new(ca)),
        [_, "pull", from, layout, ca] => pull(from, Path::new(layout), Path::new(ca)),
        _ => table(),
    }
}

/// What one run took.
#[derive(Clone, Copy, Default)]
struct Measured {
    time: Duration,
    /// In user and kernel together: it does not depend on who else is on the machine.
    cpu: Duration,
    peak_kib: u64,
}

fn table() {
    let mut table = String::from(
        "| case | who | seconds | MiB/s | CPU s | peak RSS MiB |\n|---|---|---|---|---|---|\n",
    );
    for (case, layers, layer_bytes) in [
        ("1 x 1 GiB", 1, 1024 * MEBIBYTE),
        ("100 x 1 MiB", 100, MEBIBYTE),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        make_layout(&layout, layers, layer_bytes);
        for over in ["HTTP", "TLS"] {
            let mut rows: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
            for _ in 0..ROUNDS {
                for who in ["mizzen", "skopeo"] {
                    for (verb, measured) in round(who, &layout, over == "TLS") {
                        let row = format!("{verb} {case} over {over} | {who}");
                        rows.entry(row).or_default().push(measured);
                    }
                }
            }
            for (row, mut runs) in rows {
                runs.sort_by_key(|run| run.time);
                let Measured {
                    time,
                    cpu,
                    peak_kib,
                } = runs[ROUNDS / 2];
                let mebibytes = layers as u64 * layer_bytes / MEBIBYTE;
                let rate = mebibytes * 1000 / u64::try_from(time.as_millis()).unwrap();
                let (seconds, cpu) = (time.as_secs_f64(), cpu.as_secs_f64());
                let peak = peak_kib / 1024;
                writeln!(
                    table,
                    "| {row} | {seconds:.2} | {rate} | {cpu:.2} | {peak} |"
                )
                .unwrap();
            }
        }
    }
    println!("{table}");
}

/// Pushes to a registry of its own, and pulls again.
fn round(who: &str, layout: &Path, tls: bool) -> [(&'static str, Measured); 2] {
    let own = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let certificates = tls.then(Certificates::new);
    let authority = folder.path().join("ca.crt");
    let text = certificates.as_ref().map(|made| made.authority.clone());
    fs_err::write(&authority, text.unwrap_or_default()).unwrap();
    let registry = DockerRegistry::start_with(&DockerRegistrySettings {
        tls: certificates.map(|made| made.server),
        ..DockerRegistrySettings::default()
    })
    .unwrap();
    let reference = format!("{}/bench:1", registry.host());
    let pulled = folder.path().join("pulled");
    let docker = format!("docker://{reference}");
    let oci = |path: &Path| format!("oci:{}:latest", path.display());
    let ours = |verb: &str, from: &OsStr, to: &OsStr| {
        let mut command = Command::new(&own);
        command.arg(verb).args([from, to, authority.as_os_str()]);
        command
    };
    let skopeo = |side: &str, from: &str, to: &str| {
        let mut command = Command::new("skopeo");
        command.args(["copy", "--quiet"]);
        if tls {
            command.arg(format!("--{side}-cert-dir")).arg(folder.path());
        } else {
            command.arg(format!("--{side}-tls-verify=false"));
        }
        command.args([from, to]);
        command
    };
    let commands = if who == "mizzen" {
        let remote = OsStr::new(&reference);
        [
            ("push", ours("push", layout.as_os_str(), remote)),
            ("pull", ours("pull", remote, pulled.as_os_str())),
        ]
    } else {
        [
            ("push", skopeo("dest", &oci(layout), &docker)),
            ("pull", skopeo("src", &docker, &oci(&pulled))),
        ]
    };
    commands.map(|(verb, command)| (verb, measure(command)))
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

fn registry_and_store(host: &str, ca: &Path) -> (Registry, Arc<Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path()).unwrap());
    let mut settings = Settings::default();
    if fs_err::metadata(ca).unwrap().len() > 0 {
        let special = HostSettings {
            ca: Some(ca.to_owned()),
            ..HostSettings::default()
        };
        settings.hosts.insert(host.to_owned(), special);
    }
    let registry = Registry::new(settings, Cancel::default()).unwrap();
    (registry, store, folder)
}

fn push(layout: &Path, to: &str, ca: &Path) {
    let to: Reference = to.parse().unwrap();
    let (registry, store, _folder) = registry_and_store(&to.repository.registry, ca);
    let what = Layout::new(layout, Some("latest")).read().unwrap();
    registry.sink(to, store).push(&what).unwrap();
}

fn pull(from: &str, layout: &Path, ca: &Path) {
    let from: Reference = from.parse().unwrap();
    let (registry, store, _folder) = registry_and_store(&from.repository.registry, ca);
    let source = registry.source(from, store).straight();
    let image = source.image_for(&"linux/amd64".parse().unwrap()).unwrap();
    let layout = Layout::new(layout, Some("latest"));
    layout.write(&Taggable::Image(Box::new(image))).unwrap();
}

fn measure(mut command: Command) -> Measured {
    let started = Instant::now();
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let mut measured = Measured::default();
    loop {
        // What a process that has ended used is still there until somebody waits for it; its memory
        // is not.
        measured.peak_kib = measured.peak_kib.max(peak_of(&process));
        measured.cpu = measured.cpu.max(cpu_of(&process));
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{command:?}");
            measured.time = started.elapsed();
            return measured;
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

/// Source: `proc_pid_stat(5)`, `utime` and `stime`, in ticks of 10 ms.
fn cpu_of(process: &Child) -> Duration {
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", process.id()));
    let stat = stat.unwrap_or_default();
    // The second field is the program's name, in parentheses, with whatever it has in it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

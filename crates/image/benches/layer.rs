//! Writes the files below a folder as one layer, several times, and says how fast and how small.
//!
//! `cargo bench -p mizzen-image --bench layer -- FOLDER [gzip|zstd|zstd:LEVEL] [again]`; `again`
//! takes over from the layer before. Beside it: `tar -c FOLDER | pigz -6 | wc -c`.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use mizzen_image::{Compression, Entry, LayerBuilder};
use mizzen_store::{Cancel, Store};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let Some((folder, options)) = arguments.split_first() else {
        println!("usage: layer FOLDER [gzip|zstd|zstd:LEVEL] [again]");
        return Ok(());
    };
    let compression = match options.first().map(String::as_str) {
        Some("zstd") => Compression::ZSTD,
        Some(option) if option.starts_with("zstd:") => Compression::Zstd(option[5..].parse()?),
        _ => Compression::Gzip,
    };
    let takes_over = options.iter().any(|option| option == "again");
    let cache = tempfile::tempdir()?;
    let store = Store::open(cache.path())?;
    for _ in 0..RUNS {
        let mut builder = LayerBuilder::default().compressed_by(compression);
        let size_bytes = add(&mut builder, Path::new(folder), "app")?;
        if takes_over {
            builder = builder.remembered_as("bench");
        }
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let layer = builder.write(&store, &Cancel::default())?;
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let compressed_bytes = layer.descriptor.size_bytes;
        #[expect(clippy::cast_precision_loss, reason = "megabytes for people to read")]
        let (megabytes, ratio) = (
            size_bytes as f64 / 1e6,
            compressed_bytes as f64 / size_bytes as f64,
        );
        println!(
            "{megabytes:.1} MB in {seconds:.3} s, {:.0} MB/s; {cpu:.2} s of CPU; {ratio:.4} of it; {}",
            megabytes / seconds,
            layer.descriptor.digest.short(),
        );
    }
    Ok(())
}

fn add(builder: &mut LayerBuilder, folder: &Path, prefix: &str) -> Result<u64, Box<dyn Error>> {
    let mut size_bytes = 0;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            size_bytes += add(builder, &entry.path(), &path)?;
        } else {
            size_bytes += entry.metadata()?.len();
            builder.add(Entry::file(path, entry.path()));
        }
    }
    Ok(size_bytes)
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds for people to read")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

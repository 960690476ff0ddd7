//! Runs a command, watched, and prints each path that it looked up and how.
//!
//! `cargo run -p mizzen-watch --example seen -- ls /usr`

use mizzen_watch::{Watch, start_watched};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> io::Result<ExitCode> {
    let folder = format!("/tmp/mizzen-seen-{}", std::process::id());
    let folder = Path::new(&folder);
    let watch = Watch::create(folder, folder)?;
    let told = run(folder, &watch);
    fs_err::remove_dir_all(folder)?;
    told
}

fn run(folder: &Path, watch: &Watch) -> io::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().unwrap_or_else(|| "true".into());
    #[expect(clippy::disallowed_methods, reason = "a program that is watched")]
    let mut command = Command::new(program);
    command.args(arguments);
    let status = start_watched(folder, |library| {
        if let Some(library) = library {
            command.env("LD_PRELOAD", library);
        }
        command.status()
    })??;
    #[expect(clippy::disallowed_methods, reason = "an example, for developers")]
    let mut out = io::stdout().lock();
    let seen = match watch.seen() {
        Ok(seen) => seen,
        Err(reason) => {
            writeln!(out, "not watched, because {reason}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    for (path, looks) in &seen.paths {
        let first = if looks.written_first { " first" } else { "" };
        writeln!(out, "{}: {}{first}", path.display(), looks.kinds)?;
    }
    let (count, asked) = (seen.paths.len(), watch.asked()?);
    writeln!(
        out,
        "{status}, {count} paths, {asked} calls that the kernel had to ask about"
    )?;
    Ok(ExitCode::SUCCESS)
}

use crate::building::git_remote;
use crate::error::CommandError;
use crate::init::{Ci, Found, files};
use crate::session::Invocation;
use crate::ui::{Lines, Ui, count, out};
use fs_err as fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes a commented mizzen.toml, and a file for the CI system that the repository has; files that are
/// there stay as they are
#[derive(clap::Args, Debug)]
pub(crate) struct InitArgs {
    /// A project, a solution, or a folder that holds some
    #[arg(default_value = ".")]
    path: PathBuf,

    /// The CI system [default: the one that the repository has files of, or was cloned from]
    #[arg(long)]
    ci: Option<Ci>,

    /// Write no file for a CI system
    #[arg(long, conflicts_with = "ci")]
    no_ci: bool,

    /// Print the files and write none
    #[arg(long)]
    dry_run: bool,
}

/// Writes the files and prints their names.
pub(crate) fn run(arguments: &InitArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let ui = Ui::new(false, false);
    let process = invocation.process;
    let found = Found::at(&process.absolute(&arguments.path), process)?;
    let source = git_remote::source(&found.root);
    let ci = arguments
        .ci
        .or_else(|| Ci::of(&found.root, source.as_deref()))
        .filter(|_| !arguments.no_ci);
    ui.say(&format!(
        "found    {}: {}",
        count(found.services.len(), "service"),
        found.services.join(", ")
    ));
    let mut lines = Lines::default();
    for file in files(&found, ci) {
        let path = found.root.join(&file.path);
        if arguments.dry_run {
            lines.add_gap();
            lines.add(format_args!("# {}", file.path.display()));
            file.text.lines().for_each(|line| lines.add(line));
            continue;
        }
        if !write_new(&path, &file.text)? {
            ui.note(&format!(
                "`{}` is there already, and stays as it is",
                path.display()
            ));
            continue;
        }
        lines.add(path.display());
        if let Some(note) = &file.note {
            ui.note(note);
        }
    }
    out(&lines)?;
    if ci.is_none() && !arguments.no_ci {
        ui.note("no CI system is known here: name one with --ci github, gitlab or azure");
    }
    for file in &found.dockerfiles {
        ui.say(&format!(
            "mizzen migrate {}",
            found.root.join(file).display()
        ));
    }
    ui.say(&format!(
        "mizzen build {}",
        found.root.join(&found.target).display()
    ));
    Ok(())
}

/// Writes a file; returns whether there was none.
fn write_new(path: &Path, text: &str) -> Result<bool, CommandError> {
    let failed =
        |error| CommandError::local(format!("`{}` cannot be written", path.display()), &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
    {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .map(|()| true)
            .map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

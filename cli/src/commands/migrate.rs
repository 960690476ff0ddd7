use crate::error::CommandError;
use crate::migrate::{Becomes, Migration, quoted};
use crate::session::Invocation;
use crate::ui::{Lines, out};
use fs_err as fs;
use std::path::PathBuf;

/// Says what each instruction of a Dockerfile becomes, and the command that makes the same image
#[derive(clap::Args, Debug)]
pub(crate) struct MigrateArgs {
    /// The Dockerfile
    #[arg(default_value = "Dockerfile")]
    dockerfile: PathBuf,
}

/// Says what each instruction becomes.
pub(crate) fn run(
    arguments: &MigrateArgs,
    invocation: &Invocation<'_>,
) -> Result<(), CommandError> {
    let file = &arguments.dockerfile;
    let text = fs::read_to_string(invocation.process.absolute(file)).map_err(|error| {
        CommandError::local(format!("`{}` cannot be read", file.display()), &error)
            .hinted("name the file: mizzen migrate src/Shop.Api/Dockerfile")
    })?;
    let migration = Migration::of(&text).map_err(|error| {
        CommandError::usage(format!("`{}` is not understood: {error}", file.display()))
    })?;
    let mut lines = Lines::default();
    for line in &migration.lines {
        if !line.text.is_empty() {
            lines.add(format_args!("{:4}  {}", line.number, line.text));
        }
        let words = line.becomes.words();
        let what = match &line.becomes {
            Becomes::Options(options) => {
                let options: Vec<String> = options.iter().map(|it| quoted(it)).collect();
                format!("{}   ({})", options.join(" "), line.why)
            }
            _ => line.why.clone(),
        };
        lines.add(format_args!("      {words:10}  {what}"));
    }
    let is_left = |becomes: &Becomes| matches!(becomes, Becomes::Outside | Becomes::OwnBase);
    let left = migration
        .lines
        .iter()
        .filter(|line| is_left(&line.becomes))
        .count();
    lines.add("");
    lines.add(match left {
        0 => "The same image, distroless and not as root:".to_owned(),
        1 => "One thing is left to do, above; the rest of the image:".to_owned(),
        left => format!("{left} things are left to do, above; the rest of the image:"),
    });
    lines.add("");
    let command: Vec<String> = migration.command.iter().map(|it| quoted(it)).collect();
    lines.add(format_args!("  {}", command.join(" ")));
    out(&lines)
}

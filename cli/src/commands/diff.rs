use super::package_diff::{PackageChange, packages};
use crate::consent::open_session;
use crate::error::CommandError;
use crate::places::opened::{ImageArg, Opened};
use crate::session::Invocation;
use crate::ui::{Lines, Ui, out, out_json, out_many, size};
use mizzen_image::{FileChange, ImageDiff};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Prints what differs between two images: settings, files, bytes to fetch
#[derive(clap::Args, Debug)]
pub(crate) struct DiffArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) old: String,

    /// The same
    pub(crate) new: String,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// Prints what differs between two images; nothing if they run the same.
pub(crate) fn run(arguments: &DiffArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let cache_dir = arguments.common.cache_dir.as_deref();
    let session = open_session(invocation, Ui::silent(), cache_dir)?.reading();
    let old = Opened::open(&arguments.old, &arguments.common, &session)?;
    let new = Opened::open(&arguments.new, &arguments.common, &session)?;
    let (old, new) = (old.image()?, new.image()?);
    let diff = ImageDiff::of(&old, &new)?;
    let packages = packages(&diff, &old, &new)?;
    if arguments.json {
        let (diff, packages) = (&diff, &packages[..]);
        return out_json(&DiffJson { diff, packages });
    }
    print(&diff, &packages)
}

/// The same for machines.
#[derive(Serialize)]
struct DiffJson<'a> {
    #[serde(flatten)]
    diff: &'a ImageDiff,
    packages: &'a [PackageChange],
}

fn print(diff: &ImageDiff, packages: &[PackageChange]) -> Result<(), CommandError> {
    let mut text = Lines::default();
    for change in &diff.settings {
        text.add(format_args!(
            "{} {}: {} → {}",
            mark(change.old.as_ref(), change.new.as_ref()),
            change.name,
            value(change.old.as_ref()),
            value(change.new.as_ref())
        ));
    }
    for change in packages {
        text.add(format_args!("{}", package(change)));
    }
    for change in &diff.files {
        text.add(format_args!("{}", line(change)));
        out_many(&mut text)?;
    }
    if diff.added_layer_bytes + diff.removed_layer_bytes > 0 {
        let (added, removed) = (size(diff.added_layer_bytes), size(diff.removed_layer_bytes));
        text.add(format_args!(
            "layers: {} shared, {removed} only in the first, {added} only in the second",
            diff.shared_layers.len()
        ));
    }
    out(&text)
}

fn package(change: &PackageChange) -> String {
    let versions = |versions: &BTreeSet<String>| {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        versions.join(", ")
    };
    let (old, new) = (versions(&change.old), versions(&change.new));
    match (change.old.is_empty(), change.new.is_empty()) {
        (true, _) => format!("+ package {} {new}", change.name),
        (_, true) => format!("- package {} {old}", change.name),
        _ => format!("~ package {} {old} → {new}", change.name),
    }
}

fn mark<T>(old: Option<&T>, new: Option<&T>) -> char {
    match (old, new) {
        (None, _) => '+',
        (_, None) => '-',
        _ => '~',
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "unset".to_owned(), ToString::to_string)
}

fn line(change: &FileChange) -> String {
    let mark = mark(change.old.as_ref(), change.new.as_ref());
    let sizes = match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.size_bytes != new.size_bytes => {
            format!(", {} → {}", size(old.size_bytes), size(new.size_bytes))
        }
        _ => String::new(),
    };
    if change.what.is_empty() {
        format!("{mark} {}", change.path)
    } else {
        format!("{mark} {} ({}{sizes})", change.path, change.what.join(", "))
    }
}

use crate::consent::open_session;
use crate::error::CommandError;
use crate::places::opened::{ImageArg, Opened};
use crate::session::Invocation;
use crate::ui::{Lines, Ui, out, out_json, out_many, size};
use mizzen_image::{FileKind, InspectedFile, Inspection, Taggable};
use mizzen_oci::{Index, MediaTypeExt};
use serde_json::{Value, json};

/// Prints what an image says of itself: manifest, config, layers; of several, which there are
#[derive(clap::Args, Debug)]
pub(crate) struct InspectArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE
    pub(crate) image: String,

    /// Every file that a container sees, with its layer; reads the layers
    #[arg(long)]
    pub(crate) files: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// Prints what an image says of itself.
pub(crate) fn run(
    arguments: &InspectArgs,
    invocation: &Invocation<'_>,
) -> Result<(), CommandError> {
    let cache_dir = arguments.common.cache_dir.as_deref();
    let session = open_session(invocation, Ui::silent(), cache_dir)?.reading();
    let opened = Opened::open(&arguments.image, &arguments.common, &session)?;
    let image = match opened.everything()? {
        Taggable::Index(index, _) if !arguments.files => {
            return inspect_index(&opened.name, &index, arguments.json);
        }
        what => opened.one_of(&what)?,
    };
    let inspection = if arguments.files {
        Inspection::with_files(&image)?
    } else {
        Inspection::of(&image)
    };
    if arguments.json {
        return out_json(&inspection);
    }
    print(&opened.name, &inspection)
}

/// Shows what an index names; `--platform` chooses one of it.
fn inspect_index(name: &str, index: &Index, json: bool) -> Result<(), CommandError> {
    let descriptor = index.descriptor();
    let value: Value = serde_json::from_slice(index.bytes()).unwrap_or_default();
    if json {
        return out_json(&json!({
            "digest": descriptor.digest, "mediaType": descriptor.media_type,
            "annotations": value["annotations"], "manifests": value["manifests"],
        }));
    }
    let mut text = Lines::default();
    text.add(format_args!("{name}"));
    text.add(format_args!("  digest      {}", descriptor.digest));
    text.add(format_args!("  media type  {}", descriptor.media_type));
    for (name, value) in value["annotations"].as_object().into_iter().flatten() {
        text.add(format_args!("  annotation  {name}={}", plain(value)));
    }
    for entry in index.manifests() {
        let platform = match &entry.platform {
            Some(platform) => platform.to_string(),
            None if entry.media_type.is_index() => "an index".to_owned(),
            None => "no platform".to_owned(),
        };
        text.add(format_args!("  {platform:<17} {}", entry.digest));
    }
    text.add("  --platform shows one of them");
    out(&text)
}

fn print(name: &str, image: &Inspection) -> Result<(), CommandError> {
    let mut text = Lines::default();
    text.add(format_args!("{name}"));
    text.add(format_args!("  digest      {}", image.digest));
    text.add(format_args!("  media type  {}", image.media_type));
    text.add(format_args!("  platform    {}", image.platform));
    text.add(format_args!(
        "  size        {} to fetch",
        size(image.size_bytes)
    ));
    for (name, value) in &image.annotations {
        text.add(format_args!("  annotation  {name}={value}"));
    }
    if let Some(created) = image.config["created"].as_str() {
        text.add(format_args!("  created     {created}"));
    }
    let members = image.config["config"].as_object();
    for (name, value) in members
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
    {
        match value {
            Value::Array(items) if name == "Env" => {
                for item in items {
                    text.add(format_args!("  {name:<11} {}", plain(item)));
                }
            }
            Value::Object(items) if name == "Labels" => {
                for (label, value) in items {
                    text.add(format_args!("  {name:<11} {label}={}", plain(value)));
                }
            }
            other => text.add(format_args!("  {name:<11} {}", plain(other))),
        }
    }
    for layer in &image.layers {
        let comment = layer.comment.as_ref().or(layer.created_by.as_ref());
        let comment = comment.map(String::as_str).unwrap_or_default();
        text.add(format_args!(
            "  layer       {} {:>8}  {comment}",
            layer.digest,
            size(layer.size_bytes)
        ));
        for file in layer.files.iter().flatten() {
            text.add(format_args!("    {}", line(file)));
            out_many(&mut text)?;
        }
    }
    out(&text)
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn line(inspected: &InspectedFile) -> String {
    let file = &inspected.file;
    let kind = match file.kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::Special => '?',
    };
    let target = file
        .link_target
        .iter()
        .fold(String::new(), |text, target| text + " -> " + target);
    let owner = format!("{}:{}", file.uid, file.gid);
    format!(
        "{kind}{:04o} {owner:>9} {:>9} {}{target}",
        file.mode,
        size(file.size_bytes),
        inspected.path
    )
}

use crate::consent::open_session;
use crate::error::CommandError;
use crate::places::opened::{ImageArg, Opened};
use crate::session::Invocation;
use crate::ui::{Ui, out_document};
use mizzen_attest::{Bill, BillFormat};
use mizzen_dotnet::PublishOutput;
use mizzen_image::Artifact;
use std::io::Read;
use std::path::Path;

/// Prints the bill of materials of an image or of a publish folder: the one that lies beside the image,
/// else one made from its layers
#[derive(clap::Args, Debug)]
pub(crate) struct SbomArgs {
    /// A reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or the folder of a `dotnet
    /// publish`
    pub(crate) image: String,

    /// spdx or cyclonedx [default: that of the one that lies beside the image, else spdx]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<BillFormat>,

    /// Make it from the layers, whatever lies beside the image; it lists the packages of the base, too
    #[arg(long)]
    pub(crate) from_layers: bool,

    #[command(flatten)]
    pub(crate) common: ImageArg,
}

/// A bill of materials that somebody attached is read no further.
const MOST_BYTES: u64 = 256 << 20;

/// Prints a bill of materials.
pub(crate) fn run(arguments: &SbomArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let folder = invocation.process.absolute(Path::new(&arguments.image));
    let format = arguments.format.unwrap_or_default();
    if folder.is_dir() {
        return out_document(&format.write(&of_folder(&arguments.image, &folder)?));
    }
    let cache_dir = arguments.common.cache_dir.as_deref();
    let session = open_session(invocation, Ui::silent(), cache_dir)?.reading();
    let opened = Opened::open(&arguments.image, &arguments.common, &session)?;
    if !arguments.from_layers
        && let Some(attached) = attached(&opened, arguments.format)?
    {
        return out_document(&attached);
    }
    let image = opened.image()?;
    let bill = Bill::of_image(&short(&opened.name), &image)?;
    Ui::new(false, false).note(&format!(
        "made from the layers of `{}`; they do not tell the licences of packages and where they came from",
        opened.name
    ));
    out_document(&format.write(&bill))
}

/// Returns the bill that lies beside an image.
fn attached(opened: &Opened, format: Option<BillFormat>) -> Result<Option<Vec<u8>>, CommandError> {
    let formats = format.map_or(BillFormat::ALL.to_vec(), |format| vec![format]);
    let types: Vec<&str> = formats.iter().map(|format| format.media_type()).collect();
    for subject in opened.subjects()? {
        let artifacts = opened.artifacts(&subject, &types)?;
        if let Some(blob) = artifacts.first().and_then(Artifact::content) {
            let mut bytes = Vec::new();
            let read = blob
                .open()
                .and_then(|content| content.take(MOST_BYTES).read_to_end(&mut bytes));
            read.map_err(|error| {
                CommandError::local(
                    format!("the bill of materials of `{}`", opened.name),
                    &error,
                )
            })?;
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn of_folder(written: &str, folder: &Path) -> Result<Bill, CommandError> {
    if folder.join("oci-layout").is_file() {
        return Err(
            CommandError::usage(format!("`{written}` is an image layout"))
                .hinted(format!("write oci:{written}")),
        );
    }
    let output = PublishOutput::read(folder).map_err(mizzen_builder::BuildError::from)?;
    Bill::of_folder(&output)
        .map_err(|error| CommandError::local(format!("`{written}` cannot be read"), &error))
}

/// Returns the last part of a name, without its tag and digest.
fn short(name: &str) -> String {
    let places = ["oci:", "oci-archive:", "docker-archive:"];
    let place = places.iter().find_map(|place| name.strip_prefix(place));
    let path = place.unwrap_or(name).trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(['@', ':']).next().unwrap_or(last).to_owned()
}

//! Makes the distroless ASP.NET base image that the demo and the tests build on.

use clap::Parser;
use mizzen_image::{Layout, Sink, Taggable};
use mizzen_oci::Platform;
use mizzen_store::Store;
use mizzen_testkit::aspnet_base;
use std::error::Error;
use std::path::PathBuf;

/// Makes a distroless ASP.NET base image out of unpacked Debian packages and a .NET root.
#[derive(Parser)]
struct Arguments {
    /// The folder that Debian packages were unpacked into
    #[arg(long)]
    system: PathBuf,
    /// The .NET root, with `shared/` in it
    #[arg(long)]
    dotnet: PathBuf,
    /// What the image runs on
    #[arg(long, default_value = "linux/amd64")]
    platform: Platform,
    /// Where the OCI layout goes
    #[arg(long)]
    output: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let cache = tempfile::tempdir()?;
    let store = Store::open(cache.path())?;
    let image = aspnet_base(
        &arguments.platform,
        &arguments.system,
        &arguments.dotnet,
        &store,
    )?;
    let image = Taggable::Image(Box::new(image));
    Layout::new(arguments.output, Some("latest")).write(&image)?;
    Ok(())
}

mod system_layer;

use crate::files_below::files_below;
use fs_err as fs;
use mizzen_image::{Addendum, Entry, Image, Layer, LayerBuilder, LayerError};
use mizzen_oci::{History, ImageConfig, Platform};
use mizzen_store::{Cancel, Store};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

/// Makes a distroless ASP.NET base image out of what Debian and an SDK ship, and nothing else.
///
/// `system` is a folder into which Debian packages were unpacked, `dotnet` a .NET root that holds
/// `shared/`; its newest ASP.NET runtime is taken. Three layers, bottom first: the system's
/// libraries, the .NET runtime, the ASP.NET runtime. There is no shell and no package manager, and
/// the config is that of Microsoft's chiseled images.
///
/// # Errors
/// [`AspnetBaseError`] if a folder cannot be read or holds no runtime.
pub fn aspnet_base(
    platform: &Platform,
    system: &Path,
    dotnet: &Path,
    store: &Store,
) -> Result<Image, AspnetBaseError> {
    let aspnet = newest(&dotnet.join("shared/Microsoft.AspNetCore.App"))?;
    let runtime = newest(&dotnet.join("shared/Microsoft.NETCore.App"))?;
    let host = newest(&dotnet.join("host/fxr"))?;

    let mut runtime_files = below_root(dotnet, &host)?;
    runtime_files.extend(below_root(dotnet, &runtime)?);
    for name in ["LICENSE.txt", "ThirdPartyNotices.txt"] {
        runtime_files.push(Entry::file(
            format!("{DOTNET_ROOT}/{name}"),
            dotnet.join(name),
        ));
    }
    let program = Entry::file(format!("{DOTNET_ROOT}/dotnet"), dotnet.join("dotnet"));
    runtime_files.push(program.with_mode(0o755));
    runtime_files.push(Entry::symlink(
        "usr/bin/dotnet",
        format!("/{DOTNET_ROOT}/dotnet"),
    ));

    let layer = |entries: Vec<Entry>, comment: &str| -> Result<Addendum, LayerError> {
        let builder: LayerBuilder = entries.into_iter().collect();
        Ok(addendum(builder.write(store, &Cancel::default())?, comment))
    };
    Ok(Image::scratch(platform)
        .append(layer(
            system_layer::entries(system)?,
            "the system's libraries",
        )?)
        .append(layer(
            runtime_files,
            &format!(".NET {}", version(&runtime)),
        )?)
        .append(layer(
            below_root(dotnet, &aspnet)?,
            &format!("ASP.NET {}", version(&aspnet)),
        )?)
        .with_config(|config| configure(config, version(&runtime), version(&aspnet))))
}

/// Where Microsoft's images have it.
const DOTNET_ROOT: &str = "usr/share/dotnet";

/// A base image that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AspnetBaseError {
    /// A folder has no version of a runtime in it.
    #[error("`{}` holds no version of a runtime", folder.display())]
    NoRuntime {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder could not be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A layer could not be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

fn configure(config: &mut ImageConfig, runtime_version: &str, aspnet_version: &str) {
    let variables = [
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("APP_UID", "1654"),
        ("ASPNETCORE_HTTP_PORTS", "8080"),
        ("DOTNET_RUNNING_IN_CONTAINER", "true"),
        ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "true"),
        ("DOTNET_VERSION", runtime_version),
        ("ASPNET_VERSION", aspnet_version),
    ];
    for (name, value) in variables {
        config.set_env(name, value);
    }
    config.run_set("User", json!("1654"));
    config.run_set("WorkingDir", json!("/"));
    config.run_set("Entrypoint", json!(["/usr/bin/dotnet"]));
    config.run_set("Cmd", json!(["--info"]));
}

fn addendum(layer: Layer, comment: &str) -> Addendum {
    let history = History {
        created_by: Some("mizzen-testkit base-image".to_owned()),
        comment: Some(comment.to_owned()),
        ..History::default()
    };
    Addendum { layer, history }
}

/// Returns what is in `folder` of the .NET root `dotnet`; only programs can be run.
fn below_root(dotnet: &Path, folder: &Path) -> io::Result<Vec<Entry>> {
    let place = folder
        .strip_prefix(dotnet)
        .expect("newest() gives a folder below its argument");
    let entries = files_below(folder)?.into_iter().map(|found| {
        let path = format!("{DOTNET_ROOT}/{}/{}", place.display(), found.path);
        let mode = if found.path == "createdump" {
            0o755
        } else {
            0o644
        };
        found.entry(path, mode)
    });
    entries.collect()
}

/// Returns the subfolder with the newest version for its name.
fn newest(folder: &Path) -> Result<PathBuf, AspnetBaseError> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let parts = version(&path).split(['.', '-']);
        let numbers: Vec<u32> = parts.map_while(|part| part.parse().ok()).collect();
        versions.push((numbers, path));
    }
    let newest = versions.into_iter().max().map(|(_, path)| path);
    newest.ok_or_else(|| AspnetBaseError::NoRuntime {
        folder: folder.to_owned(),
    })
}

fn version(folder: &Path) -> &str {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

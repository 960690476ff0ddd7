//! What `push`, `pull` and `copy` have in common: an image goes from one place to another as it is, and
//! its debug symbols with it.

use crate::destination::{ArchiveKind, Destination};
use crate::error::CommandError;
use crate::keychain;
use crate::opened::{ImageArg, Opened};
use crate::session::{Invocation, Session};
use crate::symbols::{self, holds_artifacts};
use crate::ui::{OutputArgs, Ui, out, size};
use mizzen_image::{Archive, Artifact, Layout, Sink, SinkError, Taggable};
use mizzen_oci::Platform;
use mizzen_registry::{Counts, Registry, RegistryError};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What every verb that moves an image takes.
#[derive(clap::Args, Debug)]
pub(crate) struct TransferArgs {
    /// Only the image for this platform [default: all of them]
    #[arg(long)]
    pub(crate) platform: Option<Platform>,

    /// Where what is fetched lives [default: the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "MIZZEN_CACHE_DIR",
        hide_env_values = true
    )]
    pub(crate) cache_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Copies the image at `from` to `to` and prints what it is called there.
pub(crate) fn transfer(
    from: &Destination,
    to: &Destination,
    arguments: &TransferArgs,
    invocation: &Invocation<'_>,
) -> Result<(), CommandError> {
    let process = invocation.process;
    let ui = Ui::of(&arguments.output, process);
    let session = invocation.session(ui, arguments.cache_dir.as_deref())?;
    let keychain = keychain::keychain(process, std::slice::from_ref(to), Some(from));
    let registry = session.registry(&session.config, false, keychain)?;
    let platform = arguments.platform.as_ref();
    let mut artifacts = Vec::new();
    let what = if let Destination::Registry(reference) = from {
        let source = registry.source((**reference).clone(), session.store()?.clone());
        // A layout takes each layer where it is; what others want comes by the cache.
        let source = if matches!(to, Destination::Layout { .. }) {
            source.straight()
        } else {
            source
        };
        let what = match platform {
            Some(platform) => Taggable::Image(Box::new(source.image_for(platform)?)),
            None => source.everything()?,
        };
        if holds_artifacts(to) {
            let subject = what.descriptor().digest;
            artifacts = match source.artifacts(&subject, symbols::ARTIFACT_TYPE) {
                // Whoever may pull an image need not be allowed to ask what else there is.
                Err(
                    error @ (RegistryError::Refused { .. } | RegistryError::Unauthorized { .. }),
                ) => {
                    session.ui.warn(&format!(
                        "debug symbols, if there are any, stay behind: {error}"
                    ));
                    Vec::new()
                }
                found => found?,
            };
        }
        what
    } else {
        let common = ImageArg {
            platform: arguments.platform.clone(),
            cache_dir: arguments.cache_dir.clone(),
        };
        let opened = Opened::open(&from.to_string(), &common, &session)?;
        let what = match platform {
            Some(_) => Taggable::Image(Box::new(opened.image()?.clone())),
            None => opened.what,
        };
        artifacts = symbols::beside(from, &what)?;
        what
    };
    if !matches!(to, Destination::Registry(_) | Destination::Layout { .. }) {
        registry.fetch_layers(what.images())?;
    }
    session.cancel.check()?;
    let name = match from {
        Destination::Registry(reference) => reference.to_string(),
        _ => "image:latest".to_owned(),
    };
    write(to, &name, (&what, &artifacts), (&registry, &session))?;
    session.ui.warn_all(&registry.new_warnings());
    let Counts {
        requests,
        uploaded_bytes,
        downloaded_bytes,
        mounted_bytes,
        skipped_bytes,
        ..
    } = registry.counts();
    session.ui.say(&format!(
        "{requests} requests: {} up, {} down, {} mounted, {} there already",
        size(uploaded_bytes),
        size(downloaded_bytes),
        size(mounted_bytes),
        size(skipped_bytes)
    ));
    session.ui.result(&json!({
        "event": "done", "ref": to.to_string(), "digest": what.descriptor().digest,
        "network": network(&registry.counts()),
    }));
    out(&format!("{to}@{}\n", what.descriptor().digest))
}

/// Writes `what`, and what refers to it, to a place; an archive for docker and an engine have it as
/// `name` and have no room for the rest.
pub(crate) fn write(
    to: &Destination,
    name: &str,
    (what, artifacts): (&Taggable, &[Artifact]),
    (registry, session): (&Registry, &Session<'_>),
) -> Result<(), CommandError> {
    match to {
        Destination::Registry(reference) => {
            let reference = (**reference).clone();
            let store = session.store()?;
            // Before the tag: whoever sees the image finds what belongs to it.
            for artifact in artifacts {
                registry.attach(&reference.repository, artifact)?;
            }
            registry.sink(reference, store.clone()).write(what)?
        }
        Destination::Layout { folder, tag, .. } => {
            let layout =
                Layout::new(folder, tag.as_deref()).remembered_in(session.store()?.clone());
            let written = layout.write(what)?;
            for artifact in artifacts {
                layout.attach(artifact).map_err(SinkError::new)?;
            }
            written
        }
        Destination::Archive {
            file,
            kind: ArchiveKind::Oci,
            ..
        } => Archive::oci(file, None)
            .with_artifacts(artifacts.to_vec())
            .write(what)?,
        Destination::Archive {
            file,
            kind: ArchiveKind::Docker,
            ..
        } => Archive::docker(file, &[name.to_owned()]).write(what)?,
        Destination::Engine {
            engine,
            name: asked,
        } => {
            let name = asked.as_deref().unwrap_or(name);
            return engine.load(what, name, session.store()?, session.process);
        }
    };
    Ok(())
}

/// Returns what went over the network, as results for machines have it.
pub(crate) fn network(counts: &Counts) -> Value {
    json!({
        "requests": counts.requests,
        "uploadedBytes": counts.uploaded_bytes,
        "downloadedBytes": counts.downloaded_bytes,
        "mountedBytes": counts.mounted_bytes,
        "skippedBytes": counts.skipped_bytes,
    })
}

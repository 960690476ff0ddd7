//! What `push`, `pull` and `copy` have in common: an image goes from one place to another as it is, and
//! with it what lies beside it: debug symbols, bills of materials, provenance, signatures.

use crate::consent::open_session;
use crate::error::CommandError;
use crate::keychain;
use crate::places::opened::ImageArg;
use crate::places::symbols;
use crate::places::{ImageSource, ImageTarget};
use crate::session::Invocation;
use crate::ui::{OutputArgs, Ui, count, out_line, size};
use mizzen_attest::{BillFormat, STATEMENT_TYPE};
use mizzen_image::{Artifact, Source, Taggable};
use mizzen_registry::{Counts, RegistryError};
use serde_json::{Value, json};

/// What goes along with an image.
const BESIDE: [&str; 5] = [
    symbols::ARTIFACT_TYPE,
    BillFormat::Spdx.media_type(),
    BillFormat::CycloneDx.media_type(),
    STATEMENT_TYPE,
    "application/vnd.dev.sigstore.bundle.v0.3+json",
];

/// What every verb that copies an image takes.
#[derive(clap::Args, Debug)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    pub(crate) image: ImageArg,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Copies the image at `from` to `to` and prints what it is called there.
pub(crate) fn transfer(
    from: &ImageSource,
    to: &ImageTarget,
    arguments: &TransferArgs,
    invocation: &Invocation<'_>,
) -> Result<(), CommandError> {
    let process = invocation.process;
    let ui = Ui::of(&arguments.output, process);
    let session = open_session(invocation, ui, arguments.image.cache_dir.as_deref())?;
    let keychain = keychain::keychain(process, std::slice::from_ref(to), Some(from));
    let registry = session.registry(&session.config, false, keychain, &session.ui)?;
    let source = from.source(to.is_layout(), || Ok(registry.clone()), &session)?;
    let what = match &arguments.image.platform {
        Some(platform) => Taggable::Image(Box::new(source.image(platform)?)),
        None => source.everything()?,
    };
    let artifacts = if to.holds_artifacts() {
        beside(&*source, &what, &session.ui)?
    } else {
        Vec::new()
    };
    if !to.writes_single_layers() {
        registry.fetch_layers(what.images())?;
    }
    session.cancel.check()?;
    let name = from.in_registry().map(ToString::to_string);
    let name = name.unwrap_or_else(|| "image:latest".to_owned());
    to.sink(&name, &artifacts, (&registry, &session))?
        .write(&what)?;
    session.ui.warn_all(&registry.new_warnings());
    let Counts {
        requests,
        uploaded_bytes,
        downloaded_bytes,
        mounted_bytes,
        skipped_bytes,
        ..
    } = registry.counts();
    session.ui.people(&format!(
        "{}: {} up, {} down, {} mounted, {} already there",
        count(requests, "request"),
        size(uploaded_bytes),
        size(downloaded_bytes),
        size(mounted_bytes),
        size(skipped_bytes)
    ));
    session.ui.result(&json!({
        "event": "done", "ref": to.to_string(), "digest": what.descriptor().digest,
        "network": network(&registry.counts()),
    }));
    out_line(format_args!("{to}@{}", what.descriptor().digest))
}

/// Returns what lies beside an image.
fn beside(source: &dyn Source, what: &Taggable, ui: &Ui) -> Result<Vec<Artifact>, CommandError> {
    let found = source.artifacts(&what.descriptor().digest, &BESIDE);
    let Err(error) = found else {
        return Ok(found?);
    };
    // Whoever may pull an image need not be allowed to ask what else there is.
    match error.0.downcast_ref::<RegistryError>() {
        Some(error @ (RegistryError::Refused { .. } | RegistryError::Unauthorized { .. })) => {
            ui.warn(&format!(
                "what lies beside the image, if anything does, stays behind: {error}"
            ));
            Ok(Vec::new())
        }
        _ => Err(error.into()),
    }
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

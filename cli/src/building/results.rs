use super::arguments::BuildArgs;
use super::base::Base;
use super::sbom::Sbom;
use super::whole_file::write_whole;
use crate::Process;
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::transfer::network;
use crate::ui::{Lines, out};
use mizzen_builder::App;
use mizzen_image::{Artifact, Taggable};
use mizzen_oci::Digest;
use mizzen_registry::Counts;
use serde_json::{Value, json};
use std::time::Duration;

/// What a build made, for machines and people.
pub(crate) struct Results {
    /// In the order of the plan.
    pub(crate) images: Vec<Built>,
    /// What went to and from shared caches.
    pub(crate) shared: Counts,
    pub(crate) took: Duration,
}

/// An image and where it went.
pub(crate) struct Built {
    pub(crate) name: String,
    /// The project's file, relative to its workspace; none for a folder that was published before.
    pub(crate) project: Option<String>,
    pub(crate) what: Taggable,
    pub(crate) symbols: Option<Artifact>,
    pub(crate) sbom: Option<Sbom>,
    pub(crate) provenance: Option<Artifact>,
    pub(crate) app: App,
    pub(crate) base: Base,
    pub(crate) destinations: Vec<ImageTarget>,
    pub(crate) network: Counts,
    /// What its registries warned of.
    pub(crate) warnings: Vec<String>,
}

/// How many differences a result names; a report that lists a thousand files helps nobody.
const REASONS: usize = 10;

impl Built {
    pub(crate) fn digest(&self) -> Digest {
        self.what.descriptor().digest
    }

    /// Returns what lies beside the image at `destination`.
    pub(crate) fn artifacts(&self, destination: &ImageTarget) -> Vec<Artifact> {
        let is_pushed = destination.in_registry().is_some();
        let sbom = self.sbom.iter().filter(|sbom| sbom.is_asked || is_pushed);
        let sbom = sbom.map(|sbom| sbom.artifact.clone());
        let provenance = self.provenance.iter().cloned();
        let symbols = self.symbols.iter().cloned();
        symbols.chain(sbom).chain(provenance).collect()
    }

    /// Returns one line for each destination.
    fn lines(&self) -> Vec<String> {
        self.destinations
            .iter()
            .map(|destination| format!("{destination}@{}", self.digest()))
            .collect()
    }

    fn pushed(&self) -> Vec<String> {
        let destinations = self
            .destinations
            .iter()
            .filter(|destination| destination.in_registry().is_some());
        destinations
            .map(|destination| format!("{destination}@{}", self.digest()))
            .collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let platforms: Vec<String> = self
            .app
            .layers
            .iter()
            .map(|(platform, _)| platform.to_string())
            .collect();
        let mut layers = Vec::new();
        for (_, of_platform) in &self.app.layers {
            for layer in of_platform {
                let value = json!({
                    "name": layer.name,
                    "digest": layer.layer.descriptor.digest,
                    "diffId": layer.layer.diff_id,
                    "size": layer.layer.descriptor.size_bytes,
                    "files": layer.files,
                    "outcome": layer.outcome.as_str(),
                });
                if !layers.contains(&value) {
                    layers.push(value);
                }
            }
        }
        let steps = self.app.steps.iter().map(|step| {
            let changed = step.reasons.iter().take(REASONS).map(ToString::to_string);
            json!({
                "step": step.step.as_str(),
                "key": step.key,
                "outcome": step.outcome.as_str(),
                "ms": milliseconds(step.took),
                "changed": changed.collect::<Vec<_>>(),
            })
        });
        let left_out = self.app.left_out.iter();
        let left_out = left_out.map(
            |file| json!({ "path": file.path, "size": file.size_bytes, "reason": file.reason }),
        );
        let git_ignored = self.app.git_ignored.iter();
        let git_ignored =
            git_ignored.map(|file| json!({ "path": file.path, "source": file.source }));
        json!({
            "name": self.name,
            "project": self.project,
            "digest": self.digest(),
            "mediaType": self.what.descriptor().media_type,
            "platforms": platforms,
            "refs": self.pushed(),
            "base": { "ref": self.base.name, "digest": self.base.digest },
            "layers": layers,
            "leftOut": left_out.collect::<Vec<_>>(),
            "symbols": self.symbols.as_ref().map(|artifact| json!({
                "digest": artifact.manifest().descriptor().digest,
                "artifactType": artifact.artifact_type(),
                "size": artifact.manifest().layers().iter().map(|blob| blob.size_bytes).sum::<u64>(),
            })),
            "sbom": self.sbom.as_ref().map(|sbom| json!({
                "digest": sbom.artifact.manifest().descriptor().digest,
                "format": sbom.format.as_str(),
                "artifactType": sbom.artifact.artifact_type(),
                "size": sbom.bytes.len(),
            })),
            "provenance": self.provenance.as_ref().map(|artifact| json!({
                "digest": artifact.manifest().descriptor().digest,
                "artifactType": artifact.artifact_type(),
            })),
            "gitIgnored": git_ignored.collect::<Vec<_>>(),
            "tailored": self.app.runtime.tailored,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

impl Results {
    /// Returns what all images together did on the network.
    pub(crate) fn network(&self) -> Counts {
        let mut sum = self.shared;
        for Built { network, .. } in &self.images {
            sum.requests += network.requests;
            sum.uploaded_bytes += network.uploaded_bytes;
            sum.downloaded_bytes += network.downloaded_bytes;
            sum.mounted_bytes += network.mounted_bytes;
            sum.skipped_bytes += network.skipped_bytes;
        }
        sum
    }

    pub(crate) fn to_json(&self) -> Value {
        let calls: usize = self.images.iter().map(|image| image.app.dotnet_calls).sum();
        json!({
            "schema": 1,
            "images": self.images.iter().map(Built::to_json).collect::<Vec<_>>(),
            "dotnetCalls": calls,
            "network": network(&self.network()),
            "sharedCache": network(&self.shared),
            "ms": milliseconds(self.took),
        })
    }

    fn lines(&self, of: impl Fn(&Built) -> Vec<String>) -> String {
        let lines = self.images.iter().flat_map(of);
        lines.fold(String::new(), |text, line| text + &line + "\n")
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Writes the files that the user asked for, each by one rename.
pub(crate) fn write(
    results: &Results,
    arguments: &BuildArgs,
    process: &Process,
) -> Result<(), CommandError> {
    let digests: Vec<String> = results
        .images
        .iter()
        .map(|image| image.digest().to_string())
        .collect();
    let files = [
        (
            &arguments.metadata_file,
            format!("{:#}\n", results.to_json()),
        ),
        (&arguments.digest_file, digests.join("\n")),
        (&arguments.image_refs, results.lines(Built::pushed)),
    ];
    if let Some(file) = &arguments.attest.sbom_file {
        for image in &results.images {
            if let Some(sbom) = &image.sbom {
                sbom.write(file, &image.name, process)?;
            }
        }
    }
    for (file, text) in files {
        let Some(file) = file else { continue };
        write_whole(&process.absolute(file), text.as_bytes()).map_err(|error| {
            CommandError::local(format!("`{}` cannot be written", file.display()), &error)
        })?;
    }
    Ok(())
}

/// Prints one line for each image and destination on stdout, and nothing else, ever.
pub(crate) fn print(results: &Results) -> Result<(), CommandError> {
    let mut lines = Lines::default();
    for line in results.images.iter().flat_map(Built::lines) {
        lines.add(line);
    }
    out(&lines)
}

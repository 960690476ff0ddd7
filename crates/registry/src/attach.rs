//! Brings what refers to an image to where the image lies, and sees to it that it is listed.

use crate::auth::Access;
use crate::parts::{Part, SMALL_LAYER_BYTES};
use crate::push::Push;
use crate::registry::Inner;
use crate::{Registry, RegistryError};
use mizzen_image::Artifact;
use mizzen_oci::{Descriptor, Digest, Hasher, Index, MediaType, Reference, Repository};
use reqwest::Method;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often the index under the tag is written before somebody else is too fast for us.
const MOST_WRITES: u32 = 20;
/// How often a written index is read again: a writer that read before we wrote is seen only when it
/// has written.
const SETTLED_AFTER_READS: u32 = 3;
/// The kind of the notes that remember what was attached.
const KIND: &str = "attached";
/// What every artifact without a config of its own names as its config.
const EMPTY_BYTES: &[u8] = b"{}";

/// What is known of the image that something is attached to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// It was there, and may have been for long.
    Old,
    /// It comes to the repository, or to a tag, with this push.
    Pushed,
}

impl Registry {
    /// Pushes `artifact` to the repository that holds its subject, and sees to it that it is listed.
    /// Returns its manifest.
    ///
    /// # Errors
    /// [`RegistryError`]; the artifact may be there then, without being listed.
    pub fn attach(
        &self,
        repository: &Repository,
        artifact: &Artifact,
    ) -> Result<Descriptor, RegistryError> {
        let one = std::slice::from_ref(artifact);
        self.0.block_on(attach(&self.0, repository, one))?;
        Ok(artifact.manifest().descriptor().clone())
    }
}

async fn attach(
    inner: &Arc<Inner>,
    repository: &Repository,
    artifacts: &[Artifact],
) -> Result<(), RegistryError> {
    let reference = Reference {
        repository: repository.clone(),
        tag: None,
        digest: None,
    };
    let push = Push::new(inner.clone(), reference, None);
    push.attach_each(artifacts, Subject::Old).await
}

impl Push {
    /// Attaches those of `artifacts` that were not attached from here before.
    ///
    /// A registry that refuses one that may stay behind is told of.
    pub(crate) async fn attach_all(
        self: &Arc<Self>,
        artifacts: &[Artifact],
        subject: Subject,
    ) -> Result<(), RegistryError> {
        let mut missing = Vec::new();
        for artifact in artifacts {
            let digest = artifact.manifest().descriptor().digest;
            let is_late = artifact.is_of_push() && subject == Subject::Old;
            if !is_late && self.note_of(&digest)?.is_none() {
                missing.push(artifact.clone());
            }
        }
        let (optional, needed): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(Artifact::is_optional);
        for artifacts in [needed, optional] {
            let is_optional = artifacts.first().is_some_and(Artifact::is_optional);
            match self.attach_missing(&artifacts, subject).await {
                Err(error @ (RegistryError::Refused { .. } | RegistryError::Unusable { .. }))
                    if is_optional =>
                {
                    let access = Access::push(&self.reference.repository);
                    self.client().left_behind(&access, &error);
                }
                result => result?,
            }
        }
        Ok(())
    }

    async fn attach_missing(
        self: &Arc<Self>,
        artifacts: &[Artifact],
        subject: Subject,
    ) -> Result<(), RegistryError> {
        let Some(first) = artifacts.first() else {
            return Ok(());
        };
        // Another machine may have attached the same to an image that has not changed.
        let mut there = Vec::new();
        if subject == Subject::Old {
            let listed = self.client().referring(&self.access, first.subject(), None);
            there.extend(listed.await?.into_iter().map(|entry| entry.digest));
        }
        let is_there =
            |artifact: &&Artifact| there.contains(&artifact.manifest().descriptor().digest);
        let missing = artifacts.iter().filter(|artifact| !is_there(artifact));
        let missing: Vec<Artifact> = missing.cloned().collect();
        self.attach_each(&missing, subject).await?;
        for artifact in artifacts {
            self.write_note(&artifact.manifest().descriptor().digest)?;
        }
        if !missing.is_empty() {
            self.write_note(&Digest::of(EMPTY_BYTES))?;
        }
        Ok(())
    }

    /// Sends artifacts of one subject, and lists them.
    async fn attach_each(
        self: &Arc<Self>,
        artifacts: &[Artifact],
        subject: Subject,
    ) -> Result<(), RegistryError> {
        let Some(first) = artifacts.first() else {
            return Ok(());
        };
        let mut is_listed = true;
        for artifact in artifacts {
            self.send_blobs(self.parts_of(artifact, true)?).await?;
            let sent = match self.send_referring(artifact).await {
                // What was taken to be there is not: registries collect garbage.
                Err(RegistryError::Refused { code, .. })
                    if matches!(&*code, "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN") =>
                {
                    self.inner.known.forget(&self.reference.repository);
                    self.send_blobs(self.parts_of(artifact, false)?).await?;
                    self.send_referring(artifact).await?
                }
                sent => sent?,
            };
            is_listed &= sent;
        }
        // The list itself is asked: registries claim to keep one (`OCI-Subject`) that do not.
        if is_listed {
            let listed = self.client().listed(&self.access, first.subject(), None);
            if listed.await?.is_some() {
                return Ok(());
            }
        }
        let entries: Vec<Descriptor> = artifacts.iter().map(Artifact::entry).collect();
        let known = &self.inner.known;
        let writing = known.moving(first.subject(), Some(&self.reference.repository));
        let _alone = writing.lock().await;
        self.add_to_tag(first.subject(), &entries, subject).await
    }

    /// Returns what an artifact names. What is small is sent without being asked for, which costs as
    /// much; the config that artifacts share is not even sent where one was attached before.
    fn parts_of(&self, artifact: &Artifact, presumed: bool) -> Result<Vec<Part>, RegistryError> {
        let empty = Digest::of(EMPTY_BYTES);
        let mut parts = Vec::new();
        for (descriptor, blob) in artifact.parts() {
            let is_empty = descriptor.digest == empty;
            if presumed && is_empty && self.note_of(&empty)?.is_some() {
                continue;
            }
            let mut part = Part::new(descriptor.clone(), blob.clone());
            if !is_empty && descriptor.size_bytes <= SMALL_LAYER_BYTES {
                part.send_unasked();
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// Adds entries to the index under the tag, until they stay there. There is no other lock than
    /// looking again.
    async fn add_to_tag(
        &self,
        subject: &Digest,
        added: &[Descriptor],
        how: Subject,
    ) -> Result<(), RegistryError> {
        let client = self.client();
        let tag = tag(subject);
        let mut seen = 0;
        for _ in 0..MOST_WRITES {
            let mut entries = client.tagged(&self.access, subject).await?;
            let is_first = entries.is_empty();
            let has = |entry: &&Descriptor| entries.iter().any(|one| one.digest == entry.digest);
            let missing: Vec<Descriptor> = added.iter().filter(|it| !has(it)).cloned().collect();
            if missing.is_empty() && seen == SETTLED_AFTER_READS {
                return Ok(());
            }
            if missing.is_empty() {
                seen += 1;
                let pause = client.settings.retry.first_delay;
                client
                    .settings
                    .clock
                    .sleep(pause.mul_f64(0.5 + fastrand::f64()))
                    .await;
                continue;
            }
            seen = 0;
            entries.extend(missing);
            // In one order, so that writers that know the same write the same.
            entries.sort_by_key(|one| one.digest);
            let index = Index::new(MediaType::ImageIndex, entries, &BTreeMap::new());
            self.send_manifest(&tag, index.descriptor(), index.bytes())
                .await?;
            // No tag leads to the image yet, so nobody else has anything to say of it but another push
            // of the same build, which writes the same.
            if is_first && how == Subject::Pushed {
                return Ok(());
            }
        }
        let request = client.manifest_request(Method::PUT, &self.access, &tag)?;
        Err(request.unusable("the entry did not stay in the list of referrers".to_owned()))
    }

    fn note_of(&self, digest: &Digest) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        Ok(store.read_note(KIND, &self.note_name(digest))?)
    }

    fn write_note(&self, digest: &Digest) -> Result<(), RegistryError> {
        if let Some(store) = &self.store {
            store.write_note(KIND, &self.note_name(digest), b"")?;
        }
        Ok(())
    }

    fn note_name(&self, digest: &Digest) -> Digest {
        let repository = &self.reference.repository;
        let mut name = Hasher::default();
        name.field(repository.registry.as_bytes());
        name.field(repository.name.as_bytes());
        name.field(digest.as_bytes());
        name.finish()
    }
}

/// Returns the tag that stands for the list of what refers to `subject`.
pub(crate) fn tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

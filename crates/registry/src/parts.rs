//! The blobs of an image: which there are, and how each gets into a repository that may have it.

use crate::progress::add;
use crate::push::Push;
use crate::retry::Budget;
use crate::session::Session;
use crate::{Quirk, RegistryError, RetrySettings, Transfer};
use mizzen_image::{Image, Taggable};
use mizzen_oci::{Descriptor, Digest, MediaTypeExt, Repository};
use mizzen_store::{Blob, BytesBlob};
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A blob that the repository must have before the manifest that names it.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) descriptor: Descriptor,
    blob: Arc<dyn Blob>,
    ask: Ask,
}

/// How a registry is asked whether it has a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// Not: to ask costs as much as to send. A config, or a small layer that the last image lacked.
    Not,
    ByHead,
    /// By the request that opens the upload, as a mount from the repository itself: one request less,
    /// but a registry may open an upload for what it has.
    ByMount,
}

/// How a registry answered the wish to mount.
enum Mounted {
    Yes,
    /// It opened an upload instead, or did not even do that.
    No(Option<Session>),
}

/// A layer this small is sent without being asked for when the image under the tag lacks it.
pub(crate) const SMALL_LAYER_BYTES: u64 = 128 * 1024;

impl Push {
    pub(crate) async fn send_blobs(
        self: &Arc<Self>,
        parts: Vec<Part>,
    ) -> Result<(), RegistryError> {
        let mut sending = JoinSet::new();
        for part in parts {
            let push = self.clone();
            sending.spawn(async move { push.send_blob(part).await });
        }
        while let Some(sent) = sending.join_next().await {
            // Dropping the set stops the others.
            sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        Ok(())
    }

    async fn send_blob(&self, part: Part) -> Result<(), RegistryError> {
        let repository = &self.reference.repository;
        let known = &self.inner.known;
        let Part {
            descriptor,
            blob,
            ask,
        } = part;
        let digest = descriptor.digest;
        let moving = known.moving(&digest, Some(repository));
        let _alone = moving.lock().await;

        let mut budget = self.client().budget(&self.access);
        if known.is_present(&digest, repository)
            || (ask == Ask::ByHead && self.exists(&descriptor, &mut budget).await?)
        {
            self.skipped(&descriptor);
            known.note(&digest, repository);
            return Ok(());
        }
        let mut opened = None;
        let origin = blob.origin().filter(|origin| {
            origin.registry == repository.registry && origin.name != repository.name
        });
        let itself = || (ask == Ask::ByMount).then(|| repository.clone());
        if let Some(from) = origin
            .cloned()
            .or_else(|| known.elsewhere(&digest, repository))
            .or_else(itself)
        {
            match self.mount(&digest, &from).await? {
                Mounted::Yes if from == *repository => {
                    self.skipped(&descriptor);
                    known.note(&digest, repository);
                    return Ok(());
                }
                Mounted::Yes => {
                    add(&self.client().counters.mounted_bytes, descriptor.size_bytes);
                    self.report(&descriptor, Transfer::Mounted);
                    known.note(&digest, repository);
                    return Ok(());
                }
                Mounted::No(session) => opened = session,
            }
        }
        self.upload(&descriptor, blob, opened, &mut budget).await?;
        add(&self.client().counters.uploaded_blobs, 1);
        self.report(&descriptor, Transfer::Uploaded);
        known.note(&digest, repository);
        Ok(())
    }

    pub(crate) async fn exists(
        &self,
        descriptor: &Descriptor,
        budget: &mut Budget,
    ) -> Result<bool, RegistryError> {
        let digest = &descriptor.digest;
        let request = self.request(Method::HEAD, &format!("blobs/{digest}"), digest)?;
        let reply = self.client().call_within(&request, budget).await?;
        // Whatever is not a yes means sending it; a registry that minds says so then, with a body.
        // So does one that was cut off on the registry's disk.
        let is_other = reply.said_digest().is_some_and(|said| said != *digest)
            || reply
                .said_length()
                .is_some_and(|said| said != descriptor.size_bytes);
        Ok(reply.status.is_success() && !is_other)
    }

    /// Asks the registry to take the blob from another repository of its own.
    async fn mount(&self, digest: &Digest, from: &Repository) -> Result<Mounted, RegistryError> {
        let mut request = self.request(Method::POST, "blobs/uploads/", digest)?;
        request
            .url
            .query_pairs_mut()
            .append_pair("mount", &digest.to_string())
            .append_pair("from", &from.name);
        if self.handles(Quirk::MountSourceScope) && *from != self.reference.repository {
            request.access = self.access.and_pull(from);
        }
        if !self.handles(Quirk::FirstScopeOnly) {
            request.access.scopes.reverse();
        }
        // One more try, then the blob is sent: a mount is a favour, registries refuse it in every
        // way there is.
        let mut budget = Budget::new(RetrySettings {
            attempts: 2.min(self.client().settings.retry.attempts),
            ..self.client().settings.retry
        });
        match self.client().call_within(&request, &mut budget).await {
            // What it mounted under another digest is not what was asked for.
            Ok(reply) if reply.check_kept_as(digest, &request).is_err() => Ok(Mounted::No(None)),
            Ok(reply) if reply.status == StatusCode::CREATED => Ok(Mounted::Yes),
            Ok(reply) if reply.status == StatusCode::ACCEPTED => {
                Ok(Mounted::No(self.session(&reply, &request)?))
            }
            Ok(reply) if !self.handles(Quirk::MountRefused) => Err(reply.refused(&request)),
            Err(error) if !self.handles(Quirk::MountRefused) => Err(error),
            Err(error @ (RegistryError::Cancelled | RegistryError::Offline { .. })) => Err(error),
            Ok(_) | Err(_) => Ok(Mounted::No(None)),
        }
    }
}

impl Part {
    pub(crate) fn new(descriptor: Descriptor, blob: Arc<dyn Blob>) -> Self {
        Self {
            descriptor,
            blob,
            ask: Ask::ByHead,
        }
    }

    /// The same, sent without a question: it is small, and surely new.
    pub(crate) fn unasked(self) -> Self {
        Self {
            ask: Ask::Not,
            ..self
        }
    }

    /// Returns whether the registry is asked for it by a request of its own.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.ask == Ask::ByHead
    }

    /// Has it sent without a question.
    pub(crate) fn send_unasked(&mut self) {
        self.ask = Ask::Not;
    }

    /// Has the registry asked with the request that opens the upload.
    pub(crate) fn ask_by_mount(&mut self) {
        self.ask = Ask::ByMount;
    }
}

/// Returns every blob of `what`, each digest once.
pub(crate) fn parts(what: &Taggable, presumed: bool) -> Vec<Part> {
    let mut parts = BTreeMap::new();
    for image in what.images() {
        for part in parts_of(image, presumed) {
            parts.entry(part.descriptor.digest).or_insert(part);
        }
    }
    parts.into_values().collect()
}

fn parts_of(image: &Image, presumed: bool) -> Vec<Part> {
    let layers = image.layers().iter().filter(|layer| {
        // Layers whose maker forbids distribution stay where their `urls` say; others may have such,
        // too, and have to be there.
        let descriptor = &layer.descriptor;
        !(descriptor.media_type.is_undistributed() && descriptor.other.contains_key("urls"))
    });
    let layers = layers.map(|layer| Part {
        descriptor: layer.descriptor.clone(),
        blob: layer.blob.clone(),
        ask: if presumed
            && layer.blob.origin().is_none()
            && layer.descriptor.size_bytes <= SMALL_LAYER_BYTES
        {
            Ask::Not
        } else {
            Ask::ByHead
        },
    });
    let config = Part {
        descriptor: image.manifest().config().clone(),
        blob: Arc::new(BytesBlob(image.config_bytes().clone())),
        ask: Ask::Not,
    };
    layers.chain([config]).collect()
}

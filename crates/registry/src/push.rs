//! Writes: blobs that are not there, manifests after their blobs, the tag last.

use crate::auth::Access;
use crate::client::Client;
use crate::progress::add;
use crate::pull::{Document, described};
use crate::registry::Inner;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::Budget;
use crate::upload::Session;
use crate::{Quirk, RegistryError, RetrySettings, Transfer};
use mizzen_image::{Image, Taggable};
use mizzen_oci::{Descriptor, Digest, Reference, Repository};
use mizzen_store::{Blob, BytesBlob, Store};
use reqwest::header;
use reqwest::{Method, StatusCode, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// One image on its way to one tag.
pub(crate) struct Push {
    inner: Arc<Inner>,
    reference: Reference,
    access: Access,
    /// Remembers what was pushed.
    store: Option<Arc<Store>>,
}

/// A blob that the repository must have before the manifest that names it.
#[derive(Clone)]
pub(crate) struct Part {
    descriptor: Descriptor,
    blob: Arc<dyn Blob>,
    /// Asking costs as much as sending: a config, or a small layer that the last image lacked.
    send_unasked: bool,
}

/// How a registry answered the wish to mount.
enum Mounted {
    Yes,
    /// It opened an upload instead, or did not even do that.
    No(Option<Session>),
}

/// A layer this small is sent without being asked for when the image under the tag lacks it.
const SMALL_LAYER_BYTES: u64 = 128 * 1024;

impl Push {
    pub(crate) fn new(
        inner: Arc<Inner>,
        reference: Reference,
        store: Option<Arc<Store>>,
    ) -> Arc<Self> {
        let access = Access::push(&reference.repository);
        Arc::new(Self {
            inner,
            reference,
            access,
            store,
        })
    }

    pub(crate) async fn run(self: Arc<Self>, what: &Taggable) -> Result<(), RegistryError> {
        let want = what.descriptor().digest;
        if let Some(digest) = self.reference.digest
            && digest != want
        {
            let text = format!("`{}` cannot be given to {want}", self.reference);
            return Err(RegistryError::Settings(text, None));
        }
        let before = self.before().await?;
        if before.as_ref().is_some_and(|before| before.digest == want) {
            for part in parts(what, false) {
                self.skipped(&part.descriptor);
            }
            return self.remember(what);
        }
        let presumed = match &before {
            Some(before) => self.presume_blobs_of(before, what.images().len()).await,
            None => false,
        };
        self.send_blobs(parts(what, presumed)).await?;
        match self.send_manifests(what).await {
            // What the old image named is not all there: registries collect garbage under tags,
            // too. This time every blob is asked for.
            Err(RegistryError::Refused { code, .. })
                if presumed && matches!(&*code, "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN") =>
            {
                self.inner.known.forget(&self.reference.repository);
                self.send_blobs(parts(what, false)).await?;
                self.send_manifests(what).await?;
            }
            done => done?,
        }
        self.remember(what)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Returns what the tag points at now, as far as the registry lets us know.
    async fn before(&self) -> Result<Option<Descriptor>, RegistryError> {
        let name = self.reference.name_in_repository();
        let request = self
            .client()
            .manifest_request(Method::HEAD, &self.access, &name)?;
        let reply = self.client().call(&request).await?;
        // 404, but also 403 and 400 where a registry says so for what is not there: the PUT will
        // tell.
        if reply.status.is_success() {
            return Ok(described(&reply));
        }
        if reply.status != StatusCode::NOT_FOUND && !self.handles(Quirk::MissingIsRefused) {
            return Err(reply.refused(&request));
        }
        Ok(None)
    }

    /// Counts the blobs of the image that the tag points at as present. `false` if they cannot be
    /// known.
    async fn presume_blobs_of(&self, before: &Descriptor, most_images: usize) -> bool {
        let mut manifests = Vec::new();
        match self.read(before).await {
            Some(Document::Manifest(manifest)) => manifests.push(manifest),
            Some(Document::Index(index)) => {
                for descriptor in index.manifests().iter().take(most_images) {
                    if let Some(Document::Manifest(manifest)) = self.read(descriptor).await {
                        manifests.push(manifest);
                    }
                }
            }
            None => {}
        }
        let repository = &self.reference.repository;
        for manifest in &manifests {
            for descriptor in manifest.layers().iter().chain([manifest.config()]) {
                self.inner.known.note(&descriptor.digest, repository);
            }
        }
        !manifests.is_empty()
    }

    /// Reads a manifest from the store, where the last push from here left it, or from the
    /// registry; not having it only costs more questions.
    async fn read(&self, descriptor: &Descriptor) -> Option<Document> {
        let content_type = Some(descriptor.media_type.clone());
        let store = self.store.as_ref();
        if let Some(Ok(Some(bytes))) = store.map(|store| store.read(&descriptor.digest)) {
            return Document::parse(bytes, content_type).ok();
        }
        let reference = self.reference.at(descriptor.digest);
        let fetched = self.client().document(&self.access, &reference).await;
        fetched.ok().flatten().map(|(document, _)| document)
    }

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
            send_unasked,
        } = part;
        let digest = descriptor.digest;
        let moving = known.moving(&digest, Some(repository));
        let _alone = moving.lock().await;

        let mut budget = self.client().budget(&self.access);
        if known.is_present(&digest, repository)
            || (!send_unasked && self.exists(&digest, &mut budget).await?)
        {
            self.skipped(&descriptor);
            known.note(&digest, repository);
            return Ok(());
        }
        let mut opened = None;
        let origin = blob.origin().filter(|origin| {
            origin.registry == repository.registry && origin.name != repository.name
        });
        if let Some(from) = origin
            .cloned()
            .or_else(|| known.elsewhere(&digest, repository))
        {
            match self.mount(&digest, &from).await? {
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
        digest: &Digest,
        budget: &mut Budget,
    ) -> Result<bool, RegistryError> {
        let request = self.request(Method::HEAD, &format!("blobs/{digest}"), digest)?;
        let reply = self.client().call_within(&request, budget).await?;
        // Whatever is not a yes means sending it; a registry that minds says so then, with a body.
        Ok(reply.status.is_success())
    }

    /// Asks the registry to take the blob from another repository of its own.
    async fn mount(&self, digest: &Digest, from: &Repository) -> Result<Mounted, RegistryError> {
        let mut request = self.request(Method::POST, "blobs/uploads/", digest)?;
        request
            .url
            .query_pairs_mut()
            .append_pair("mount", &digest.to_string())
            .append_pair("from", &from.name);
        if self.handles(Quirk::MountSourceScope) {
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

    async fn send_manifests(&self, what: &Taggable) -> Result<(), RegistryError> {
        let name = self.reference.name_in_repository();
        match what {
            Taggable::Image(image) => {
                self.send_manifest(
                    &name,
                    image.manifest().descriptor(),
                    image.manifest().bytes(),
                )
                .await
            }
            Taggable::Index(index, images) => {
                for image in images {
                    let descriptor = image.manifest().descriptor();
                    let name = descriptor.digest.to_string();
                    self.send_manifest(&name, descriptor, image.manifest().bytes())
                        .await?;
                }
                self.send_manifest(&name, index.descriptor(), index.bytes())
                    .await
            }
        }
    }

    pub(crate) async fn send_manifest(
        &self,
        name: &str,
        descriptor: &Descriptor,
        bytes: &Arc<[u8]>,
    ) -> Result<(), RegistryError> {
        let mut request = self
            .client()
            .manifest_request(Method::PUT, &self.access, name)?;
        request.headers.remove(header::ACCEPT);
        request.bytes(bytes.to_vec().into(), descriptor.media_type.as_ref());
        let reply = self.client().call(&request).await?;
        if !reply.status.is_success() {
            let error = reply.refused(&request);
            // A tag that must not move may have got here by an attempt whose answer was lost.
            let there = self.before_put(name).await;
            return if there == Some(descriptor.digest) {
                Ok(())
            } else {
                Err(error)
            };
        }
        let said = reply.header("docker-content-digest");
        match said.and_then(|text| text.parse::<Digest>().ok()) {
            Some(digest) if digest != descriptor.digest => {
                let reason = format!("it keeps it as {digest}, not as {}", descriptor.digest);
                Err(request.unusable(reason))
            }
            _ => Ok(()),
        }
    }

    async fn before_put(&self, name: &str) -> Option<Digest> {
        let request = self
            .client()
            .manifest_request(Method::HEAD, &self.access, name)
            .ok()?;
        let reply = self.client().call(&request).await.ok()?;
        described(&reply)
            .filter(|_| reply.status.is_success())
            .map(|there| there.digest)
    }

    fn remember(&self, what: &Taggable) -> Result<(), RegistryError> {
        let repository = &self.reference.repository;
        for part in parts(what, false) {
            self.inner.known.note(&part.descriptor.digest, repository);
        }
        let Some(store) = &self.store else {
            return Ok(());
        };
        for image in what.images() {
            store.put(image.manifest().bytes())?;
        }
        if let Taggable::Index(index, _) = what {
            store.put(index.bytes())?;
        }
        Ok(())
    }

    pub(crate) fn handles(&self, quirk: Quirk) -> bool {
        self.client().settings.handles(quirk)
    }

    /// Returns where an upload goes on; the `Location` may be relative.
    pub(crate) fn location(
        &self,
        reply: &Reply,
        request: &Request,
    ) -> Result<Option<Url>, RegistryError> {
        let Some(location) = reply.headers.get(header::LOCATION) else {
            return Ok(None);
        };
        let is_whole = location.as_bytes().starts_with(b"http");
        if !is_whole && !self.handles(Quirk::RelativeLocation) {
            return Err(request.unusable("its `Location` is no URL".to_owned()));
        }
        request.location(&reply.url, reply.peer, location).map(Some)
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        digest: &Digest,
    ) -> Result<Request, RegistryError> {
        let repository = &self.reference.repository;
        let url = self.client().url(repository, path)?;
        let what = format!("blob {digest} for `{}`", repository.name);
        Ok(Request::new(method, url, &self.access, what))
    }

    fn skipped(&self, descriptor: &Descriptor) {
        add(&self.client().counters.skipped_bytes, descriptor.size_bytes);
        self.report(descriptor, Transfer::Skipped);
    }

    fn report(&self, descriptor: &Descriptor, what: Transfer) {
        let reporter = &self.client().settings.reporter;
        reporter.report(&descriptor.digest, descriptor.size_bytes, what);
    }
}

impl Part {
    pub(crate) fn new(descriptor: Descriptor, blob: Arc<dyn Blob>) -> Self {
        Self {
            descriptor,
            blob,
            send_unasked: false,
        }
    }
}

/// Returns every blob of `what`, each digest once.
fn parts(what: &Taggable, presumed: bool) -> Vec<Part> {
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
        // Layers whose maker forbids distribution stay where their `urls` say.
        !layer.descriptor.other.contains_key("urls")
    });
    let layers = layers.map(|layer| Part {
        descriptor: layer.descriptor.clone(),
        blob: layer.blob.clone(),
        send_unasked: presumed
            && layer.blob.origin().is_none()
            && layer.descriptor.size_bytes <= SMALL_LAYER_BYTES,
    });
    let config = Part {
        descriptor: image.manifest().config().clone(),
        blob: Arc::new(BytesBlob(image.config_bytes().clone())),
        send_unasked: true,
    };
    layers.chain([config]).collect()
}

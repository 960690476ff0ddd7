//! Writes: blobs that are not there, manifests after their blobs, the tag last.

use crate::attach::Subject;
use crate::auth::Access;
use crate::client::Client;
use crate::document::Document;
use crate::parts::{Part, parts};
use crate::progress::add;
use crate::pull::described;
use crate::registry::Inner;
use crate::reply::Reply;
use crate::request::Request;
use crate::{Quirk, RegistryError, Transfer};
use mizzen_image::{Artifact, Taggable};
use mizzen_oci::{Descriptor, Digest, Reference};
use mizzen_store::Store;
use reqwest::header;
use reqwest::{Method, StatusCode, Url};
use std::sync::Arc;

/// One image on its way to one tag.
pub(crate) struct Push {
    pub(crate) inner: Arc<Inner>,
    pub(crate) reference: Reference,
    pub(crate) access: Access,
    /// Remembers what was pushed.
    pub(crate) store: Option<Arc<Store>>,
}

/// What a push goes by for the blobs of the image that the tag points at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presumed {
    /// Nothing: every blob is asked for.
    None,
    /// Its manifest, which was in the store.
    Stored,
    /// Its manifest, which took a request.
    Fetched,
}

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

    /// Pushes `what`; `artifacts` refer to it, and are there before the tag is.
    pub(crate) async fn run(
        self: Arc<Self>,
        what: &Taggable,
        artifacts: &[Artifact],
    ) -> Result<(), RegistryError> {
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
            self.attach_all(artifacts, Subject::Old).await?;
            return self.remember(what);
        }
        let presumed = match &before {
            Some(before) => self.presume_blobs_of(before, what.images().len()).await,
            None => Presumed::None,
        };
        let is_presumed = presumed != Presumed::None;
        let mut first = parts(what, is_presumed);
        if presumed == Presumed::Fetched {
            self.ask_less(&mut first);
        }
        self.send_blobs(first).await?;
        // Before the tag: whoever sees the image finds what belongs to it.
        self.attach_all(artifacts, Subject::Pushed).await?;
        match self.send_manifests(what).await {
            // What the old image named is not all there: registries collect garbage under tags,
            // too. This time every blob is asked for.
            Err(RegistryError::Refused { code, .. })
                if is_presumed && matches!(&*code, "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN") =>
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

    /// Counts the blobs of the image that the tag points at as present.
    async fn presume_blobs_of(&self, before: &Descriptor, most_images: usize) -> Presumed {
        let mut manifests = Vec::new();
        let mut presumed = Presumed::Stored;
        match self.read(before, &mut presumed).await {
            Some(Document::Manifest(manifest)) => manifests.push(manifest),
            Some(Document::Index(index)) => {
                for descriptor in index.manifests().iter().take(most_images) {
                    let document = self.read(descriptor, &mut presumed).await;
                    if let Some(Document::Manifest(manifest)) = document {
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
        if manifests.is_empty() {
            presumed = Presumed::None;
        }
        presumed
    }

    // Of the image under the tag the registry has told already. Where that leaves one blob, the request
    // that this took is saved again.
    fn ask_less(&self, parts: &mut [Part]) {
        let repository = &self.reference.repository;
        let lacks = |part: &&mut Part| {
            let digest = &part.descriptor.digest;
            part.is_asked_for() && !self.inner.known.is_present(digest, repository)
        };
        let mut lacking: Vec<&mut Part> = parts.iter_mut().filter(lacks).collect();
        if let [one] = &mut lacking[..] {
            one.ask_by_mount();
        }
    }

    /// Reads a manifest from the store, where the last push from here left it, or from the
    /// registry; not having it only costs more questions.
    async fn read(&self, descriptor: &Descriptor, presumed: &mut Presumed) -> Option<Document> {
        let content_type = Some(descriptor.media_type.clone());
        let store = self.store.as_ref();
        if let Some(Ok(Some(bytes))) = store.map(|store| store.read(&descriptor.digest)) {
            return Document::parse(bytes, content_type).ok();
        }
        *presumed = Presumed::Fetched;
        let reference = self.reference.at(descriptor.digest);
        let fetched = self.client().document(&self.access, &reference).await;
        fetched.ok().flatten().map(|(document, _)| document)
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
            for index in index.inner() {
                store.put(index.bytes())?;
            }
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
            return Err(request.unusable("its `Location` is not a URL".to_owned()));
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

    pub(crate) fn skipped(&self, descriptor: &Descriptor) {
        add(&self.client().counters.skipped_bytes, descriptor.size_bytes);
        self.report(descriptor, Transfer::Skipped);
    }

    pub(crate) fn report(&self, descriptor: &Descriptor, what: Transfer) {
        let reporter = &self.client().settings.reporter;
        reporter.report(&descriptor.digest, descriptor.size_bytes, what);
    }
}

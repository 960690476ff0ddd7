use crate::RegistryError;
use crate::auth::Access;
use crate::document::Document;
use crate::places::{Places, at};
use crate::pull::check_size;
use crate::registry::Inner;
use crate::registry_blob::RegistryBlob;
use crate::sync::lock;
use mizzen_image::{Artifact, Image, Source, SourceError, Taggable};
use mizzen_oci::{
    Descriptor, Digest, Family, ImageConfig, Index, Manifest, MediaType, MediaTypeExt, Platform,
    Reference,
};
use mizzen_store::{Blob, Store};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// An image of a registry, by tag or digest.
///
/// A tag is resolved by one HEAD, once; manifest, index and config are then read from the store by
/// digest where they are there. Layers are fetched when they are opened, and not before.
#[derive(Debug)]
pub struct RegistrySource {
    inner: Arc<Inner>,
    reference: Reference,
    store: Arc<Store>,
    resolved: Mutex<Option<Descriptor>>,
    places: Places,
    goes_straight: bool,
    /// Which place answered.
    served_by: AtomicUsize,
}

/// An index in an index in an index is somebody's mistake or malice.
const DEEPEST_INDEX: usize = 3;

impl RegistrySource {
    pub(crate) fn new(inner: Arc<Inner>, reference: Reference, store: Arc<Store>) -> Self {
        Self {
            places: Places::of(&inner.client.settings, &reference.repository),
            served_by: AtomicUsize::new(usize::MAX),
            inner,
            reference,
            store,
            resolved: Mutex::default(),
            goes_straight: false,
        }
    }

    /// Returns the source of layers that pass by the store: one that is written to a file is fetched
    /// into it, and written once. For who only moves an image; a build wants its base to stay.
    #[must_use]
    pub fn straight(mut self) -> Self {
        self.goes_straight = true;
        self
    }

    /// Returns what the reference points at: a manifest or an index. Asked of the registry at most
    /// once.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] if it does not exist; [`RegistryError`] if the registry did not
    /// say.
    pub fn resolve(&self) -> Result<Descriptor, RegistryError> {
        let mut resolved = lock(&self.resolved);
        if let Some(descriptor) = &*resolved {
            return Ok(descriptor.clone());
        }
        let here = match &self.reference.digest {
            Some(digest) => self.store.read(digest)?,
            None => None,
        };
        let descriptor = if let Some(bytes) = here {
            Document::parse(bytes, None)?.descriptor().clone()
        } else {
            let client = &self.inner.client;
            let resolve = async |access: &Access, reference: &Reference| {
                client.resolve(access, reference).await
            };
            let missing = || RegistryError::NotFound(Box::new(self.reference.clone()));
            self.ask(&resolve)?.ok_or_else(missing)?
        };
        Ok(resolved.insert(descriptor).clone())
    }

    /// Returns the image for `platform`; of a layer only its names are read.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::PlatformMissing`] (with the platforms on
    /// offer), or what kept the registry from answering.
    pub fn image_for(&self, platform: &Platform) -> Result<Image, RegistryError> {
        let manifest = match self.top()? {
            Document::Manifest(manifest) => *manifest,
            Document::Index(index) => self
                .pick(&index, platform, DEEPEST_INDEX)?
                .ok_or_else(|| self.platform_missing(platform, index.platforms()))?,
        };
        let image = self.assemble(manifest)?;
        let has = image.config().platform();
        if !platform.accepts(&has) {
            return Err(self.platform_missing(platform, vec![has.to_string()]));
        }
        Ok(image)
    }

    /// Returns everything that the reference names: the image, or the index with all of its images,
    /// attestations included.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], or what kept the registry from answering;
    /// [`RegistryError::Unusable`] for indexes too deep in each other.
    pub fn everything(&self) -> Result<Taggable, RegistryError> {
        let index = match self.top()? {
            Document::Manifest(manifest) => {
                return Ok(Taggable::Image(Box::new(self.assemble(*manifest)?)));
            }
            Document::Index(index) => index,
        };
        let (mut images, mut known) = (Vec::new(), BTreeSet::new());
        let index = self.with_images(*index, (&mut images, &mut known), DEEPEST_INDEX)?;
        Ok(Taggable::Index(Box::new(index), images))
    }

    /// Reads the indexes inside of one, `depth` deep, and adds the images of all.
    fn with_images(
        &self,
        index: Index,
        (images, known): (&mut Vec<Image>, &mut BTreeSet<Digest>),
        depth: usize,
    ) -> Result<Index, RegistryError> {
        let mut inner = Vec::new();
        for descriptor in index.manifests() {
            // One that is named again, and again inside of that, would never end.
            if descriptor.media_type.is_index() && !known.insert(descriptor.digest) {
                continue;
            }
            match self.document(descriptor)? {
                Document::Manifest(manifest) => images.push(self.assemble(*manifest)?),
                Document::Index(index) if depth > 0 => {
                    inner.push(self.with_images(*index, (images, known), depth - 1)?);
                }
                Document::Index(_) => {
                    return Err(RegistryError::Unusable {
                        registry: self.reference.repository.registry.clone(),
                        what: format!("`{}`", self.reference),
                        reason: "it nests indexes too deeply".to_owned(),
                    });
                }
            }
        }
        Ok(index.with_inner(inner))
    }

    /// Returns what the registry lists as referring to `subject` and being of one of these types; blobs stay
    /// where they are.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry did not say what it lists, or does not have it.
    pub fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, RegistryError> {
        let client = &self.inner.client;
        // A registry selects by one type alone.
        let only = match artifact_types {
            [only] => Some(*only),
            _ => None,
        };
        let ask = async |access: &Access, _: &Reference| {
            let listed = client.referring(access, subject, only);
            listed.await.map(Some)
        };
        let mut found = Vec::new();
        for entry in self.ask(&ask)?.unwrap_or_default() {
            let is_of = entry.other.get("artifactType").and_then(|it| it.as_str());
            if !is_of.is_some_and(|is_of| artifact_types.contains(&is_of)) {
                continue;
            }
            let Document::Manifest(manifest) = self.document(&entry)? else {
                continue;
            };
            let artifact = Artifact::read(*manifest, |descriptor| self.blob(descriptor));
            found.extend(artifact.filter(|artifact| {
                artifact.subject() == subject && artifact_types.contains(&artifact.artifact_type())
            }));
        }
        Ok(found)
    }

    /// Puts an image together from its manifest; layers stay where they are.
    fn assemble(&self, manifest: Manifest) -> Result<Image, RegistryError> {
        let config = self.config(manifest.config())?;
        Ok(Image::from_parts(manifest, &config, |it| self.blob(it))?)
    }

    fn blob(&self, descriptor: &Descriptor) -> Arc<dyn Blob> {
        Arc::new(RegistryBlob {
            inner: self.inner.clone(),
            places: self.places.clone(),
            origin: self.places.repository(self.served_by.load(Relaxed)).clone(),
            descriptor: descriptor.clone(),
            store: self.store.clone(),
            goes_straight: self.goes_straight,
        })
    }

    fn platform_missing(&self, platform: &Platform, offered: Vec<String>) -> RegistryError {
        RegistryError::PlatformMissing {
            reference: Box::new(self.reference.clone()),
            wanted: Box::new(platform.clone()),
            offered,
        }
    }

    /// Returns what an image runs on, by its config; `None` for what is not an image.
    fn platform_of(&self, manifest: &Manifest) -> Result<Option<Platform>, RegistryError> {
        if manifest.config().media_type.in_family(Family::Oci) != MediaType::ImageConfig {
            return Ok(None);
        }
        let config = ImageConfig::parse(&self.config(manifest.config())?);
        Ok(config.ok().map(|config| config.platform()))
    }

    /// Returns the manifest for `platform`; indexes in the index are looked into.
    fn pick(
        &self,
        index: &Index,
        platform: &Platform,
        depth: usize,
    ) -> Result<Option<Manifest>, RegistryError> {
        let nested = index
            .manifests()
            .iter()
            .filter(|descriptor| descriptor.media_type.is_index() && descriptor.platform.is_none());
        // The platform is optional there; then the image's config says it.
        let unsaid = index.manifests().iter().filter(|descriptor| {
            descriptor.media_type.is_manifest() && descriptor.platform.is_none()
        });
        let named = index.find(platform);
        let unsaid = unsaid.filter(|_| named.is_none());
        for descriptor in named.into_iter().chain(unsaid).chain(nested) {
            match self.document(descriptor)? {
                Document::Manifest(manifest) if descriptor.platform.is_none() => {
                    let is = self.platform_of(&manifest)?;
                    if is.is_some_and(|is| platform.accepts(&is)) {
                        return Ok(Some(*manifest));
                    }
                }
                Document::Manifest(manifest) => return Ok(Some(*manifest)),
                Document::Index(index) if depth > 0 => {
                    if let Some(manifest) = self.pick(&index, platform, depth - 1)? {
                        return Ok(Some(manifest));
                    }
                }
                Document::Index(_) => {}
            }
        }
        Ok(None)
    }

    /// Reads what the reference points at. Its size may be a header's word, and is not compared.
    fn top(&self) -> Result<Document, RegistryError> {
        let named = self.resolve()?;
        Ok(self.read(&named)?.0)
    }

    /// Reads what a document or a list names.
    fn document(&self, descriptor: &Descriptor) -> Result<Document, RegistryError> {
        let (document, size_bytes) = self.read(descriptor)?;
        check_size(&self.reference.repository.registry, descriptor, size_bytes)?;
        Ok(document)
    }

    /// Reads a document and how long it is, from the store or the registry, by digest.
    fn read(&self, descriptor: &Descriptor) -> Result<(Document, usize), RegistryError> {
        let content_type = Some(descriptor.media_type.clone());
        if let Some(bytes) = self.store.read(&descriptor.digest)? {
            let size_bytes = bytes.len();
            return Ok((Document::parse(bytes, content_type)?, size_bytes));
        }
        let wanted = self.reference.at(descriptor.digest);
        let client = &self.inner.client;
        let ask = async |access: &Access, _: &Reference| {
            client.document(access, &at(access, &wanted)).await
        };
        let missing = || RegistryError::NotFound(Box::new(wanted.clone()));
        let (document, bytes) = self.ask(&ask)?.ok_or_else(missing)?;
        self.store.put(&bytes)?;
        Ok((document, bytes.len()))
    }

    fn config(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        if let Some(bytes) = self.store.read(&descriptor.digest)? {
            check_size(&self.reference.repository.registry, descriptor, bytes.len())?;
            return Ok(bytes);
        }
        let client = &self.inner.client;
        let ask = async |access: &Access, _: &Reference| {
            client.small_blob(access, descriptor).await.map(Some)
        };
        let bytes = self.ask(&ask)?.expect("a place that lacks it is an error");
        self.store.put(&bytes)?;
        Ok(bytes)
    }

    /// Asks the places in order, and remembers which one answered.
    fn ask<T>(
        &self,
        ask: &impl AsyncFn(&Access, &Reference) -> Result<Option<T>, RegistryError>,
    ) -> Result<Option<T>, RegistryError> {
        let ask = async |access: &Access| ask(access, &at(access, &self.reference)).await;
        let found = self
            .inner
            .block_on(self.places.ask(&self.inner.client, ask))?;
        Ok(found.map(|(place, found)| {
            self.served_by.store(place, Relaxed);
            found
        }))
    }
}

impl Source for RegistrySource {
    fn descriptor(&self) -> Result<Descriptor, SourceError> {
        self.resolve().map_err(SourceError::new)
    }

    fn image(&self, platform: &Platform) -> Result<Image, SourceError> {
        self.image_for(platform).map_err(SourceError::new)
    }

    fn everything(&self) -> Result<Taggable, SourceError> {
        self.everything().map_err(SourceError::new)
    }

    fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, SourceError> {
        self.artifacts(subject, artifact_types)
            .map_err(SourceError::new)
    }
}

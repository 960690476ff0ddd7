//! Manifests under tags, and the blobs that they name: for who keeps other things than images.

use crate::auth::Access;
use crate::document::Document;
use crate::parts::Part;
use crate::places::Places;
use crate::push::Push;
use crate::registry_blob::RegistryBlob;
use crate::{Registry, RegistryError};
use mizzen_oci::{Descriptor, Digest, Manifest, Reference, Repository};
use mizzen_store::{Blob, Store};
use std::sync::Arc;

impl Registry {
    /// Returns the manifest that `reference` names; `None` if there is none. One request.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry did not answer, or not in a way that can be used;
    /// [`RegistryError::Manifest`] for an index.
    pub fn manifest(&self, reference: &Reference) -> Result<Option<Manifest>, RegistryError> {
        let access = Access::pull(&reference.repository);
        let document = self
            .0
            .block_on(self.0.client.document(&access, reference))?;
        Ok(match document {
            Some((Document::Manifest(manifest), _)) => Some(*manifest),
            Some((Document::Index(index), _)) => {
                Some(Manifest::parse(index.bytes().to_vec(), None)?)
            }
            None => None,
        })
    }

    /// Returns the verified bytes of a small blob. One request.
    ///
    /// # Errors
    /// [`RegistryError`] if it is not there, too large, or other bytes than its digest names.
    pub fn small_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Vec<u8>, RegistryError> {
        let access = Access::pull(repository);
        let client = &self.0.client;
        self.0.block_on(client.small_blob(&access, descriptor))
    }

    /// Returns a blob of `repository`, which is fetched into `store` when somebody reads it, and mounted
    /// where somebody pushes it to the same registry. Nothing is asked yet.
    pub fn blob(
        &self,
        repository: &Repository,
        descriptor: Descriptor,
        store: Arc<Store>,
    ) -> Arc<dyn Blob> {
        Arc::new(RegistryBlob {
            inner: self.0.clone(),
            places: Places::of(&self.0.client.settings, repository),
            origin: repository.clone(),
            descriptor,
            store,
            goes_straight: false,
        })
    }

    /// Makes `reference` point at `manifest`: first the blobs that it names, as far as the repository
    /// lacks them. It is not asked whether it has a config of more than two bytes, which is taken to be new.
    ///
    /// # Errors
    /// [`RegistryError`]; then the reference points where it did before.
    pub fn put(
        &self,
        reference: &Reference,
        manifest: &Manifest,
        blobs: Vec<(Descriptor, Arc<dyn Blob>)>,
    ) -> Result<(), RegistryError> {
        let push = Push::new(self.0.clone(), reference.clone(), None);
        let parts = blobs.into_iter();
        let parts = parts.map(|(descriptor, blob)| {
            let config = manifest.config();
            let is_new = descriptor.digest == config.digest && config.size_bytes > 2;
            let part = Part::new(descriptor, blob);
            if is_new { part.unasked() } else { part }
        });
        let parts: Vec<Part> = parts.collect();
        let name = reference.name_in_repository();
        let send = async |parts| {
            push.send_blobs(parts).await?;
            push.send_manifest(&name, manifest.descriptor(), manifest.bytes())
                .await
        };
        self.0.block_on(async {
            match send(parts.clone()).await {
                // It has lost what it had when it was last asked, or had not yet what another was sending.
                Err(RegistryError::Refused { code, .. })
                    if ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "DIGEST_INVALID"]
                        .contains(&code.as_str()) =>
                {
                    self.0.known.forget(&reference.repository);
                    send(parts).await
                }
                done => done,
            }
        })
    }

    /// Takes it as known that `repository` has a blob, from where another repository of the registry may
    /// mount it.
    pub fn note_blob(&self, repository: &Repository, digest: &Digest) {
        self.0.known.note(digest, repository);
    }
}

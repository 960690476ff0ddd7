use crate::RegistryError;
use crate::auth::Access;
use crate::landing::{FileLanding, Landing, StoreLanding};
use crate::places::Places;
use crate::registry::Inner;
use mizzen_oci::{Descriptor, Digest, Repository};
use mizzen_store::{Blob, Store, StoredBlob};
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// A layer that a registry holds.
#[derive(Debug)]
pub(crate) struct RegistryBlob {
    pub(crate) inner: Arc<Inner>,
    pub(crate) places: Places,
    pub(crate) origin: Repository,
    pub(crate) descriptor: Descriptor,
    pub(crate) store: Arc<Store>,
    /// Who wants it in a file gets it there, and nothing stays in the store.
    pub(crate) goes_straight: bool,
}

impl RegistryBlob {
    fn fetch(&self) -> Result<(), RegistryError> {
        let Self {
            inner,
            descriptor,
            store,
            ..
        } = self;
        inner.block_on(async {
            let moving = inner.known.moving(&descriptor.digest, None);
            let _alone = moving.lock().await;
            if store
                .blob(&descriptor.digest, descriptor.size_bytes)
                .is_some()
            {
                return Ok(());
            }
            let download = async |access: &Access| {
                let mut landing = StoreLanding::new(store);
                let client = &inner.client;
                client
                    .download(access, descriptor, &mut landing)
                    .await
                    .map(Some)
            };
            self.places.ask(&inner.client, download).await.map(drop)
        })
    }

    fn fetch_into(&self, file: &File) -> Result<(), RegistryError> {
        let download = async |access: &Access| {
            // Another place may have begun it.
            let mut landing = FileLanding::new(file);
            landing.restart()?;
            let client = &self.inner.client;
            client
                .download(access, &self.descriptor, &mut landing)
                .await
                .map(Some)
        };
        self.inner
            .block_on(self.places.ask(&self.inner.client, download))
            .map(drop)
    }

    /// Returns the layer as it lies in the store, after it was fetched where it has to be.
    fn stored(&self) -> io::Result<StoredBlob> {
        if self.here().is_none() {
            self.fetch().map_err(io::Error::other)?;
        }
        let gone = || io::Error::other("a fetched layer vanished from the cache at once");
        self.here().ok_or_else(gone)
    }

    fn here(&self) -> Option<StoredBlob> {
        self.store
            .blob(&self.descriptor.digest, self.descriptor.size_bytes)
    }
}

impl Blob for RegistryBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.stored()?.open()
    }

    fn write_to(&self, file: &mut File) -> io::Result<Digest> {
        if !self.goes_straight || self.here().is_some() {
            return self.stored()?.write_to(file);
        }
        self.fetch_into(file).map_err(io::Error::other)?;
        // The download is not over before the bytes are the ones that the digest names.
        Ok(self.descriptor.digest)
    }

    fn origin(&self) -> Option<&Repository> {
        Some(&self.origin)
    }
}

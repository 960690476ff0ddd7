use crate::RegistryError;
use crate::auth::Access;
use crate::places::Places;
use crate::registry::Inner;
use mizzen_oci::{Descriptor, Repository};
use mizzen_store::{Blob, Store};
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
                inner
                    .client
                    .download(access, descriptor, store)
                    .await
                    .map(Some)
            };
            self.places.ask(download).await.map(drop)
        })
    }
}

impl Blob for RegistryBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let here = || {
            self.store
                .blob(&self.descriptor.digest, self.descriptor.size_bytes)
        };
        if here().is_none() {
            self.fetch().map_err(io::Error::other)?;
        }
        let blob =
            here().ok_or_else(|| io::Error::other("a fetched layer left the cache at once"))?;
        blob.open()
    }

    fn origin(&self) -> Option<&Repository> {
        Some(&self.origin)
    }
}

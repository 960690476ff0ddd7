use crate::LostBlob;
use mizzen_oci::{Digest, Repository};
use mizzen_registry::RegistryError;
use mizzen_store::Blob;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// A blob of a shared cache, whose failures are told from all others: without it, it is made here.
#[derive(Debug)]
pub(crate) struct SharedBlob {
    pub(crate) blob: Arc<dyn Blob>,
    pub(crate) repository: Repository,
}

impl SharedBlob {
    fn lost(&self, source: io::Error) -> io::Error {
        if let Some(RegistryError::Cancelled) = RegistryError::within(&source) {
            return source;
        }
        io::Error::other(LostBlob {
            repository: self.repository.clone(),
            source,
        })
    }
}

impl Blob for SharedBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.blob.open().map_err(|error| self.lost(error))
    }

    fn write_to(&self, file: &mut File) -> io::Result<Digest> {
        self.blob.write_to(file).map_err(|error| self.lost(error))
    }

    fn origin(&self) -> Option<&Repository> {
        self.blob.origin()
    }
}

use crate::RegistryError;
use crate::push::Push;
use crate::registry::Inner;
use mizzen_image::{Artifact, Sink, SinkError, Taggable};
use mizzen_oci::{Descriptor, Reference};
use mizzen_store::Store;
use std::sync::Arc;

/// A place in a registry: a tag, or a digest that the image must have.
#[derive(Debug)]
pub struct RegistrySink {
    inner: Arc<Inner>,
    reference: Reference,
    store: Arc<Store>,
    artifacts: Vec<Artifact>,
}

impl RegistrySink {
    pub(crate) fn new(inner: Arc<Inner>, reference: Reference, store: Arc<Store>) -> Self {
        Self {
            inner,
            reference,
            store,
            artifacts: Vec::new(),
        }
    }

    /// Has what refers to the image pushed with it, before the tag.
    ///
    /// What was attached from this machine before is not sent, and not asked for.
    #[must_use]
    pub fn with_artifacts(mut self, artifacts: Vec<Artifact>) -> Self {
        self.artifacts = artifacts;
        self
    }

    /// Makes the reference point at `what`: blobs first, then manifests, the tag last.
    ///
    /// # Errors
    /// [`RegistryError`]; then the tag points where it did before, or, if only the last answer was
    /// lost, at all of `what`.
    pub fn push(&self, what: &Taggable) -> Result<Descriptor, RegistryError> {
        let push = Push::new(
            self.inner.clone(),
            self.reference.clone(),
            Some(self.store.clone()),
        );
        self.inner.block_on(push.run(what, &self.artifacts))?;
        Ok(what.descriptor().clone())
    }
}

impl Sink for RegistrySink {
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError> {
        self.push(what).map_err(SinkError::new)
    }
}

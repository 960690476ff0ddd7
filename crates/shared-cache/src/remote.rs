use crate::record_document::{RecordDocument, Unsound, descriptor};
use mizzen_oci::{Digest, Manifest, Reference, Repository};
use mizzen_registry::{Registry, RegistryError};
use mizzen_store::{Blob, BytesBlob, Output, SharedForm, Store};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One repository with records, for as long as it does what it should.
pub(crate) struct Remote {
    pub(crate) registry: Registry,
    pub(crate) repository: Repository,
    /// Whether it is left alone from now on.
    is_off: AtomicBool,
    /// What to tell people, once.
    told: Mutex<Vec<String>>,
}

/// Why there is nothing to be had under a tag.
enum Nothing {
    /// Nothing is there.
    Missing,
    /// What is there is not to be used.
    Unsound(Unsound),
    /// The repository is of no use at present.
    Failed(RegistryError),
}

impl From<Unsound> for Nothing {
    fn from(unsound: Unsound) -> Self {
        Self::Unsound(unsound)
    }
}

impl From<RegistryError> for Nothing {
    fn from(error: RegistryError) -> Self {
        match &error {
            RegistryError::Manifest(_) => Self::Unsound(Unsound::OtherFormat),
            RegistryError::OtherContent { .. } | RegistryError::OtherSize { .. } => {
                Self::Unsound(Unsound::OtherBytes)
            }
            // So some registries say that there is nothing.
            RegistryError::Refused { status, code, .. }
                if matches!(status, 400 | 403 | 404)
                    && !matches!(code.as_str(), "DENIED" | "UNAUTHORIZED") =>
            {
                Self::Missing
            }
            _ => Self::Failed(error),
        }
    }
}

impl Remote {
    pub(crate) fn new(registry: Registry, repository: Repository) -> Self {
        Self {
            registry,
            repository,
            is_off: AtomicBool::new(false),
            told: Mutex::default(),
        }
    }

    /// Returns a record that is what it should be; `None` if there is none, or it cannot be had.
    pub(crate) fn record(
        &self,
        (step, key): (&str, &Digest),
        form: SharedForm,
    ) -> Option<RecordDocument> {
        if self.is_off.load(Ordering::SeqCst) {
            return None;
        }
        match self.ask((step, key), form) {
            Ok(document) => Some(document),
            Err(Nothing::Missing) => None,
            Err(Nothing::Unsound(why)) => {
                let reference = self.reference(step, key);
                self.tell(format!(
                    "the record `{reference}` of the shared cache is not used: {why}"
                ));
                None
            }
            Err(Nothing::Failed(error)) => {
                self.give_up("read", &error);
                None
            }
        }
    }

    fn ask(
        &self,
        (step, key): (&str, &Digest),
        form: SharedForm,
    ) -> Result<RecordDocument, Nothing> {
        let reference = self.reference(step, key);
        let manifest = self.registry.manifest(&reference)?;
        let manifest = manifest.ok_or(Nothing::Missing)?;
        let packed = match RecordDocument::carried(&manifest)? {
            Some(packed) => packed,
            None => self
                .registry
                .small_blob(&self.repository, manifest.config())?,
        };
        Ok(RecordDocument::parse(&packed, (step, key), form)?)
    }

    /// Returns whether there is something under the tag of a record.
    pub(crate) fn has(&self, step: &str, key: &Digest) -> bool {
        let reference = self.reference(step, key);
        matches!(self.registry.resolve(&reference), Ok(Some(_)))
    }

    /// Sends a record, after the blobs that it names.
    ///
    /// # Errors
    /// [`RegistryError`]; then the repository has what it had before.
    pub(crate) fn send(
        &self,
        (step, key): (&str, &Digest),
        (manifest, packed): (&Manifest, Vec<u8>),
        blobs: Vec<(Output, Arc<dyn Blob>)>,
    ) -> Result<(), RegistryError> {
        let blobs = blobs.into_iter();
        let blobs = blobs.map(|(output, blob)| (descriptor(&output), blob));
        let config: Arc<dyn Blob> = Arc::new(BytesBlob(packed.into()));
        let blobs = blobs.chain([(manifest.config().clone(), config)]);
        let reference = self.reference(step, key);
        self.registry.put(&reference, manifest, blobs.collect())
    }

    /// Returns a blob of the repository; nothing is asked yet.
    pub(crate) fn blob(&self, output: &Output, store: &Arc<Store>) -> Arc<dyn Blob> {
        let descriptor = descriptor(output);
        self.registry
            .blob(&self.repository, descriptor, store.clone())
    }

    /// Leaves the repository alone from now on, and tells why, once.
    pub(crate) fn give_up(&self, doing: &str, error: &RegistryError) {
        if matches!(error, RegistryError::Cancelled) || self.is_off.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut why = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            why = format!("{why}: {cause}");
            source = cause.source();
        }
        let repository = &self.repository;
        self.tell(format!(
            "the shared cache `{repository}` cannot be {doing}, and is left alone: {why}"
        ));
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off.load(Ordering::SeqCst)
    }

    pub(crate) fn tell(&self, text: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.push(text);
    }

    /// Returns what there is to tell since this was last asked.
    pub(crate) fn take_told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn reference(&self, step: &str, key: &Digest) -> Reference {
        Reference {
            repository: self.repository.clone(),
            tag: Some(format!("{step}-{}", key.hex())),
            digest: None,
        }
    }
}

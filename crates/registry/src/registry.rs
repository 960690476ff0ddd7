use crate::auth::Access;
use crate::client::Client;
use crate::sync::lock;
use crate::{Counts, RegistryError, RegistrySink, RegistrySource, Settings};
use mizzen_image::Image;
use mizzen_oci::{Descriptor, Digest, Reference, Repository};
use mizzen_store::{Blob, Cancel, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Speaks to registries: connections, tokens and threads that many images share.
///
/// Cheap to clone. Its methods block; they must not be called from async code.
#[derive(Clone, Debug)]
pub struct Registry(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) client: Arc<Client>,
    pub(crate) known: Known,
    cancel: Cancel,
    threads: Threads,
}

/// What this process has learnt about who holds which blob.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Blobs that are surely in a repository: they were sent, mounted or asked for.
    present: Mutex<BTreeSet<(Digest, Repository)>>,
    /// One lock for each blob on its way, so that images that share it move it once.
    moving: Mutex<BTreeMap<(Digest, Option<Repository>), OneAtATime>>,
}

type OneAtATime = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    // A runtime that is dropped waits for its threads; the last handle may be dropped on one of
    // them.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Registry {
    /// Starts the threads; sends nothing yet.
    ///
    /// # Errors
    /// [`RegistryError::Settings`] if the threads cannot be started.
    pub fn new(settings: Settings, cancel: Cancel) -> Result<Self, RegistryError> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("registry")
            .enable_all()
            .build()
            .map_err(|error| {
                let text = "cannot start threads for the network".to_owned();
                RegistryError::Settings(text, Some(error.into()))
            })?;
        Ok(Self(Arc::new(Inner {
            client: Arc::new(Client::new(settings)),
            known: Known::default(),
            cancel,
            threads: Threads(Some(threads)),
        })))
    }

    /// Returns what `reference` points at now; `None` if it does not exist.
    ///
    /// One HEAD, which does not count as a pull; a GET where the registry does not name the digest.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry did not answer, or not in a way that can be used.
    pub fn resolve(&self, reference: &Reference) -> Result<Option<Descriptor>, RegistryError> {
        let access = Access::pull(&reference.repository);
        self.0.block_on(self.0.client.resolve(&access, reference))
    }

    /// Returns the image that `reference` names as a source. Manifests and configs are kept in
    /// `store`; layers get there when somebody opens them.
    pub fn source(&self, reference: Reference, store: Arc<Store>) -> RegistrySource {
        RegistrySource::new(self.0.clone(), reference, store)
    }

    /// Returns `reference` as a place to write an image to. `store` remembers what was written, so
    /// that the next write asks less.
    pub fn sink(&self, reference: Reference, store: Arc<Store>) -> RegistrySink {
        RegistrySink::new(self.0.clone(), reference, store)
    }

    /// Reads every layer of `images` that is not here yet, several at a time; for who needs them all.
    ///
    /// # Errors
    /// [`RegistryError::Blob`] for the first layer that cannot be had.
    pub fn fetch_layers(&self, images: &[Image]) -> Result<(), RegistryError> {
        let layers = images.iter().flat_map(Image::layers);
        let layers: BTreeMap<Digest, Arc<dyn Blob>> = layers
            .map(|layer| (layer.descriptor.digest, layer.blob.clone()))
            .collect();
        self.0.block_on(async {
            let mut fetching = JoinSet::new();
            for (digest, blob) in layers {
                fetching.spawn_blocking(move || {
                    let opened = blob.open().map(drop);
                    opened.map_err(|source| RegistryError::Blob { digest, source })
                });
            }
            while let Some(fetched) = fetching.join_next().await {
                fetched.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            }
            Ok(())
        })
    }

    /// Tries to get in with the credentials for `registry`, as a login does.
    ///
    /// # Errors
    /// [`RegistryError::Unauthorized`] if they do not do.
    pub fn check_login(&self, registry: &str) -> Result<(), RegistryError> {
        self.0.block_on(self.0.client.check_login(registry))
    }

    /// Tries whether `repository` could be pushed to, before there is anything to push. A
    /// repository that is not there is no failure: the push may make it.
    ///
    /// # Errors
    /// [`RegistryError::Unauthorized`] or [`RegistryError::Refused`] if it could not.
    pub fn check_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        self.0.block_on(self.0.client.check_push(repository))
    }

    /// Returns what registries asked to be shown to people, each text once.
    pub fn new_warnings(&self) -> Vec<String> {
        self.0.client.new_warnings()
    }

    /// Returns what has been done so far, by every source and sink.
    pub fn counts(&self) -> Counts {
        self.0.client.counters.counts()
    }
}

impl Inner {
    /// Waits for `future`, or until the work is asked to stop.
    pub(crate) fn block_on<T>(
        &self,
        future: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let runtime = self.threads.0.as_ref().expect("it is there until drop");
        runtime.block_on(async {
            tokio::select! {
                done = future => done,
                () = cancelled(&self.cancel) => Err(RegistryError::Cancelled),
            }
        })
    }
}

async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Known {
    pub(crate) fn is_present(&self, digest: &Digest, repository: &Repository) -> bool {
        lock(&self.present).contains(&(*digest, repository.clone()))
    }

    pub(crate) fn note(&self, digest: &Digest, repository: &Repository) {
        lock(&self.present).insert((*digest, repository.clone()));
    }

    /// Forgets everything about a repository, which was found to lack what it should have.
    pub(crate) fn forget(&self, repository: &Repository) {
        lock(&self.present).retain(|(_, known)| known != repository);
    }

    /// Returns another repository of `repository`'s registry that surely has the blob.
    pub(crate) fn elsewhere(&self, digest: &Digest, repository: &Repository) -> Option<Repository> {
        let present = lock(&self.present);
        let mut holders = present.iter().filter(|(known, _)| known == digest);
        holders
            .find(|(_, holder)| holder.registry == repository.registry && holder != repository)
            .map(|(_, holder)| holder.clone())
    }

    /// Returns the lock of a blob on its way to `repository`, or from anywhere to the store.
    pub(crate) fn moving(&self, digest: &Digest, to: Option<&Repository>) -> OneAtATime {
        let mut moving = lock(&self.moving);
        moving.entry((*digest, to.cloned())).or_default().clone()
    }
}

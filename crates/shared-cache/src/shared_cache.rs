use crate::record_document::RecordDocument;
use crate::remote::Remote;
use crate::shared_blob::SharedBlob;
use mizzen_oci::{Digest, Repository};
use mizzen_registry::{Counts, Registry, RegistryError};
use mizzen_store::{
    ActionCache, ActionResult, Blob, FsActionCache, Output, SharedForm, Store, StoreError,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The records of this machine, those of other machines that are found in repositories, and those of this
/// build that are to be sent there.
///
/// Nothing that a repository does or fails to do is an error: it is a miss.
pub struct SharedCache {
    store: Arc<Store>,
    form_of: fn(&str) -> Option<SharedForm>,
    places: SharedPlaces,
    from: Vec<Remote>,
    to: Vec<Remote>,
    /// What was asked for in repositories, and what they had.
    asked: Mutex<BTreeMap<Name, Option<ActionResult>>>,
    /// Which repository has a blob that a record named.
    holders: Mutex<BTreeMap<Digest, usize>>,
    /// What is to be sent in the end.
    queue: Mutex<BTreeMap<Name, Queued>>,
}

/// Where records are taken from and sent to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SharedPlaces {
    /// Asked in this order.
    pub from: Vec<Repository>,
    /// What a build makes or finds on this machine is sent to each.
    pub to: Vec<Repository>,
    /// Whether records are taken of steps of which nobody saw what they read of the machine.
    pub accepts_unwatched: bool,
}

/// A step and a key.
type Name = (String, Digest);

struct Queued {
    result: ActionResult,
    /// Whether it was made now; else it was found here, and may have been sent before.
    is_new: bool,
}

/// How many records are sent to one repository at a time.
const SENDERS: usize = 4;

impl SharedCache {
    /// Returns the records in `store`, and those of `places`, which `registry` speaks to: see
    /// [`remote_settings`](crate::remote_settings()). `form_of` says which records travel, and how.
    pub fn new(
        store: Arc<Store>,
        registry: &Registry,
        places: SharedPlaces,
        form_of: fn(&str) -> Option<SharedForm>,
    ) -> Self {
        let remotes = |of: &[Repository]| {
            let of = of.iter().cloned();
            of.map(|repository| Remote::new(registry.clone(), repository))
                .collect()
        };
        Self {
            form_of,
            from: remotes(&places.from),
            to: remotes(&places.to),
            places,
            ..Self::local(store)
        }
    }

    /// Returns the records in `store` alone.
    pub fn local(store: Arc<Store>) -> Self {
        Self {
            store,
            form_of: |_| None,
            places: SharedPlaces::default(),
            from: Vec::new(),
            to: Vec::new(),
            asked: Mutex::default(),
            holders: Mutex::default(),
            queue: Mutex::default(),
        }
    }

    /// Takes it as known that `repository` has a blob: it is mounted from there, not sent.
    pub fn note_blob(&self, repository: &Repository, digest: &Digest) {
        if let Some(remote) = self.to.first() {
            remote.registry.note_blob(repository, digest);
        }
    }

    /// Returns what there is to tell people since this was last asked, a line each.
    pub fn take_told(&self) -> Vec<String> {
        let remotes = self.from.iter().chain(&self.to);
        remotes.flat_map(Remote::take_told).collect()
    }

    /// Returns what went over the network for records and their blobs.
    pub fn counts(&self) -> Counts {
        let remote = self.from.first().or(self.to.first());
        remote.map_or_else(Counts::default, |remote| remote.registry.counts())
    }

    /// Sends what was made, and what was found here and is not there. Returns how many records were sent.
    ///
    /// # Errors
    /// [`StoreError`] if this machine's own cache cannot be read.
    pub fn send(&self) -> Result<usize, StoreError> {
        let queue = std::mem::take(&mut *lock(&self.queue));
        let mut sent = 0;
        for remote in &self.to {
            let left = Mutex::new(queue.iter());
            let work = || -> Result<usize, StoreError> {
                let mut sent = 0;
                loop {
                    let next = lock(&left).next();
                    let Some(((step, key), queued)) = next.filter(|_| !remote.is_off()) else {
                        return Ok(sent);
                    };
                    sent += usize::from(self.send_one(remote, (step, key), queued)?);
                }
            };
            let counts = std::thread::scope(|scope| {
                let workers: Vec<_> = (0..SENDERS).map(|_| scope.spawn(work)).collect();
                let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                    let joined = worker.join();
                    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                workers.into_iter().map(join).collect::<Vec<_>>()
            });
            for count in counts {
                sent += count?;
            }
        }
        Ok(sent)
    }

    /// Sends one record; `false` if there is no need to, or it cannot be sent.
    fn send_one(
        &self,
        remote: &Remote,
        (step, key): (&str, &Digest),
        queued: &Queued,
    ) -> Result<bool, StoreError> {
        let Some(form) = (self.form_of)(step) else {
            return Ok(false);
        };
        let mut result = queued.result.clone();
        if let Some(merge) = form.merge {
            // Somebody else may do the same now, and one of both be lost: a miss too many later.
            if let Some(theirs) = remote.record((step, key), form) {
                keep_texts(&theirs, &self.store)?;
                result = merge(&result, &theirs.result);
                let is_known = result.outputs == theirs.result.outputs;
                if is_known && (!result.outputs.is_empty() || result.facts == theirs.result.facts) {
                    return Ok(false);
                }
            }
        } else if !queued.is_new && remote.has(step, key) {
            return Ok(false);
        }
        let Some(document) = RecordDocument::of((step, key), &result, form, &self.store)? else {
            return Ok(false);
        };
        let mut blobs = Vec::new();
        for output in document.blobs(form) {
            match self.blob(&output) {
                Some(blob) => blobs.push((output, blob)),
                None => return Ok(false),
            }
        }
        let (manifest, packed) = document.to_manifest(form)?;
        match remote.send((step, key), (&manifest, packed), blobs) {
            Ok(()) => Ok(true),
            Err(RegistryError::Store(error)) => Err(error),
            Err(error) => {
                remote.give_up("written", &error);
                Ok(false)
            }
        }
    }

    fn machine(&self) -> FsActionCache<'_> {
        FsActionCache(&self.store)
    }

    fn is_complete(&self, result: &ActionResult) -> bool {
        let mut outputs = result.outputs.values();
        outputs.all(|output| self.machine().blob(output).is_some())
    }

    /// Asks the repositories, each thing once in a command, and keeps here what they have.
    fn ask(&self, step: &str, key: &Digest) -> Result<Option<ActionResult>, StoreError> {
        let Some(form) = (self.form_of)(step).filter(|_| !self.from.is_empty()) else {
            return Ok(None);
        };
        let name = (step.to_owned(), *key);
        if let Some(known) = lock(&self.asked).get(&name) {
            return Ok(known.clone());
        }
        let mut found: Option<ActionResult> = None;
        for (place, remote) in self.from.iter().enumerate() {
            let Some(document) = remote.record((step, key), form) else {
                continue;
            };
            if !self.places.accepts_unwatched && !(form.is_watched)(&document.result) {
                remote.tell(format!(
                    "a record of {step} in the shared cache `{}` is not used: nobody watched what of its machine \
                     went into it (`accept-unwatched` in [cache] takes it)",
                    remote.repository
                ));
                continue;
            }
            keep_texts(&document, &self.store)?;
            let mut holders = lock(&self.holders);
            for blob in document.blobs(form) {
                holders.entry(blob.digest).or_insert(place);
            }
            drop(holders);
            let mut result = document.result;
            result.origin = Some(remote.repository.to_string());
            found = Some(match (found, form.merge) {
                (Some(nearer), Some(merge)) => merge(&nearer, &result),
                _ => result,
            });
            if form.merge.is_none() {
                break;
            }
        }
        if let Some(found) = &found {
            let here = self.machine().get(step, key)?;
            let kept = match (here, form.merge) {
                (Some(here), Some(merge)) => merge(&here, found),
                _ => found.clone(),
            };
            self.machine().put(step, key, &kept)?;
        }
        lock(&self.asked).insert(name, found.clone());
        Ok(found)
    }

    fn enqueue(&self, step: &str, key: &Digest, result: &ActionResult, is_new: bool) {
        if self.to.is_empty() || (self.form_of)(step).is_none() {
            return;
        }
        let queued = Queued {
            result: result.clone(),
            is_new,
        };
        lock(&self.queue).insert((step.to_owned(), *key), queued);
    }
}

impl ActionCache for SharedCache {
    fn get(&self, step: &str, key: &Digest) -> Result<Option<ActionResult>, StoreError> {
        let here = self.machine().get(step, key)?;
        if let Some(here) = &here
            && self.is_complete(here)
        {
            self.enqueue(step, key, here, false);
            return Ok(Some(here.clone()));
        }
        Ok(self.ask(step, key)?.or(here))
    }

    fn put(&self, step: &str, key: &Digest, result: &ActionResult) -> Result<(), StoreError> {
        self.enqueue(step, key, result, true);
        self.machine().put(step, key, result)
    }

    fn get_elsewhere(&self, step: &str, key: &Digest) -> Result<Option<ActionResult>, StoreError> {
        self.ask(step, key)
    }

    fn blob(&self, output: &Output) -> Option<Arc<dyn Blob>> {
        if let Some(here) = self.machine().blob(output) {
            return Some(here);
        }
        let place = *lock(&self.holders).get(&output.digest)?;
        let remote = &self.from[place];
        Some(Arc::new(SharedBlob {
            blob: remote.blob(output, &self.store),
            repository: remote.repository.clone(),
        }))
    }

    fn bring(&self, outputs: &[Output]) -> Result<Option<Output>, StoreError> {
        let is_away = |output: &&Output| self.machine().blob(output).is_none();
        let away = Mutex::new(outputs.iter().filter(is_away));
        let lost = Mutex::new(None);
        let work = || {
            loop {
                let next = lock(&away).next();
                let Some(output) = next.filter(|_| lock(&lost).is_none()) else {
                    return;
                };
                let opened = self.blob(output).map(|blob| blob.open().map(drop));
                if !matches!(opened, Some(Ok(()))) {
                    *lock(&lost) = Some((*output, opened.and_then(Result::err)));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(work);
            }
        });
        let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some((output, error)) = lost else {
            return Ok(None);
        };
        if let Some(error) = error
            && let Some(place) = lock(&self.holders).get(&output.digest)
        {
            let remote = &self.from[*place];
            let error = RegistryError::Blob {
                digest: output.digest,
                source: error,
            };
            remote.give_up("read", &error);
        }
        Ok(Some(output))
    }
}

/// Keeps here the texts that a record brought along.
fn keep_texts(document: &RecordDocument, store: &Store) -> Result<(), StoreError> {
    for text in document.texts() {
        store.put(text.as_bytes())?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

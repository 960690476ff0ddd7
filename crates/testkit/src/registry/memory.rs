use super::access::Login;
use super::routes::{self, Asked};
use super::server::{Backend, Server, lock};
use super::state::{State, StoredManifest};
use super::{Fault, Personality, RecordedRequest};
use bytes::Bytes;
use hyper::Response;
use mizzen_oci::Digest;
use std::fmt;
use std::sync::{Arc, Mutex};

/// A registry in memory, on a loopback port of its own; it stops when the value is dropped.
pub struct MemoryRegistry {
    server: Server,
    held: Arc<Held>,
}

#[derive(Default)]
struct Held {
    state: Mutex<State>,
    login: Mutex<Option<Login>>,
    personality: Mutex<Option<Personality>>,
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryRegistry({})", self.host())
    }
}

impl Default for MemoryRegistry {
    fn default() -> Self {
        Self::start()
    }
}

impl MemoryRegistry {
    /// Starts an empty registry that lets everybody in.
    pub fn start() -> Self {
        let held = Arc::<Held>::default();
        Self {
            server: Server::start(held.clone()),
            held,
        }
    }

    /// Returns host and port, as a reference begins.
    pub fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// Lets in only who can log in.
    pub fn require(&self, login: Login) {
        *lock(&self.held.login) = Some(login);
    }

    /// Takes on the habits of a registry.
    pub fn behave(&self, personality: Personality) {
        *lock(&self.held.personality) = Some(personality);
    }

    /// Makes every token that was given out so far an old one.
    pub fn revoke_tokens(&self) {
        lock(&self.held.state).tokens.revoke_all();
    }

    /// Plays `script`: it sees each request with its number since the last [`Self::forget_requests`]
    /// and says what goes wrong with it.
    pub fn play(
        &self,
        script: impl Fn(usize, &RecordedRequest) -> Option<Fault> + Send + Sync + 'static,
    ) {
        self.server.log.set_script(Some(Box::new(script)));
    }

    /// Goes back to nothing going wrong.
    pub fn play_nothing(&self) {
        self.server.log.set_script(None);
    }

    /// Returns every request since the start or the last [`Self::forget_requests`].
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.log.requests()
    }

    /// Counts requests again.
    pub fn forget_requests(&self) {
        self.server.log.clear();
    }

    /// Puts a blob into a repository.
    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let mut state = lock(&self.held.state);
        state
            .repository(repository)
            .blobs
            .insert(digest, Bytes::copy_from_slice(bytes));
        digest
    }

    /// Takes a blob out of a repository.
    pub fn remove_blob(&self, repository: &str, digest: &Digest) {
        lock(&self.held.state)
            .repository(repository)
            .blobs
            .remove(digest);
    }

    /// Puts a manifest into a repository, under a tag or under its digest alone.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Digest {
        let digest = Digest::of(bytes);
        let mut state = lock(&self.held.state);
        let held = state.repository(repository);
        let manifest = StoredManifest {
            media_type: media_type.to_owned(),
            bytes: Bytes::copy_from_slice(bytes),
        };
        held.manifests.insert(digest, manifest);
        if let Some(tag) = tag {
            held.tags.insert(tag.to_owned(), digest);
        }
        digest
    }

    /// Returns the bytes of a blob of a repository.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        lock(&self.held.state).blob(repository, digest)
    }

    /// Returns the digest and the bytes of a manifest, by tag or digest.
    pub fn manifest(&self, repository: &str, name: &str) -> Option<(Digest, Bytes)> {
        let found = lock(&self.held.state).manifest(repository, name)?;
        Some((found.0, found.1.bytes))
    }
}

impl Held {
    fn personality(&self) -> Personality {
        let set = lock(&self.personality).clone();
        set.unwrap_or(Personality::BY_THE_BOOK)
    }
}

impl Backend for Held {
    async fn answer(&self, asked: &Asked<'_>) -> Response<Bytes> {
        let login = lock(&self.login).clone();
        let personality = self.personality();
        routes::answer(&mut lock(&self.state), login.as_ref(), &personality, asked)
    }

    fn most_body_bytes(&self) -> u64 {
        self.personality().most_body_bytes
    }

    fn part(&self, request: &RecordedRequest, bytes: &[u8]) {
        let name = request.path.rsplit('/').next().unwrap_or_default();
        let uploads = &mut lock(&self.state).uploads;
        if !self.personality().resumes_uploads {
            uploads.remove(name);
        } else if let Some(upload) = uploads.get_mut(name) {
            upload.bytes.extend_from_slice(bytes);
        }
    }
}

use crate::{Clock, Keychain, Quirk, RetrySettings, Silent, SystemClock, TransferReporter};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything a [`crate::Registry`] is told; it reads neither environment nor configuration itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Credentials.
    pub keychain: Keychain,
    /// What is special about a registry, by its name in references, in lower case:
    /// `registry.example:5000`, `docker.io`.
    pub hosts: BTreeMap<String, HostSettings>,
    /// Certificate authorities (PEM) to trust instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// Folders of certificate authorities (PEM) to trust; with one of them, the system's are not.
    pub ca_folders: Vec<PathBuf>,
    /// Through whom requests go.
    pub proxies: Proxies,
    /// Send nothing; what is not in the cache is an error.
    pub offline: bool,
    /// How failures are retried.
    pub retry: RetrySettings,
    /// How long a connection may take to stand, its TLS handshake included.
    pub connect_timeout: Duration,
    /// How long a peer may say and take nothing.
    pub silence_timeout: Duration,
    /// How long one attempt at a document (a manifest, a config, a token) may take, from the request to
    /// the last byte.
    pub document_timeout: Duration,
    /// How fast a blob must move, over half a minute; 0 for no such limit.
    pub least_bytes_per_second: u64,
    /// How many blobs move to or from one host at a time; requests for JSON have as many places of
    /// their own.
    pub transfers_per_host: usize,
    /// What tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Who hears how blobs move.
    pub reporter: Arc<dyn TransferReporter>,
    /// Habits of registries that are not dealt with. Only tests have a use for it.
    #[doc(hidden)]
    pub unhandled: BTreeSet<Quirk>,
}

/// What is special about one registry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostSettings {
    /// `true`: plain HTTP. `false`: HTTPS. Not said: plain HTTP for loopback hosts without `ca`,
    /// HTTPS for all others.
    pub insecure: Option<bool>,
    /// Certificate authorities (PEM) to trust for this host, beside the usual ones.
    pub ca: Option<PathBuf>,
    /// The certificate and the key (PEM) that this host wants to see.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Where images of this registry are looked for first, in order: `mirror.corp/hub` has
    /// `library/nginx` as `hub/library/nginx`. Pulls only; what no mirror has comes from here.
    pub mirrors: Vec<String>,
    /// Send blobs in chunks of so many bytes. Not said: whole, in chunks only after the host
    /// refused a blob as too large (413).
    pub chunk_bytes: Option<u64>,
    /// [`Settings::document_timeout`] for this host.
    pub document_timeout: Option<Duration>,
    /// [`Settings::least_bytes_per_second`] for this host.
    pub least_bytes_per_second: Option<u64>,
}

/// Through whom requests go; loopback hosts are always asked directly.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proxies {
    /// For plain HTTP: `http://user:password@proxy.corp:3128`, `socks5://proxy.corp`.
    pub http: Option<String>,
    /// For HTTPS.
    pub https: Option<String>,
    /// Whom to ask directly, in the form of `NO_PROXY`: names, suffixes, addresses, networks, with
    /// ports.
    pub except: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: concat!("mizzen/", env!("CARGO_PKG_VERSION")).to_owned(),
            keychain: Keychain::default(),
            hosts: BTreeMap::new(),
            ca_bundle: None,
            ca_folders: Vec::new(),
            proxies: Proxies::default(),
            offline: false,
            retry: RetrySettings::default(),
            connect_timeout: Duration::from_secs(15),
            silence_timeout: Duration::from_secs(60),
            document_timeout: Duration::from_secs(30),
            least_bytes_per_second: 1024,
            transfers_per_host: 4,
            clock: Arc::new(SystemClock::default()),
            reporter: Arc::new(Silent),
            unhandled: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Returns what is special about a registry, by its name in a reference.
    pub(crate) fn host(&self, registry: &str) -> Option<&HostSettings> {
        self.hosts.get(&registry.to_ascii_lowercase())
    }

    pub(crate) fn handles(&self, quirk: Quirk) -> bool {
        !self.unhandled.contains(&quirk)
    }
}

use crate::chunks::Chunks;
use crate::client::Client;
use crate::pace::Pace;
use crate::sync::lock;

use crate::{Clock, RegistryError, Settings, endpoint, proxy, tls};
use reqwest::Url;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// One host: its connections, how many requests it gets at a time, what it has shown of itself.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) http: reqwest::Client,
    /// The proxy on the way, as messages call it.
    pub(crate) proxy: Option<String>,
    /// Places for requests that move blobs.
    pub(crate) transfers: Arc<Semaphore>,
    /// Places for the others, so that a manifest does not wait behind layers.
    pub(crate) calls: Arc<Semaphore>,
    /// Nobody asks this host before that moment, on the client's clock.
    not_before: Mutex<Duration>,
    chunks: Mutex<Chunks>,
    pub(crate) pace: Pace,
}

impl Host {
    fn new(settings: &Settings, url: &Url) -> Result<Self, RegistryError> {
        let special = endpoint::host_settings(settings, url);
        let route = proxy::route(settings, url)?;
        let places = || Arc::new(Semaphore::new(settings.transfers_per_host.max(1)));
        Ok(Self {
            http: tls::http_client(settings, url, route.as_ref())?,
            proxy: route.map(|route| route.shown),
            transfers: places(),
            calls: places(),
            pace: Pace::of(settings, special),
            not_before: Mutex::default(),
            chunks: Mutex::new(Chunks {
                limit_bytes: special.and_then(|host| host.chunk_bytes),
                ..Chunks::default()
            }),
        })
    }

    /// Waits until the host may be asked again; somebody else may put that off meanwhile.
    pub(crate) async fn wait(&self, clock: &dyn Clock) {
        loop {
            let wait = lock(&self.not_before).saturating_sub(clock.now());
            if wait.is_zero() {
                return;
            }
            clock.sleep(wait).await;
        }
    }

    /// Has everybody wait until `moment`.
    pub(crate) fn rest_until(&self, moment: Duration) {
        let mut not_before = lock(&self.not_before);
        *not_before = (*not_before).max(moment);
    }
}

impl Client {
    /// Returns the host of `url`, which is set up when it is first asked.
    pub(crate) fn host(&self, url: &Url) -> Result<Arc<Host>, RegistryError> {
        let mut hosts = lock(&self.hosts);
        let key = url.origin().ascii_serialization();
        if let Some(host) = hosts.get(&key) {
            return Ok(host.clone());
        }
        let host = Arc::new(Host::new(&self.settings, url)?);
        hosts.insert(key, host.clone());
        Ok(host)
    }

    /// Returns what the host of `url` has shown about the sizes that it takes.
    pub(crate) fn chunks(&self, url: &Url) -> Result<Chunks, RegistryError> {
        Ok(*lock(&self.host(url)?.chunks))
    }

    pub(crate) fn set_chunks(&self, url: &Url, chunks: Chunks) -> Result<(), RegistryError> {
        *lock(&self.host(url)?.chunks) = chunks;
        Ok(())
    }
}

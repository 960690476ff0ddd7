//! What a verb works with: how it was called, what is configured, and what it opens of the machine.

use crate::Process;
use crate::config::{Config, option_names};
use crate::consent::Granted;
use crate::error::CommandError;
use crate::places::engine::EnginePlatforms;
use crate::ui::Ui;
use mizzen_builder::{Observations, shared_form};
use mizzen_registry::{Keychain, Proxies, Registry, Settings};
use mizzen_shared_cache::{SharedCache, SharedPlaces, remote_settings};
use mizzen_store::{Cancel, Store};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// How mizzen was called: by which process, with which words, and what stops it.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) process: &'a Process,
    pub(crate) cancel: Cancel,
    /// The verbs and their options.
    pub(crate) command: clap::Command,
    /// The command line, in the forms that clap takes.
    pub(crate) words: Vec<OsString>,
}

/// What one verb works with. The configuration is read when the session is opened, everything else
/// once, when it is first asked for.
pub(crate) struct Session<'a> {
    pub(crate) process: &'a Process,
    pub(crate) cancel: Cancel,
    /// What `mizzen.toml` says where the verb works.
    pub(crate) config: Config,
    pub(crate) ui: Ui,
    pub(crate) engines: EnginePlatforms,
    /// What repositories may have of what lies outside of them.
    pub(crate) granted: Granted,
    cache_dir: Option<PathBuf>,
    /// Whether the verb only looks, and makes no cache where there is none.
    is_reader: bool,
    store: OnceLock<Arc<Store>>,
    /// Where records of other machines are, and where those of this one go.
    pub(crate) shared_places: SharedPlaces,
    /// Who the user is there.
    pub(crate) shared_keychain: Keychain,
    pub(crate) is_offline: bool,
    records: OnceLock<SharedCache>,
    /// What the builds of this verb have looked at.
    pub(crate) observations: Observations,
}

impl<'a> Invocation<'a> {
    /// Reads the `mizzen.toml` that is nearest to `path`.
    ///
    /// # Errors
    /// As [`Config::find`].
    pub(crate) fn config(&self, path: &Path) -> Result<Config, CommandError> {
        Config::find(&self.process.absolute(path), &option_names(&self.command))
    }

    /// Opens the session of a verb with `config`, which was checked to ask for nothing that is not
    /// allowed: see [`open_session`](crate::consent::open_session).
    pub(crate) fn session_of(
        &self,
        config: Config,
        ui: Ui,
        cache_dir: Option<&Path>,
    ) -> Session<'a> {
        let cache_dir = cache_dir.map(Path::to_owned);
        Session {
            process: self.process,
            cancel: self.cancel.clone(),
            cache_dir: cache_dir.or_else(|| config.cache_dir()),
            config,
            ui,
            granted: Granted::These(BTreeMap::new()),
            engines: EnginePlatforms::default(),
            is_reader: false,
            store: OnceLock::new(),
            shared_places: SharedPlaces::default(),
            shared_keychain: Keychain::default(),
            is_offline: false,
            records: OnceLock::new(),
            observations: Observations::default(),
        }
    }
}

impl Session<'_> {
    /// Returns the session of a verb that only looks: where there is no cache, it makes none that stays.
    #[must_use]
    pub(crate) fn reading(mut self) -> Self {
        self.is_reader = true;
        self
    }

    /// Opens the cache: the one that the command line, the environment or `mizzen.toml` names, else the
    /// user's own.
    ///
    /// # Errors
    /// There is no place for one, or it cannot be used.
    pub(crate) fn store(&self) -> Result<&Arc<Store>, CommandError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let folder = self.cache_folder()?;
        let store = if self.is_reader {
            match Store::open_existing(&folder)? {
                Some(store) => store,
                None => Store::temporary(&self.temporary_folder())?,
            }
        } else {
            Store::open(&folder)?
        };
        Ok(self.store.get_or_init(|| Arc::new(store)))
    }

    /// Opens the cache if there is one.
    ///
    /// # Errors
    /// It cannot be used.
    pub(crate) fn existing_store(&self) -> Result<Option<Store>, CommandError> {
        Ok(Store::open_existing(&self.cache_folder()?)?)
    }

    /// Whether other machines are asked for what they know.
    pub(crate) fn is_sharing(&self) -> bool {
        !self.is_offline && !self.shared_places.from.is_empty()
    }

    /// Returns the records of this machine and of the shared caches that were asked for.
    ///
    /// # Errors
    /// As [`store`](Self::store); a certificate or a proxy cannot be used.
    pub(crate) fn records(&self) -> Result<&SharedCache, CommandError> {
        if let Some(records) = self.records.get() {
            return Ok(records);
        }
        let store = self.store()?.clone();
        let places = self.shared_places.clone();
        let records = if self.is_offline || places == SharedPlaces::default() {
            SharedCache::local(store)
        } else {
            let keychain = self.shared_keychain.clone();
            let settings =
                remote_settings(self.settings(&self.config, false, keychain, &self.ui)?);
            let registry = Registry::new(settings, self.cancel.clone())?;
            SharedCache::new(store, &registry, places, shared_form)
        };
        Ok(self.records.get_or_init(|| records))
    }

    /// Returns where temporary files go.
    pub(crate) fn temporary_folder(&self) -> PathBuf {
        self.process.variable("TMPDIR").unwrap_or("/tmp").into()
    }

    /// Prepares the registry client, which knows what `config` says of hosts and tells `ui` what it does;
    /// sends nothing yet.
    ///
    /// # Errors
    /// A certificate or a proxy cannot be used.
    pub(crate) fn registry(
        &self,
        config: &Config,
        offline: bool,
        keychain: Keychain,
        ui: &Ui,
    ) -> Result<Registry, CommandError> {
        let settings = self.settings(config, offline, keychain, ui)?;
        Ok(Registry::new(settings, self.cancel.clone())?)
    }

    fn settings(
        &self,
        config: &Config,
        offline: bool,
        keychain: Keychain,
        ui: &Ui,
    ) -> Result<Settings, CommandError> {
        Ok(Settings {
            keychain,
            reporter: ui.transfers(),
            hosts: config.hosts()?,
            proxies: proxies(self.process),
            ca_bundle: self.process.variable("SSL_CERT_FILE").map(PathBuf::from),
            ca_folders: self
                .process
                .variable("SSL_CERT_DIR")
                .map(|folders| std::env::split_paths(folders).collect())
                .unwrap_or_default(),
            offline,
            ..Settings::default()
        })
    }

    /// Returns where the cache is, or would be.
    ///
    /// # Errors
    /// There is no place for one.
    pub(crate) fn cache_folder(&self) -> Result<PathBuf, CommandError> {
        if let Some(folder) = &self.cache_dir {
            return Ok(self.process.absolute(folder));
        }
        let xdg = self.process.variable("XDG_CACHE_HOME").map(PathBuf::from);
        let xdg = xdg.filter(|folder| folder.is_absolute());
        let users = xdg.or_else(|| Some(self.process.home()?.join(".cache")));
        users.map(|folder| folder.join("mizzen")).ok_or_else(|| {
            CommandError::usage("there is no cache folder: HOME is not set")
                .hinted("name one with --cache-dir")
        })
    }
}

/// Returns the proxies that the usual variables name; lower case wins, as in curl.
fn proxies(process: &Process) -> Proxies {
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| process.variable(name))
            .map(str::to_owned)
    };
    Proxies {
        http: first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
        https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        except: first(&["no_proxy", "NO_PROXY"]).unwrap_or_default(),
    }
}

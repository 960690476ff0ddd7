use super::challenge::{self, Challenge};
use super::keychain::{Found, LookUp};
use super::token::Token;
use super::{Access, Credential};
use crate::client::Client;
use crate::follow;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::Failure;
use crate::sync::lock;
use crate::{Answer, Quirk, RegistryError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizzen_oci::Repository;
use reqwest::Url;
use reqwest::header::{self, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What each registry wants to see, and the tokens that it gave.
#[derive(Debug, Default)]
pub(crate) struct Authorizations {
    registries: Mutex<BTreeMap<String, Arc<OneRegistry>>>,
    /// What the keychain said; a credential helper is asked once.
    looked_up: tokio::sync::Mutex<BTreeMap<Repository, Arc<LookUp>>>,
    /// The same, for error messages, which cannot wait.
    tried: Mutex<BTreeMap<Repository, String>>,
    /// Token servers that took a password by GET, and before that not by POST.
    asked_by_get: Mutex<BTreeSet<Url>>,
}

#[derive(Debug, Default)]
struct OneRegistry {
    challenge: Mutex<Option<Challenge>>,
    /// By credential's repository and scopes. The inner lock is held while a token is fetched, so
    /// that those who need the same one wait for it.
    tokens: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Option<Token>>>>>,
}

impl Client {
    /// Returns the `Authorization` of a request, as far as the registry has said that it wants one.
    pub(crate) async fn authorization(
        &self,
        access: &Access,
    ) -> Result<Option<HeaderValue>, Failure> {
        let registry = self.authorizations.of(access);
        match registry.challenge() {
            None => Ok(None),
            Some(Challenge::Basic) => {
                let found = self.credential(&access.repository).await;
                Ok(found.and_then(|found| basic(&found.credential)))
            }
            Some(challenge) => {
                let slot = registry.slot(access);
                let mut slot = slot.lock().await;
                if let Some(token) = &*slot
                    && token.expires > self.settings.clock.now()
                {
                    return Ok(Some(token.header.clone()));
                }
                let token = self.fetch_token(access, &challenge).await?;
                Ok(Some(slot.insert(token).header.clone()))
            }
        }
    }

    /// Takes note of a 401, which answered a request sent with `used`; an error if it is of no use
    /// to try again.
    pub(crate) async fn challenged(
        &self,
        request: &Request,
        used: Option<&HeaderValue>,
        reply: &Reply,
    ) -> Result<(), RegistryError> {
        let access = &request.access;
        let values = reply.headers.get_all(header::WWW_AUTHENTICATE);
        let mut challenges =
            challenge::parse(values.iter().filter_map(|value| value.to_str().ok()));
        if self.settings.handles(Quirk::BasicBeforeBearer) {
            // A token says less than a password.
            challenges.sort_by_key(|challenge| *challenge == Challenge::Basic);
        }
        let registry = self.authorizations.of(access);
        let known = registry.challenge();
        let unauthorized = || self.unauthorized(access, reply.answer(request));
        let Some(challenge) = challenges.into_iter().next().or(known) else {
            return Err(unauthorized());
        };
        match (&challenge, used) {
            (Challenge::Basic, Some(_)) => return Err(unauthorized()),
            (Challenge::Basic, None) => {
                let found = self.credential(&access.repository).await;
                if found.and_then(|found| basic(&found.credential)).is_none() {
                    return Err(unauthorized());
                }
            }
            (Challenge::Bearer { realm, error, .. }, used) => {
                check_realm(request, reply, realm)?;
                // The token is sound and grants too little: the token server has decided.
                if used.is_some() && error.as_deref() == Some("insufficient_scope") {
                    return Err(unauthorized());
                }
                let slot = registry.slot(access);
                let mut slot = slot.lock().await;
                // Another request may have put a fresh one here meanwhile; that one is kept.
                if slot
                    .as_ref()
                    .is_some_and(|token| Some(&token.header) == used)
                {
                    *slot = None;
                }
            }
        }
        *lock(&registry.challenge) = Some(challenge);
        Ok(())
    }

    /// Returns the credential for a repository; credential helpers run on a thread of their own.
    pub(super) async fn credential(&self, repository: &Repository) -> Option<Found> {
        let mut looked_up = self.authorizations.looked_up.lock().await;
        if let Some(known) = looked_up.get(repository) {
            return known.found.clone();
        }
        let (keychain, wanted) = (self.settings.keychain.clone(), repository.clone());
        let look_up = tokio::task::spawn_blocking(move || keychain.look_up(&wanted)).await;
        let look_up = look_up.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let look_up = Arc::new(look_up);
        looked_up.insert(repository.clone(), look_up.clone());
        lock(&self.authorizations.tried).insert(repository.clone(), look_up.tried());
        look_up.found.clone()
    }

    /// Says where credentials were looked for.
    fn tried(&self, repository: &Repository) -> String {
        let tried = lock(&self.authorizations.tried);
        let anonymous = || "without credentials".to_owned();
        tried.get(repository).cloned().unwrap_or_else(anonymous)
    }

    pub(crate) fn unauthorized(&self, access: &Access, answer: Answer) -> RegistryError {
        let scope = match access.scopes[..] {
            [] => "a login".to_owned(),
            _ => format!("`{}`", access.scopes.join(" ")),
        };
        RegistryError::Unauthorized {
            registry: access.repository.registry.clone(),
            scope,
            tried: self.tried(&access.repository),
            answer: Box::new(answer),
        }
    }
}

/// Refuses a token server that a password must not be told to.
fn check_realm(request: &Request, reply: &Reply, realm: &str) -> Result<(), RegistryError> {
    let unusable =
        |why: &str| request.unusable(format!("it names the token server `{realm}`, which {why}"));
    let url = Url::parse(realm).map_err(|_| unusable("is not a URL"))?;
    match follow::refusal(&reply.url, reply.peer, &url) {
        Some(why) => Err(unusable(why)),
        None => Ok(()),
    }
}

impl Authorizations {
    pub(super) fn is_asked_by_get(&self, realm: &Url) -> bool {
        lock(&self.asked_by_get).contains(realm)
    }

    pub(super) fn ask_by_get(&self, realm: &Url) {
        lock(&self.asked_by_get).insert(realm.clone());
    }

    fn of(&self, access: &Access) -> Arc<OneRegistry> {
        let mut registries = lock(&self.registries);
        registries
            .entry(access.repository.registry.clone())
            .or_default()
            .clone()
    }
}

impl OneRegistry {
    fn challenge(&self) -> Option<Challenge> {
        lock(&self.challenge).clone()
    }

    fn slot(&self, access: &Access) -> Arc<tokio::sync::Mutex<Option<Token>>> {
        lock(&self.tokens).entry(access.key()).or_default().clone()
    }
}

pub(super) fn basic(credential: &Credential) -> Option<HeaderValue> {
    let Credential::Password { username, password } = credential else {
        return None;
    };
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

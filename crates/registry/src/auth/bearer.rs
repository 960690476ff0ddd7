use super::Credential;
use super::challenge::{self, Challenge};
use super::keychain::{Found, LookUp};
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
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a request needs to be allowed: the repository whose credentials count, and the scopes.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) repository: Repository,
    /// `repository:<name>:pull`. The one that is written to comes first: some token servers look at
    /// no other.
    pub(crate) scopes: Vec<String>,
    /// There is another place to ask, so that little patience will do.
    pub(crate) is_mirror: bool,
}

/// What each registry wants to see, and the tokens that it gave.
#[derive(Debug, Default)]
pub(crate) struct Authorizations {
    registries: Mutex<BTreeMap<String, Arc<OneRegistry>>>,
    /// What the keychain said; a credential helper is asked once.
    looked_up: tokio::sync::Mutex<BTreeMap<Repository, Arc<LookUp>>>,
    /// The same, for error messages, which cannot wait.
    tried: Mutex<BTreeMap<Repository, String>>,
}

#[derive(Debug, Default)]
struct OneRegistry {
    challenge: Mutex<Option<Challenge>>,
    /// By credential's repository and scopes. The inner lock is held while a token is fetched, so
    /// that those who need the same one wait for it.
    tokens: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Option<Token>>>>>,
}

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    /// On the client's clock.
    expires: Duration,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

/// A token that says nothing of its life has this one (the token specification's default).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// A token is not used in the last part of its life: it must still hold when the request arrives.
const MARGIN: Duration = Duration::from_secs(10);

impl Access {
    pub(crate) fn pull(repository: &Repository) -> Self {
        let scopes = vec![format!("repository:{}:pull", repository.name)];
        Self {
            repository: repository.clone(),
            scopes,
            is_mirror: false,
        }
    }

    /// Access to the registry as such.
    pub(crate) fn registry(registry: &str) -> Self {
        Self {
            repository: Repository {
                registry: registry.to_owned(),
                name: String::new(),
            },
            scopes: Vec::new(),
            is_mirror: false,
        }
    }

    pub(crate) fn push(repository: &Repository) -> Self {
        let scopes = vec![format!("repository:{}:pull,push", repository.name)];
        Self {
            repository: repository.clone(),
            scopes,
            is_mirror: false,
        }
    }

    /// Returns this access with the right to mount from `from`.
    pub(crate) fn and_pull(&self, from: &Repository) -> Self {
        let mut access = self.clone();
        access.scopes.push(format!("repository:{}:pull", from.name));
        access
    }

    fn key(&self) -> String {
        format!("{} {}", self.repository, self.scopes.join(" "))
    }
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
    async fn credential(&self, repository: &Repository) -> Option<Found> {
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

    async fn fetch_token(&self, access: &Access, challenge: &Challenge) -> Result<Token, Failure> {
        let Challenge::Bearer { realm, service, .. } = challenge else {
            unreachable!("only a Bearer challenge asks for a token");
        };
        let realm = Url::parse(realm).expect("check_realm() has parsed it");
        let service = service.as_deref();
        let found = self.credential(&access.repository).await;
        let credential = found.as_ref().map(|found| &found.credential);
        let asked = self.settings.clock.now();
        let reply = if let Some(token @ Credential::IdentityToken(_)) = credential {
            let request = exchange(&realm, service, access, token);
            self.ask_token_server(&request, None).await?
        } else {
            // Every token server knows GET; few that know POST do not.
            let request = question(&realm, service, access);
            let header = credential.and_then(basic);
            let reply = self.ask_token_server(&request, header.as_ref()).await?;
            match credential {
                Some(password) if matches!(reply.status.as_u16(), 404 | 405) => {
                    let request = exchange(&realm, service, access, password);
                    self.ask_token_server(&request, None).await?
                }
                _ => reply,
            }
        };
        let request = question(&realm, service, access);
        if matches!(reply.status.as_u16(), 400 | 401 | 403) {
            return Err(self.unauthorized(access, reply.answer(&request)).into());
        }
        let reply = reply.check(&request)?;
        // An answer that is damaged may be whole the next time.
        let unusable = |reason: String| Failure::transient(request.unusable(reason));
        let answer: TokenAnswer = serde_json::from_slice(&reply.body)
            .map_err(|error| unusable(format!("the token server's answer: {error}")))?;
        let either = self.settings.handles(Quirk::AccessTokenName);
        let text = if answer.token.is_empty() && either {
            answer.access_token
        } else {
            answer.token
        };
        let mut header = HeaderValue::from_str(&format!("Bearer {text}"))
            .ok()
            .filter(|_| !text.is_empty())
            .ok_or_else(|| unusable("the token server gave no token".to_owned()))?;
        header.set_sensitive(true);
        let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
        Ok(Token {
            header,
            expires: asked + life.saturating_sub(MARGIN).max(life / 2),
        })
    }
}

/// Asks for a token by GET; a password goes into the `Authorization` header.
///
/// Source: distribution's "Token Authentication Specification".
fn question(realm: &Url, service: Option<&str>, access: &Access) -> Request {
    let mut url = realm.clone();
    let scopes = access.scopes.iter().map(|scope| ("scope", &**scope));
    let pairs = service.map(|service| ("service", service)).into_iter();
    url.query_pairs_mut().extend_pairs(pairs.chain(scopes));
    Request::new(Method::GET, url, access, "an access token")
}

/// Asks for a token by POST, with the credential in the body.
///
/// Source: distribution's "Oauth2 Token Authentication".
fn exchange(
    realm: &Url,
    service: Option<&str>,
    access: &Access,
    credential: &Credential,
) -> Request {
    let joined = access.scopes.join(" ");
    let mut form = vec![("client_id", "mizzen"), ("scope", &joined)];
    form.extend(service.map(|service| ("service", service)));
    match credential {
        Credential::IdentityToken(token) => {
            form.extend([("grant_type", "refresh_token"), ("refresh_token", &**token)]);
        }
        Credential::Password { username, password } => form.extend([
            ("grant_type", "password"),
            ("username", &**username),
            ("password", &**password),
        ]),
    }
    // A form is written like a query.
    let mut form_url = realm.clone();
    form_url.query_pairs_mut().clear().extend_pairs(form);
    let body = form_url.query().unwrap_or_default().as_bytes().to_vec();
    let mut request = Request::new(Method::POST, realm.clone(), access, "an access token");
    request.bytes(body.into(), "application/x-www-form-urlencoded");
    request
}

/// Refuses a token server that a password must not be told to.
fn check_realm(request: &Request, reply: &Reply, realm: &str) -> Result<(), RegistryError> {
    let unusable =
        |why: &str| request.unusable(format!("it names the token server `{realm}`, which {why}"));
    let url = Url::parse(realm).map_err(|_| unusable("is no URL"))?;
    match follow::refusal(&reply.url, reply.peer, &url) {
        Some(why) => Err(unusable(why)),
        None => Ok(()),
    }
}

impl Authorizations {
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

fn basic(credential: &Credential) -> Option<HeaderValue> {
    let Credential::Password { username, password } = credential else {
        return None;
    };
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

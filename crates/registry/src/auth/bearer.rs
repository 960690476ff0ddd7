use super::challenge::{self, Challenge};
use super::{Credential, keychain::Found};
use crate::client::{Client, Request};
use crate::endpoint;
use crate::retry::Failure;
use crate::sync::lock;
use crate::{Answer, Quirk, RegistryError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizzen_oci::Repository;
use reqwest::header::{self, HeaderMap, HeaderValue};
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
}

/// What each registry wants to see, and the tokens that it gave.
#[derive(Debug, Default)]
pub(crate) struct Authorizations(Mutex<BTreeMap<String, Arc<OneRegistry>>>);

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
        }
    }

    pub(crate) fn push(repository: &Repository) -> Self {
        let scopes = vec![format!("repository:{}:pull,push", repository.name)];
        Self {
            repository: repository.clone(),
            scopes,
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
                let found = self.settings.keychain.find(&access.repository);
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
        access: &Access,
        used: Option<&HeaderValue>,
        headers: &HeaderMap,
        answer: Answer,
    ) -> Result<(), RegistryError> {
        let header_values = headers.get_all(header::WWW_AUTHENTICATE);
        let mut challenges =
            challenge::parse(header_values.iter().filter_map(|value| value.to_str().ok()));
        if self.settings.handles(Quirk::BasicBeforeBearer) {
            // A token says less than a password.
            challenges.sort_by_key(|challenge| *challenge == Challenge::Basic);
        }
        let registry = self.authorizations.of(access);
        let known = registry.challenge();
        let unauthorized = |answer| self.unauthorized(access, answer);
        let Some(challenge) = challenges.into_iter().next().or(known) else {
            return Err(unauthorized(answer));
        };
        match (&challenge, used) {
            (Challenge::Basic, Some(_)) => return Err(unauthorized(answer)),
            (Challenge::Basic, None) => {
                let found = self.settings.keychain.find(&access.repository);
                if found.and_then(|found| basic(&found.credential)).is_none() {
                    return Err(unauthorized(answer));
                }
            }
            // The token is sound and grants too little: the token server has decided.
            (
                Challenge::Bearer {
                    error: Some(error), ..
                },
                Some(_),
            ) if error == "insufficient_scope" => {
                return Err(unauthorized(answer));
            }
            (Challenge::Bearer { .. }, Some(used)) => {
                let slot = registry.slot(access);
                let mut slot = slot.lock().await;
                // Another request may have put a fresh one here meanwhile; that one is kept.
                if slot.as_ref().is_some_and(|token| token.header == used) {
                    *slot = None;
                }
            }
            (Challenge::Bearer { .. }, None) => {}
        }
        *lock(&registry.challenge) = Some(challenge);
        Ok(())
    }

    pub(crate) fn unauthorized(&self, access: &Access, answer: Answer) -> RegistryError {
        RegistryError::Unauthorized {
            registry: access.repository.registry.clone(),
            scope: format!("`{}`", access.scopes.join(" ")),
            tried: self.settings.keychain.tried(&access.repository),
            answer: Box::new(answer),
        }
    }

    async fn fetch_token(&self, access: &Access, challenge: &Challenge) -> Result<Token, Failure> {
        let Challenge::Bearer { realm, service, .. } = challenge else {
            unreachable!("only a Bearer challenge asks for a token");
        };
        let mut url = self.realm(access, realm)?;
        let found = self.settings.keychain.find(&access.repository);
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        pairs.extend(service.iter().map(|service| ("service", &**service)));
        let joined = access.scopes.join(" ");
        let request = match found {
            Some(Found {
                credential: Credential::IdentityToken(token),
                ..
            }) => {
                pairs.extend([
                    ("grant_type", "refresh_token"),
                    ("refresh_token", &token),
                    ("client_id", "mizzen"),
                    ("scope", &joined),
                ]);
                let mut request =
                    Request::new(Method::POST, url.clone(), access, "an access token");
                url.query_pairs_mut().clear().extend_pairs(pairs);
                request.bytes(
                    url.query().unwrap_or_default().as_bytes().to_vec().into(),
                    "application/x-www-form-urlencoded",
                );
                request
            }
            other => {
                pairs.extend(access.scopes.iter().map(|scope| ("scope", &**scope)));
                url.query_pairs_mut().extend_pairs(pairs);
                let mut request = Request::new(Method::GET, url, access, "an access token");
                if let Some(header) = other.and_then(|found| basic(&found.credential)) {
                    request.headers.insert(header::AUTHORIZATION, header);
                }
                request
            }
        };
        let asked = self.settings.clock.now();
        let reply = self.ask_token_server(&request).await?;
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

    /// Returns the URL of the token server that a challenge names, if a password may be told to it.
    fn realm(&self, access: &Access, realm: &str) -> Result<Url, RegistryError> {
        let base = endpoint::base_url(&self.settings, &access.repository.registry)?;
        let unusable = |reason: &str| RegistryError::Unusable {
            registry: access.repository.registry.clone(),
            what: "an access token".to_owned(),
            reason: format!("it names the token server `{realm}`, which {reason}"),
        };
        let url = Url::parse(realm).map_err(|_| unusable("is no URL"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if base.scheme() == "http" => Ok(url),
            _ => Err(unusable("is not spoken to by HTTPS")),
        }
    }
}

impl Authorizations {
    fn of(&self, access: &Access) -> Arc<OneRegistry> {
        let mut registries = lock(&self.0);
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

use super::bearer::basic;
use super::challenge::Challenge;
use super::{Access, Credential};
use crate::client::Client;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::Failure;
use crate::{Quirk, RegistryError, endpoint};
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    /// On the client's clock.
    pub(super) expires: Duration,
}

/// What is absent, `null` or of another kind than it should be counts as not said.
#[derive(Default)]
struct TokenAnswer {
    token: String,
    access_token: String,
    life: Option<Duration>,
}

impl TokenAnswer {
    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let answer: Map<String, Value> = serde_json::from_slice(bytes)?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let life = answer.get("expires_in").and_then(|value| {
            let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            seconds.filter(|seconds| (1.0..=LONGEST_LIFE_SECONDS).contains(seconds))
        });
        Ok(Self {
            token: text("token").to_owned(),
            access_token: text("access_token").to_owned(),
            life: life.map(Duration::from_secs_f64),
        })
    }
}

/// A token that says nothing of its life has this one (the token specification's default).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// No token lives longer than a year; what says so is mistaken.
const LONGEST_LIFE_SECONDS: f64 = 366.0 * 86_400.0;
/// A token is not used in the last part of its life: it must still hold when the request arrives.
const MARGIN: Duration = Duration::from_secs(10);

impl Client {
    /// Gets a token: for a credential by POST, as OAuth2 has it, and by GET where a password is not
    /// taken so; without one by GET.
    pub(super) async fn fetch_token(
        &self,
        access: &Access,
        challenge: &Challenge,
    ) -> Result<Token, Failure> {
        let Challenge::Bearer { realm, service, .. } = challenge else {
            unreachable!("only a Bearer challenge asks for a token");
        };
        let realm = Url::parse(realm).expect("check_realm() has parsed it");
        let service = service.as_deref();
        let found = self.credential(&access.repository).await;
        let credential = found.as_ref().map(|found| &found.credential);
        if credential.is_some() && !self.may_tell(access, &realm)? {
            let request = question(&realm, service, access);
            let reason = format!(
                "the token server `{realm}` is another host without TLS, so it does not get the password"
            );
            return Err(request.unusable(reason).into());
        }
        let asked = self.settings.clock.now();
        let (request, reply) = self
            .ask_for_token(access, &realm, service, credential)
            .await?;
        if matches!(reply.status.as_u16(), 400 | 401 | 403) {
            return Err(self.unauthorized(access, reply.answer(&request)).into());
        }
        let is_posted = request.method == Method::POST;
        let reply = reply.check(&request)?;
        // An answer that is damaged may be whole the next time.
        let unusable = |reason: String| Failure::transient(request.unusable(reason));
        let answer = TokenAnswer::parse(&reply.body)
            .map_err(|error| unusable(format!("the token server's answer: {error}")))?;
        // That is its name where it is asked for by POST.
        let either = is_posted || self.settings.handles(Quirk::AccessTokenName);
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
        let life = answer.life.unwrap_or(DEFAULT_LIFE);
        Ok(Token {
            header,
            expires: asked + life.saturating_sub(MARGIN).max(life / 2),
        })
    }

    /// Returns whether a token server may know a credential: over TLS, as the registry says; in the clear
    /// if it is the registry's own host, or one that the settings call insecure.
    fn may_tell(&self, access: &Access, realm: &Url) -> Result<bool, RegistryError> {
        let own = endpoint::base_url(&self.settings, &access.repository.registry)?;
        let special = endpoint::host_settings(&self.settings, realm);
        let is_named = special.and_then(|host| host.insecure) == Some(true);
        Ok(realm.scheme() == "https" || realm.host() == own.host() || is_named)
    }

    /// Asks the token server until it has said something; returns the last question, too.
    async fn ask_for_token(
        &self,
        access: &Access,
        realm: &Url,
        service: Option<&str>,
        credential: Option<&Credential>,
    ) -> Result<(Request, Reply), Failure> {
        let header = credential.and_then(basic);
        let may_get = header.is_some() && self.settings.handles(Quirk::TokenByGetOnly);
        let posts = !(may_get && self.authorizations.is_asked_by_get(realm));
        if let Some(credential) = credential.filter(|_| posts) {
            let request = exchange(realm, service, access, credential);
            let reply = self.ask_token_server(&request, None).await?;
            if reply.status.is_success() || !may_get {
                return Ok((request, reply));
            }
        }
        let request = question(realm, service, access);
        let reply = self.ask_token_server(&request, header.as_ref()).await?;
        if header.is_some() && reply.status.is_success() {
            self.authorizations.ask_by_get(realm);
        }
        Ok((request, reply))
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

use crate::auth::{Access, Authorizations};
use crate::body::{BlobBody, Payload, Watch};
use crate::host::Host;
use crate::progress::{Counters, add};
use crate::reply::Reply;
use crate::request::{Request, SMALL_ANSWER_BYTES};
use crate::retry::{Budget, Failure, retry_after};
use crate::sync::lock;
use crate::{RegistryError, RetrySettings, Settings, endpoint};
use bytes::Bytes;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Sends requests: with authorization, within limits, following redirects.
///
/// [`Client::attempt`] tries once and says whether a failure may pass; [`Client::call`] tries again
/// while a [`Budget`] lasts.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    pub(crate) authorizations: Authorizations,
    pub(crate) hosts: Mutex<BTreeMap<String, Arc<Host>>>,
    /// What registries want people to know; `true` once it was passed on.
    warnings: Mutex<BTreeMap<String, bool>>,
}

/// An answer whose body has not been read; it holds its place at the host.
pub(crate) struct Opened {
    pub(crate) response: reqwest::Response,
    pub(crate) url: Url,
    _place: OwnedSemaphorePermit,
}

/// A peer that accepted and then did nothing.
#[derive(Debug, thiserror::Error)]
#[error("no answer for {}s", .0.as_secs_f32())]
struct Silence(Duration);

const LONGEST_REDIRECTS: usize = 5;
/// How often one request may be sent with yet another token.
const MOST_REFRESHES: u32 = 3;
/// How often a mirror is asked before the next one is.
const MIRROR_ATTEMPTS: u32 = 2;

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            counters: Counters::default(),
            authorizations: Authorizations::default(),
            hosts: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    pub(crate) fn budget(&self, access: &Access) -> Budget {
        let retry = self.settings.retry;
        let attempts = if access.is_mirror {
            retry.attempts.min(MIRROR_ATTEMPTS)
        } else {
            retry.attempts
        };
        Budget::new(RetrySettings { attempts, ..retry })
    }

    /// Sends `request` until it is answered by other than a failure that may pass.
    pub(crate) async fn call(&self, request: &Request) -> Result<Reply, RegistryError> {
        let mut budget = self.budget(&request.access);
        self.call_within(request, &mut budget).await
    }

    /// As [`Client::call`], at the expense of an operation that has other requests, too.
    pub(crate) async fn call_within(
        &self,
        request: &Request,
        budget: &mut Budget,
    ) -> Result<Reply, RegistryError> {
        loop {
            match self.attempt(request, budget).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => self.pause(request, budget, failure)?,
            }
        }
    }

    /// Takes note of a failure: whoever asks this host next waits as long as it says.
    pub(crate) fn pause(
        &self,
        request: &Request,
        budget: &mut Budget,
        failure: Failure,
    ) -> Result<(), RegistryError> {
        let registry = &request.access.repository.registry;
        let delay = budget.spend(registry, &request.what, failure)?;
        let host = self.host(&request.url)?;
        host.rest_until(self.settings.clock.now() + delay);
        Ok(())
    }

    /// Sends `request` once, and again only with better authorization. Reads the answer.
    pub(crate) async fn attempt(
        &self,
        request: &Request,
        budget: &mut Budget,
    ) -> Result<Reply, Failure> {
        let opened = self.open(request, budget).await?;
        self.read(opened, request).await
    }

    /// As [`Client::attempt`], without reading the answer of a success.
    pub(crate) async fn open(
        &self,
        request: &Request,
        budget: &mut Budget,
    ) -> Result<Opened, Failure> {
        let base = endpoint::base_url(&self.settings, &request.access.repository.registry)?;
        let at_home = endpoint::same_origin(&base, &request.url);
        let mut refreshes = 0;
        loop {
            let authorization = if at_home {
                self.authorization(&request.access).await?
            } else {
                None
            };
            let opened = self.exchange(request, authorization.as_ref()).await?;
            let status = opened.response.status();
            // A host that we were sent to has no say in who gets the password.
            let is_own = at_home && endpoint::same_origin(&base, &opened.url);
            if status == StatusCode::UNAUTHORIZED && is_own {
                let reply = self.read(opened, request).await?;
                if refreshes == MOST_REFRESHES {
                    let answer = reply.answer(request);
                    return Err(self.unauthorized(&request.access, answer).into());
                }
                self.challenged(request, authorization.as_ref(), &reply)
                    .await?;
                refreshes += u32::from(authorization.is_some());
                // A blob goes over the wire once more, so this counts as an attempt.
                if authorization.is_some() && matches!(request.payload, Payload::Blob(_)) {
                    let cause = Failure::transient(reply.answer(request));
                    budget.spend(&request.access.repository.registry, &request.what, cause)?;
                }
                continue;
            }
            if !may_pass(status) {
                return Ok(opened);
            }
            let reply = self.read(opened, request).await?;
            return Err(self.passing(&reply, request));
        }
    }

    /// Turns the answer to a request that may succeed later into a failure that may pass.
    fn passing(&self, reply: &Reply, request: &Request) -> Failure {
        let now = self.settings.clock.time_of_day();
        let wait = reply.header("retry-after");
        Failure::Transient {
            retry_after: wait.and_then(|wait| retry_after(wait, reply.header("date"), now)),
            cause: Box::new(reply.answer(request)),
        }
    }

    /// Sends a request that has its own authorization, or needs none.
    pub(crate) async fn ask_token_server(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Reply, Failure> {
        let opened = self.exchange(request, authorization).await?;
        let reply = self.read(opened, request).await?;
        if may_pass(reply.status) {
            return Err(self.passing(&reply, request));
        }
        Ok(reply)
    }

    /// Sends `request` once and returns whatever the answer is, after redirects.
    async fn exchange(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Opened, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=LONGEST_REDIRECTS {
            let authorization = authorization.filter(|_| endpoint::same_origin(&url, &request.url));
            let opened = self.send(request, url, authorization).await?;
            let follow = opened.response.status().is_redirection()
                && matches!(request.method, Method::GET | Method::HEAD);
            let location = opened.response.headers().get(header::LOCATION);
            match location.filter(|_| follow) {
                None => return Ok(opened),
                Some(location) => url = request.location(&opened.url, opened.peer(), location)?,
            }
        }
        Err(request.unusable("too many redirects".to_owned()).into())
    }

    async fn send(
        &self,
        request: &Request,
        url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Opened, Failure> {
        if self.settings.offline {
            return Err(Failure::Final(RegistryError::Offline {
                registry: request.access.repository.registry.clone(),
                what: request.what.clone(),
            }));
        }
        let host = self.host(&url)?;
        let places = match request.payload {
            Payload::Blob(_) => &host.transfers,
            _ if request.limit_bytes == 0 => &host.transfers,
            _ => &host.calls,
        };
        let place = places
            .clone()
            .acquire_owned()
            .await
            .expect("it is never closed");
        host.wait(&*self.settings.clock).await;

        let watch = Arc::<Watch>::default();
        let mut headers = request.headers.clone();
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        let mut builder = host.http.request(request.method.clone(), url.clone());
        match request.payload.clone() {
            // Said, because some registries answer 411 to a POST that does not.
            Payload::Empty if request.method == Method::POST || request.method == Method::PUT => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
            }
            Payload::Empty => {}
            Payload::Bytes(bytes) => {
                add(&self.counters.uploaded_bytes, bytes.len() as u64);
                builder = builder.body(bytes);
            }
            Payload::Blob(stretch) => {
                let reporter = self.settings.reporter.clone();
                let body = BlobBody::new(stretch, watch.clone(), reporter);
                builder = builder.body(reqwest::Body::wrap(body));
            }
        }
        add(&self.counters.requests, 1);
        let answered = self
            .while_it_moves(&watch, builder.headers(headers).send())
            .await;
        add(&self.counters.uploaded_bytes, watch.progress());
        if let (Payload::Blob(stretch), Some(source)) = (&request.payload, watch.unreadable()) {
            let digest = stretch.source.digest;
            return Err(RegistryError::Blob { digest, source }.into());
        }
        let response = answered
            .map_err(Failure::transient)?
            .map_err(|error| Failure::transient(error.without_url()))?;
        self.hear_warnings(request, &response);
        Ok(Opened {
            response,
            url,
            _place: place,
        })
    }

    /// Keeps what `Warning: 299 - "…"` says.
    ///
    /// Source: distribution-spec 1.1, "Warnings".
    fn hear_warnings(&self, request: &Request, response: &reqwest::Response) {
        for header in response.headers().get_all(header::WARNING) {
            let text = header.to_str().unwrap_or_default();
            let text = text
                .strip_prefix("299 - \"")
                .and_then(|text| text.strip_suffix('"'));
            if let Some(text) = text {
                let registry = &request.access.repository.registry;
                let clean: String = text.chars().filter(|one| !one.is_control()).collect();
                let warning = format!("registry `{registry}` says: {clean}");
                lock(&self.warnings).entry(warning).or_insert(false);
            }
        }
    }

    /// Returns the warnings that were not returned before.
    pub(crate) fn new_warnings(&self) -> Vec<String> {
        let mut warnings = lock(&self.warnings);
        let fresh = warnings.iter_mut().filter(|(_, passed_on)| !**passed_on);
        fresh
            .map(|(warning, passed_on)| {
                *passed_on = true;
                warning.clone()
            })
            .collect()
    }

    /// Reads an answer that is not a blob.
    pub(crate) async fn read(
        &self,
        mut opened: Opened,
        request: &Request,
    ) -> Result<Reply, Failure> {
        let limit = request.limit_bytes.max(SMALL_ANSWER_BYTES);
        let mut body = Vec::new();
        while let Some(piece) = self.next_piece(&mut opened).await? {
            if body.len() + piece.len() > limit {
                let reason = format!("it is longer than {limit} bytes");
                return Err(request.unusable(reason).into());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply {
            status: opened.response.status(),
            peer: opened.peer(),
            headers: std::mem::take(opened.response.headers_mut()),
            body: body.into(),
            url: opened.url,
        })
    }

    /// Reads the next piece of an answer.
    pub(crate) async fn next_piece(&self, opened: &mut Opened) -> Result<Option<Bytes>, Failure> {
        let piece = self
            .while_it_moves(&Watch::default(), opened.response.chunk())
            .await
            .map_err(Failure::transient)?
            .map_err(|error| Failure::transient(error.without_url()))?;
        add(
            &self.counters.downloaded_bytes,
            piece.as_ref().map_or(0, Bytes::len) as u64,
        );
        Ok(piece)
    }

    async fn while_it_moves<T>(
        &self,
        watch: &Watch,
        future: impl Future<Output = T>,
    ) -> Result<T, Silence> {
        let limit = self.settings.silence_timeout;
        let mut future = std::pin::pin!(future);
        let mut seen = watch.progress();
        loop {
            tokio::select! {
                done = &mut future => return Ok(done),
                () = tokio::time::sleep(limit) => {}
            }
            let now = watch.progress();
            if now == seen {
                return Err(Silence(limit));
            }
            seen = now;
        }
    }
}

/// Whether a status says that the same request may succeed later.
fn may_pass(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 425 | 429 | 500 | 502 | 503 | 504 | 522
    )
}

impl Opened {
    fn peer(&self) -> Option<IpAddr> {
        self.response.remote_addr().map(|peer| peer.ip())
    }
}

use crate::auth::{Access, Authorizations};
use crate::body::Payload;
use crate::exchange::Opened;
use crate::host::Host;
use crate::progress::Counters;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::{Budget, Failure, retry_after};
use crate::{RegistryError, RetrySettings, Settings, endpoint};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tracing::debug;

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
    pub(crate) warnings: Mutex<BTreeMap<String, bool>>,
}

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
        let wait = budget.spend(registry, &request.what, failure)?;
        let host = self.host(&request.url)?;
        host.rest_until(self.settings.clock.now() + wait.delay);
        debug!("{wait}");
        self.settings.reporter.wait(&wait);
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
            let opened = self
                .exchange(request, authorization.as_ref(), budget.attempt())
                .await?;
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
            // docker's registry says 500 of an image that will never be whole.
            if reply
                .codes()
                .iter()
                .any(|code| code == "MANIFEST_BLOB_UNKNOWN")
            {
                return Err(reply.refused(request).into());
            }
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
        let opened = self.exchange(request, authorization, 1).await?;
        let reply = self.read(opened, request).await?;
        if may_pass(reply.status) {
            return Err(self.passing(&reply, request));
        }
        Ok(reply)
    }
}

/// Whether a status says that the same request may succeed later.
fn may_pass(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 425 | 429 | 500 | 502 | 503 | 504 | 522
    )
}

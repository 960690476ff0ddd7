use crate::body::{BlobBody, Payload, Watch};
use crate::client::Client;
use crate::pace::{Pace, Slow};
use crate::progress::add;
use crate::reply::Reply;
use crate::request::{Request, SMALL_ANSWER_BYTES};
use crate::retry::Failure;
use crate::trace::shown;
use crate::{Reach, RegistryError, Trace, endpoint};
use bytes::Bytes;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tracing::field::Empty;
use tracing::{Instrument, Span, debug_span};

/// An answer whose body has not been read; it holds its place at the host.
pub(crate) struct Opened {
    pub(crate) response: reqwest::Response,
    pub(crate) url: Url,
    /// When it was asked for, on the client's clock.
    pub(crate) asked: Duration,
    pub(crate) pace: Pace,
    _place: OwnedSemaphorePermit,
}

const LONGEST_REDIRECTS: usize = 5;

impl Client {
    /// Sends `request` once and returns whatever the answer is, after redirects.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
        attempt: u32,
    ) -> Result<Opened, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=LONGEST_REDIRECTS {
            let authorization = authorization.filter(|_| endpoint::same_origin(&url, &request.url));
            let span = debug_span!(
                "request",
                method = %request.method,
                url = shown(&url, request),
                attempt,
                status = Empty,
                error = Empty,
                sent_bytes = Empty,
                answer_bytes = Empty
            );
            let sending = self.send(request, url, authorization, attempt);
            let opened = sending.instrument(span).await?;
            let status = opened.response.status();
            let keeps_method = matches!(
                status,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            let is_bare = matches!(request.payload, Payload::Empty);
            // What has no body, such as the request that opens an upload, can go elsewhere as it is.
            let follow = status.is_redirection()
                && (matches!(request.method, Method::GET | Method::HEAD)
                    || (keeps_method && is_bare));
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
        attempt: u32,
    ) -> Result<Opened, Failure> {
        if self.settings.offline {
            return Err(Failure::Final(RegistryError::Offline {
                registry: request.access.repository.registry.clone(),
                what: request.what.clone(),
            }));
        }
        let host = self.host(&url)?;
        let is_blob = matches!(request.payload, Payload::Blob(_)) || request.limit_bytes == 0;
        let places = if is_blob {
            &host.transfers
        } else {
            &host.calls
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
        let mut sent_bytes = 0;
        let mut builder = host.http.request(request.method.clone(), url.clone());
        match request.payload.clone() {
            // Said, because some registries answer 411 to a POST that does not.
            Payload::Empty if request.method == Method::POST || request.method == Method::PUT => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
            }
            Payload::Empty => {}
            Payload::Bytes(bytes) => {
                sent_bytes = bytes.len() as u64;
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
        let started = self.settings.clock.now();
        let patience = if is_blob {
            host.pace.silence
        } else {
            host.pace.document.min(host.pace.silence)
        };
        let sending = builder.headers(headers).send();
        let answered = while_it_moves(&watch, sending, patience, &host.pace).await;
        add(&self.counters.uploaded_bytes, watch.progress());
        let answered = match answered {
            Ok(Ok(answered)) if answered.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                let reason = Reach::Proxy(host.proxy.clone().unwrap_or_default());
                Err(request
                    .unreachable(reason, "it wants a password (407)")
                    .into())
            }
            Ok(Ok(answered)) => Ok(answered),
            Ok(Err(error)) => {
                let error = error.without_url();
                Err(match Reach::of(&error, &url, host.proxy.as_deref()) {
                    Some(reason) => request.unreachable(reason, error).into(),
                    None => Failure::transient(error),
                })
            }
            Err(slow) => Err(Failure::Slow(slow)),
        };
        self.tell(&Trace {
            method: request.method.to_string(),
            url: shown(&url, request),
            attempt,
            outcome: match &answered {
                Ok(response) => Ok(response.status().as_u16()),
                Err(failure) => Err(failure.text()),
            },
            sent_bytes: sent_bytes + watch.progress(),
            answer_bytes: answered
                .as_ref()
                .ok()
                .and_then(reqwest::Response::content_length),
            took: self.settings.clock.now().saturating_sub(started),
        });
        if let (Payload::Blob(stretch), Some(source)) = (&request.payload, watch.unreadable()) {
            let digest = stretch.source.digest;
            return Err(RegistryError::Blob { digest, source }.into());
        }
        let response = answered?;
        self.hear_warnings(request, &response);
        Ok(Opened {
            response,
            url,
            asked: started,
            pace: host.pace,
            _place: place,
        })
    }

    /// Tells the reporter and the log what became of a request, which is the current span.
    fn tell(&self, trace: &Trace) {
        trace.record(&Span::current());
        self.settings.reporter.trace(trace);
    }

    /// Reads an answer that is not a blob.
    pub(crate) async fn read(
        &self,
        mut opened: Opened,
        request: &Request,
    ) -> Result<Reply, Failure> {
        let limit = request.limit_bytes.max(SMALL_ANSWER_BYTES);
        let mut body = Vec::new();
        loop {
            let elapsed = self.settings.clock.now().saturating_sub(opened.asked);
            let patience = opened.pace.patience(elapsed).map_err(Failure::Slow)?;
            let Some(piece) = self.next_piece(&mut opened, patience).await? else {
                break;
            };
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

    /// Reads the next piece of an answer, which may take so long.
    pub(crate) async fn next_piece(
        &self,
        opened: &mut Opened,
        patience: Duration,
    ) -> Result<Option<Bytes>, Failure> {
        let next = opened.response.chunk();
        let piece = while_it_moves(&Watch::default(), next, patience, &opened.pace)
            .await
            .map_err(Failure::Slow)?
            .map_err(|error| Failure::transient(error.without_url()))?;
        add(
            &self.counters.downloaded_bytes,
            piece.as_ref().map_or(0, Bytes::len) as u64,
        );
        Ok(piece)
    }
}

/// Waits as long as something is sent, fast enough, and for `patience` when nothing is.
async fn while_it_moves<T>(
    watch: &Watch,
    future: impl Future<Output = T>,
    patience: Duration,
    pace: &Pace,
) -> Result<T, Slow> {
    let mut future = std::pin::pin!(future);
    let mut seen = watch.progress();
    loop {
        tokio::select! {
            done = &mut future => return Ok(done),
            () = tokio::time::sleep(patience) => {}
        }
        let now = watch.progress();
        if now == seen {
            return Err(Slow::Silence(patience));
        }
        // After the last byte it is the registry's turn, which has much to do for a large blob.
        if !watch.is_sent() {
            pace.check(now - seen, patience)?;
        }
        seen = now;
    }
}

impl Opened {
    fn peer(&self) -> Option<IpAddr> {
        self.response.remote_addr().map(|peer| peer.ip())
    }
}

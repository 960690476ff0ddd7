use crate::auth::Access;
use crate::body::Payload;
use crate::{Reach, RegistryError, follow};
use bytes::Bytes;
use mizzen_oci::Digest;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use std::error::Error;
use std::net::IpAddr;

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) access: Access,
    /// What it is about, in words for an error message.
    pub(crate) what: String,
    /// The most bytes that the answer may have; an answer of a blob is not read here.
    pub(crate) limit_bytes: usize,
}

/// No answer but a manifest or a config needs more.
pub(crate) const SMALL_ANSWER_BYTES: usize = 1024 * 1024;

impl Request {
    pub(crate) fn new(method: Method, url: Url, access: &Access, what: impl Into<String>) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            access: access.clone(),
            what: what.into(),
            limit_bytes: SMALL_ANSWER_BYTES,
        }
    }

    /// Gives the request a body.
    pub(crate) fn bytes(&mut self, bytes: Bytes, content_type: &str) {
        self.payload = Payload::Bytes(bytes);
        let value = HeaderValue::from_str(content_type).expect("a media type is ASCII");
        self.headers.insert(header::CONTENT_TYPE, value);
    }

    pub(crate) fn unusable(&self, reason: String) -> RegistryError {
        RegistryError::Unusable {
            registry: self.access.repository.registry.clone(),
            what: self.what.clone(),
            reason,
        }
    }

    /// Says that the registry cannot be spoken to.
    pub(crate) fn unreachable(
        &self,
        reason: Reach,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> RegistryError {
        RegistryError::Unreachable {
            registry: self.access.repository.registry.clone(),
            what: self.what.clone(),
            reason,
            cause: cause.into(),
        }
    }

    /// Says that what came, or is said to come, is not what was asked for by digest.
    pub(crate) fn other_content(&self, got: Digest, want: Digest) -> RegistryError {
        RegistryError::OtherContent {
            registry: self.access.repository.registry.clone(),
            what: self.what.clone(),
            got,
            want,
        }
    }

    /// Resolves a `Location`, which may be relative, against the URL that was answered.
    pub(crate) fn location(
        &self,
        from: &Url,
        peer: Option<IpAddr>,
        location: &HeaderValue,
    ) -> Result<Url, RegistryError> {
        let text = String::from_utf8_lossy(location.as_bytes());
        // What follows `?` may be a secret of the upload.
        let shown = text.split('?').next().unwrap_or_default();
        let unusable = |why: &str| self.unusable(format!("it points to `{shown}`, which {why}"));
        let url = from.join(&text).map_err(|_| unusable("is not a URL"))?;
        match follow::refusal(from, peer, &url) {
            Some(why) => Err(unusable(why)),
            None => Ok(url),
        }
    }
}

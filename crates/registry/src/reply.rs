use crate::request::Request;
use crate::{Answer, Reach, RegistryError};
use bytes::Bytes;
use mizzen_oci::Digest;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use std::net::IpAddr;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where it came from at last; a `Location` is relative to it.
    pub(crate) url: Url,
    /// Who gave it.
    pub(crate) peer: Option<IpAddr>,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the digest that the answer names, which proves nothing.
    pub(crate) fn said_digest(&self) -> Option<Digest> {
        self.header("docker-content-digest")?.parse().ok()
    }

    /// Returns the length that the answer to a HEAD names.
    pub(crate) fn said_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Returns the codes of a refusal, such as `BLOB_UNKNOWN`.
    pub(crate) fn codes(&self) -> Vec<String> {
        serde_json::from_slice(&self.body).map_or_else(
            |_| Vec::new(),
            |errors: Errors| errors.errors.into_iter().map(|error| error.code).collect(),
        )
    }

    /// Returns the one that says most.
    fn code(&self) -> String {
        let codes = self.codes();
        let known = codes.iter().find(|code| *code != "UNKNOWN");
        known.or(codes.first()).cloned().unwrap_or_default()
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let message = match serde_json::from_slice::<Errors>(&self.body) {
            Ok(errors) => {
                let one = |error: &OneError| match &error.message {
                    Some(message) => format!("{}: {message}", error.code),
                    None => error.code.clone(),
                };
                errors.errors.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Err(_) => String::from_utf8_lossy(&self.body)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        };
        let mut url = self.url.clone();
        url.set_query(None);
        Answer {
            method: request.method.to_string(),
            url: url.to_string(),
            status: self.status.as_u16(),
            message: message
                .chars()
                .filter(|character| !character.is_control())
                .take(300)
                .collect(),
        }
    }

    /// Turns every answer but a success into an error.
    pub(crate) fn check(self, request: &Request) -> Result<Self, RegistryError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(self.refused(request))
        }
    }

    /// Goes on unless a registry says that it keeps what it was sent under another digest.
    pub(crate) fn check_kept_as(
        &self,
        digest: &Digest,
        request: &Request,
    ) -> Result<(), RegistryError> {
        match self.said_digest().filter(|said| said != digest) {
            None => Ok(()),
            Some(said) => Err(request.unusable(format!("it stored it as {said}, not as {digest}"))),
        }
    }

    pub(crate) fn refused(&self, request: &Request) -> RegistryError {
        let answer = self.answer(request);
        if self.url.scheme() == "http" && Reach::is_tls_servers(&answer.message) {
            return request.unreachable(Reach::Https, answer);
        }
        RegistryError::Refused {
            registry: request.access.repository.registry.clone(),
            what: request.what.clone(),
            status: self.status.as_u16(),
            code: self.code(),
            answer: Box::new(answer),
        }
    }
}

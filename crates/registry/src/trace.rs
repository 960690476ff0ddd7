use crate::request::Request;
use reqwest::Url;
use std::fmt;
use std::time::Duration;
use tracing::Span;

/// One request and what became of it, for whoever wants to see what is said to registries. Nothing
/// in it is a secret: no header, no credentials, of a query only what the protocol itself puts there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The method.
    pub method: String,
    /// Whom it went to.
    pub url: String,
    /// Which attempt of its operation this is, from 1.
    pub attempt: u32,
    /// The status of the answer, or why there is none.
    pub outcome: Result<u16, String>,
    /// How much of a body was handed to the network.
    pub sent_bytes: u64,
    /// How long the answer's body is, where the answer says so.
    pub answer_bytes: Option<u64>,
    /// From the first byte of the request to the head of the answer.
    pub took: Duration,
}

/// A failure that may pass, and how long the next attempt waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// The registry.
    pub registry: String,
    /// What was asked of it.
    pub what: String,
    /// What went wrong.
    pub because: String,
    /// Until the next attempt.
    pub delay: Duration,
}

/// Names in the query of the protocol's own URLs; what they stand for is not a secret.
const OPEN_NAMES: [&str; 9] = [
    "artifactType",
    "digest",
    "from",
    "last",
    "mount",
    "n",
    "ns",
    "scope",
    "service",
];

/// Returns `url` as it may be shown, as an answer to `request`. Where a redirect led is shown without
/// query: that is where the signature of a storage URL is.
pub(crate) fn shown(url: &Url, request: &Request) -> String {
    let mut shown = url.clone();
    // Neither fails for a URL with a host.
    shown.set_username("").ok();
    shown.set_password(None).ok();
    shown.set_fragment(None);
    let Some(query) = url.query() else {
        return shown.into();
    };
    shown.set_query(None);
    let mut hides = url.origin() != request.url.origin();
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|_| !hides) {
        let name = pair.split('=').next().unwrap_or_default();
        if OPEN_NAMES.contains(&name) {
            pairs.push(pair);
        }
    }
    hides |= pairs.len() != query.split('&').count();
    if hides {
        pairs.push("…");
    }
    format!("{shown}?{}", pairs.join("&"))
}

impl Trace {
    /// Writes what became of the request into its span.
    pub(crate) fn record(&self, span: &Span) {
        match &self.outcome {
            Ok(status) => span.record("status", status),
            Err(why) => span.record("error", why.as_str()),
        };
        span.record("sent_bytes", self.sent_bytes);
        span.record("answer_bytes", self.answer_bytes);
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.url)?;
        match &self.outcome {
            Ok(status) => write!(f, "{status}")?,
            Err(why) => f.write_str(why)?,
        }
        if self.sent_bytes > 0 {
            write!(f, ", {} bytes sent", self.sent_bytes)?;
        }
        if let Some(bytes) = self.answer_bytes.filter(|bytes| *bytes > 0) {
            write!(f, ", {bytes} bytes received")?;
        }
        write!(f, ", {} ms", self.took.as_millis())?;
        if self.attempt > 1 {
            write!(f, ", attempt {}", self.attempt)?;
        }
        Ok(())
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            registry,
            what,
            because,
            delay,
        } = self;
        write!(
            f,
            "registry `{registry}` failed on {what} ({because}); trying again in {:.1} s",
            delay.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::shown;
    use crate::auth::Access;
    use crate::request::Request;
    use reqwest::{Method, Url};

    #[test]
    fn of_a_url_only_what_the_protocol_says_is_shown() {
        let asked: Url = "https://r.example/v2/shop/blobs/uploads/".parse().unwrap();
        let request = Request::new(Method::GET, asked, &Access::registry("r.example"), "it");
        for (url, want) in [
            ("https://r.example/v2/", "https://r.example/v2/"),
            ("https://u:p@r.example/v2/#x", "https://r.example/v2/"),
            (
                "https://r.example/u/1?_state=S&digest=sha256:0",
                "https://r.example/u/1?digest=sha256:0&…",
            ),
            (
                "https://r.example/u/?mount=sha256:0&from=base",
                "https://r.example/u/?mount=sha256:0&from=base",
            ),
            ("https://r.example/u/1?S", "https://r.example/u/1?…"),
            (
                "https://storage.example/b?digest=S&X-Amz-Signature=S",
                "https://storage.example/b?…",
            ),
        ] {
            assert_eq!(shown(&url.parse().unwrap(), &request), want, "{url}");
        }
    }
}

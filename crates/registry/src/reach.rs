use crate::retry::chain;
use reqwest::Url;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a host cannot be spoken to, now and in a minute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Nobody knows the name.
    Name,
    /// Nothing listens there, on this machine.
    Refused,
    /// It was spoken to by HTTPS, and speaks plain HTTP.
    PlainHttp,
    /// It was spoken to in plain HTTP, and speaks HTTPS.
    Https,
    /// No authority that is trusted has signed its certificate.
    Authority,
    /// Something else about the certificate or the handshake is wrong.
    Tls,
    /// The proxy on the way, of this name, did not pass us on.
    Proxy(String),
}

impl Reach {
    /// Says why a request to `url` failed, if trying again is of no use.
    pub(crate) fn of(error: &reqwest::Error, url: &Url, proxy: Option<&str>) -> Option<Self> {
        if let Some(error) = find::<rustls::Error>(error) {
            return Some(Self::of_tls(error));
        }
        let text = chain(error);
        let is_refused = find::<io::Error>(error)
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        let is_unknown = text.contains("dns error");
        if let Some(proxy) = proxy.filter(|_| error.is_connect()) {
            let is_final =
                is_refused || is_unknown || text.contains("tunnel error") || text.contains("SOCKS");
            return is_final.then(|| Self::Proxy(proxy.to_owned()));
        }
        // What a TLS server answers to plain HTTP.
        if url.scheme() == "http" && text.contains("invalid HTTP") {
            return Some(Self::Https);
        }
        let is_here = crate::endpoint::is_loopback(url.host_str().unwrap_or_default());
        match () {
            () if is_unknown => Some(Self::Name),
            () if is_refused && is_here => Some(Self::Refused),
            () => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::{CertificateError, Error, InvalidMessage};
        match error {
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::PlainHttp,
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => Self::Authority,
            // One that signs itself, and is not among those that are trusted.
            Error::InvalidCertificate(CertificateError::Other(other))
                if other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
            {
                Self::Authority
            }
            _ => Self::Tls,
        }
    }

    /// Returns whether an answer to plain HTTP is a TLS server's: Go's, nginx's, Apache's.
    pub(crate) fn is_tls_servers(message: &str) -> bool {
        [
            "HTTP request to an HTTPS server",
            "plain HTTP request was sent to HTTPS port",
            "speaking plain HTTP to an SSL-enabled server port",
        ]
        .iter()
        .any(|phrase| message.contains(phrase))
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "its name is not known",
            Self::Refused => "nothing listens there",
            Self::PlainHttp => "it speaks plain HTTP, not HTTPS",
            Self::Https => "it speaks HTTPS, not plain HTTP",
            Self::Authority => "its certificate is not signed by a trusted authority",
            Self::Tls => "no TLS connection can be made",
            Self::Proxy(name) => {
                return write!(f, "the proxy `{name}` does not forward the request");
            }
        })
    }
}

/// Finds a cause by its type, also what an [`io::Error`] wraps, which is not among its sources.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

use crate::{Proxies, RegistryError, Settings, endpoint};
use reqwest::{NoProxy, Proxy, Url, redirect};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where distributions keep the certificate authorities that the system trusts: Debian, Fedora,
/// SUSE, Alpine.
///
/// A library would find them, too, by asking the environment; here only the command line does that.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Makes the HTTP client for the host of `url`.
pub(crate) fn http_client(
    settings: &Settings,
    url: &Url,
) -> Result<reqwest::Client, RegistryError> {
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
        RegistryError::Settings(
            format!(
                "no connection to `{}` can be set up",
                endpoint::authority(url)
            ),
            Some(error),
        )
    };
    // Reading the system's authorities takes 10 ms, so plain HTTP goes without them.
    let roots = if url.scheme() == "https" {
        roots(settings, url)?
    } else {
        RootCertStore::empty()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let special = endpoint::host_settings(settings, url);
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?
        .with_root_certificates(roots);
    let tls = match special.and_then(|host| host.client_certificate.as_ref()) {
        Some((certificate, key)) => {
            let certificates = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| malformed(key, error))?;
            tls.with_client_auth_cert(certificates, key)
                .map_err(|error| unusable(error.into()))?
        }
        None => tls.with_no_client_auth(),
    };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(&settings.user_agent)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(settings.transfers_per_host * 2);
    if !endpoint::is_loopback(url.host_str().unwrap_or_default()) {
        let Proxies {
            http,
            https,
            except,
        } = &settings.proxies;
        let except = NoProxy::from_string(except);
        let made = [
            http.as_ref().filter(|url| !url.is_empty()).map(Proxy::http),
            https
                .as_ref()
                .filter(|url| !url.is_empty())
                .map(Proxy::https),
        ];
        for proxy in made.into_iter().flatten() {
            let proxy = proxy.map_err(|error| {
                let text = "a proxy's URL cannot be used".to_owned();
                RegistryError::Settings(text, Some(error.without_url().into()))
            })?;
            builder = builder.proxy(proxy.no_proxy(except.clone()));
        }
    }
    builder.build().map_err(|error| unusable(error.into()))
}

fn roots(settings: &Settings, url: &Url) -> Result<RootCertStore, RegistryError> {
    let mut roots = RootCertStore::empty();
    let system = SYSTEM_BUNDLES.map(PathBuf::from);
    let bundle = match &settings.ca_bundle {
        Some(path) => Some(path),
        None => system.iter().find(|path| path.is_file()),
    };
    match bundle {
        Some(path) => {
            // A system's bundle may hold certificates that are too old to be understood.
            roots.add_parsable_certificates(certificates(path)?);
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    if let Some(path) = endpoint::host_settings(settings, url).and_then(|host| host.ca.as_ref()) {
        for certificate in certificates(path)? {
            roots
                .add(certificate)
                .map_err(|error| malformed(path, error))?;
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, RegistryError> {
    let pem = fs_err::read(path).map_err(|error| malformed(path, error))?;
    CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(path, error))
}

fn malformed(
    path: &Path,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> RegistryError {
    let text = format!("`{}` gives no certificate or key", path.display());
    RegistryError::Settings(text, Some(error.into()))
}

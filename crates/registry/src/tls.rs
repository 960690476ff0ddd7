use crate::proxy::Route;
use crate::trust::Trust;
use crate::{RegistryError, Settings, endpoint};
use reqwest::{Url, redirect};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
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
    route: Option<&Route>,
) -> Result<reqwest::Client, RegistryError> {
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
        RegistryError::Settings(
            format!(
                "connections to `{}` cannot be set up",
                endpoint::authority(url)
            ),
            Some(error),
        )
    };
    // Reading the system's authorities takes 10 ms, so plain HTTP goes without them.
    let trusted = if url.scheme() == "https" {
        trusted(settings, url)?
    } else {
        Trusted::nobody()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let special = endpoint::host_settings(settings, url);
    let tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?;
    let tls = if trusted.roots.is_empty() {
        tls.with_root_certificates(trusted.roots)
    } else {
        let usual = WebPkiServerVerifier::builder_with_provider(trusted.roots.into(), provider);
        let usual = usual.build().map_err(|error| unusable(error.into()))?;
        let trusted = trusted.certificates;
        tls.dangerous()
            .with_custom_certificate_verifier(Arc::new(Trust { usual, trusted }))
    };
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
    if let Some(route) = route {
        builder = builder.proxy(route.proxy.clone());
    }
    builder.build().map_err(|error| unusable(error.into()))
}

/// Whom we trust.
struct Trusted {
    roots: RootCertStore,
    /// The certificates that files hold.
    certificates: Vec<CertificateDer<'static>>,
}

fn trusted(settings: &Settings, url: &Url) -> Result<Trusted, RegistryError> {
    let mut trusted = Trusted::nobody();
    let system = SYSTEM_BUNDLES.map(PathBuf::from);
    let bundle = match &settings.ca_bundle {
        Some(path) => Some(path),
        None if settings.ca_folders.is_empty() => system.iter().find(|path| path.is_file()),
        None => None,
    };
    match bundle {
        // A system's bundle may hold certificates that are too old to be understood.
        Some(path) => trusted.add_parsable(certificates(path)?),
        None if settings.ca_folders.is_empty() => {
            let usual = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
            trusted.roots.extend(usual);
        }
        None => {}
    }
    for folder in &settings.ca_folders {
        // As OpenSSL does, one that is not there is passed over, and what is not a certificate, too.
        for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
            trusted.add_parsable(certificates(&entry.path()).unwrap_or_default());
        }
    }
    if let Some(path) = endpoint::host_settings(settings, url).and_then(|host| host.ca.as_ref()) {
        for certificate in certificates(path)? {
            trusted.certificates.push(certificate.clone());
            let added = trusted.roots.add(certificate);
            added.map_err(|error| malformed(path, error))?;
        }
    }
    Ok(trusted)
}

impl Trusted {
    fn nobody() -> Self {
        Self {
            roots: RootCertStore::empty(),
            certificates: Vec::new(),
        }
    }

    fn add_parsable(&mut self, certificates: Vec<CertificateDer<'static>>) {
        self.certificates.extend_from_slice(&certificates);
        self.roots.add_parsable_certificates(certificates);
    }
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
    let text = format!("`{}` holds no certificate or key", path.display());
    RegistryError::Settings(text, Some(error.into()))
}

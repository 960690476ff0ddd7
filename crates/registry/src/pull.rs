//! Reads: what a reference points at, manifests and configs, blobs.

use crate::auth::Access;
use crate::client::Client;
use crate::document::Document;
use crate::reply::Reply;
use crate::request::Request;
use crate::retry::Failure;
use crate::{Quirk, RegistryError, endpoint};
use mizzen_oci::{Descriptor, Digest, MediaType, Reference, Repository};
use mizzen_store::StoreError;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode, Url};

/// Every kind of manifest there is; a registry converts to or refuses what is not named.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";
/// The most a manifest or index may have.
///
/// Source: distribution-spec, "Pushing Manifests" (registries take at least 4 MiB).
const MANIFEST_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// The most an image's config may have.
pub(crate) const CONFIG_LIMIT_BYTES: usize = 8 * 1024 * 1024;

impl Client {
    pub(crate) fn url(&self, repository: &Repository, path: &str) -> Result<Url, RegistryError> {
        let base = endpoint::base_url(&self.settings, &repository.registry)?;
        Ok(base
            .join(&format!("{}/{path}", repository.name))
            .expect("a repository's name is a path"))
    }

    /// Asks for the manifest `name` (a tag or a digest) of a repository.
    pub(crate) fn manifest_request(
        &self,
        method: Method,
        access: &Access,
        name: &str,
    ) -> Result<Request, RegistryError> {
        let url = self.url(&access.repository, &format!("manifests/{name}"))?;
        let what = format!("manifest `{name}` of `{}`", access.repository.name);
        let mut request = Request::new(method, url, access, what);
        request
            .headers
            .insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        request.limit_bytes = MANIFEST_LIMIT_BYTES;
        Ok(request)
    }

    /// Asks what `reference` points at. A digest in it is the answer, or the registry is wrong; what a
    /// header says of size and kind is good for a first look, and never trusted for content.
    pub(crate) async fn resolve(
        &self,
        access: &Access,
        reference: &Reference,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let name = reference.name_in_repository();
        let request = self.manifest_request(Method::HEAD, access, &name)?;
        let reply = self.call(&request).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if reply.status.is_success()
            && let Some(descriptor) = described(&reply)
        {
            if let Some(want) = reference.digest
                && want != descriptor.digest
            {
                return Err(request.other_content(descriptor.digest, want));
            }
            return Ok(Some(descriptor));
        }
        if !self.settings.handles(Quirk::HeadWithoutDigest) {
            return Err(request.unusable("it names no digest".to_owned()));
        }
        // Some registries name no digest, some refuse HEAD, and the answer to a HEAD has no body
        // that would say why.
        let document = self.document(access, reference).await?;
        Ok(document.map(|(document, _)| document.descriptor().clone()))
    }

    /// Fetches what `reference` names, verified against its digest where it has one; `None` if it
    /// does not exist.
    pub(crate) async fn document(
        &self,
        access: &Access,
        reference: &Reference,
    ) -> Result<Option<(Document, Vec<u8>)>, RegistryError> {
        let name = reference.name_in_repository();
        let request = self.manifest_request(Method::GET, access, &name)?;
        let Some(reply) = self.verified(&request, reference.digest.as_ref()).await? else {
            return Ok(None);
        };
        let content_type = content_type(&reply);
        let bytes = reply.body.to_vec();
        Ok(Some((Document::parse(bytes.clone(), content_type)?, bytes)))
    }

    /// Fetches a small blob: a config.
    pub(crate) async fn small_blob(
        &self,
        access: &Access,
        descriptor: &Descriptor,
    ) -> Result<Vec<u8>, RegistryError> {
        let digest = descriptor.digest;
        let url = self.url(&access.repository, &format!("blobs/{digest}"))?;
        let what = format!("config {digest} of `{}`", access.repository.name);
        let mut request = Request::new(Method::GET, url, access, what);
        request.limit_bytes = CONFIG_LIMIT_BYTES;
        if descriptor.size_bytes > CONFIG_LIMIT_BYTES as u64 {
            let reason = format!("it is longer than {CONFIG_LIMIT_BYTES} bytes");
            return Err(request.unusable(reason));
        }
        let reply = self.verified(&request, Some(&digest)).await?;
        let reply = reply.ok_or_else(|| request.unusable("it is not there (404)".to_owned()))?;
        let bytes = reply.body.to_vec();
        check_size(&access.repository.registry, descriptor, bytes.len())?;
        Ok(bytes)
    }

    /// Asks until the bytes are those that `digest` names; `None` for a 404.
    ///
    /// Without a digest, they are compared with what the registry's own header says: a cut or flipped
    /// answer is known by it.
    pub(crate) async fn verified(
        &self,
        request: &Request,
        digest: Option<&Digest>,
    ) -> Result<Option<Reply>, RegistryError> {
        let mut budget = self.budget(&request.access);
        loop {
            let reply = self.call_within(request, &mut budget).await?;
            if reply.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let reply = reply.check(request)?;
            let got = Digest::of(&reply.body);
            let said = reply.said_digest();
            let Some(want) = digest.copied().or(said).filter(|want| *want != got) else {
                return Ok(Some(reply));
            };
            // What the registry itself takes for right is not an accident of the way here.
            if said == Some(got) {
                return Err(request.other_content(got, want));
            }
            let mismatch = StoreError::Mismatch {
                got,
                got_bytes: reply.body.len() as u64,
                want,
            };
            let paused = self.pause(request, &mut budget, Failure::transient(mismatch));
            paused.map_err(|error| match error {
                RegistryError::Failed { .. } => request.other_content(got, want),
                error => error,
            })?;
        }
    }
}

fn content_type(reply: &Reply) -> Option<MediaType> {
    let value = reply.header("content-type")?;
    Some(MediaType::from(
        value.split(';').next().unwrap_or(value).trim(),
    ))
}

/// Returns the descriptor that an answer's headers give, if they do.
pub(crate) fn described(reply: &Reply) -> Option<Descriptor> {
    let (digest, size_bytes) = (reply.said_digest()?, reply.said_length()?);
    Some(Descriptor::new(content_type(reply)?, digest, size_bytes))
}

/// Compares what came with the size that a verified document, or a list, gave it.
pub(crate) fn check_size(
    registry: &str,
    descriptor: &Descriptor,
    got: usize,
) -> Result<(), RegistryError> {
    let (got_bytes, want_bytes) = (got as u64, descriptor.size_bytes);
    if got_bytes == want_bytes {
        return Ok(());
    }
    Err(RegistryError::OtherSize {
        registry: registry.to_owned(),
        what: descriptor.digest.to_string(),
        got_bytes,
        want_bytes,
    })
}

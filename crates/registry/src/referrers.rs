//! What refers to an image: signatures, bills of materials, provenance. Listed by the registry where
//! it can, by a tag of a known form where it cannot.
//!
//! Source: distribution-spec 1.1, "Listing Referrers" and "Referrers Tag Schema".

use crate::attach::tag;
use crate::auth::Access;
use crate::client::Client;
use crate::request::Request;
use crate::{Registry, RegistryError};
use mizzen_oci::{Descriptor, Digest, Index, MediaType, Repository};
use reqwest::{Method, StatusCode, Url};

/// A list has as many pages at most.
const MOST_PAGES: usize = 100;
impl Registry {
    /// Lists what refers to the manifest `subject`, all of it or what has one type.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry did not answer, or not in a way that can be used.
    pub fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        self.0.block_on(async {
            let access = Access::pull(repository);
            self.0
                .client
                .referring(&access, subject, artifact_type)
                .await
        })
    }
}

impl Client {
    /// Returns what refers to `subject`: from the registry's list, else from the one under the tag.
    pub(crate) async fn referring(
        &self,
        access: &Access,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let listed = match self.listed(access, subject, artifact_type).await? {
            Some(listed) => listed,
            None => self.tagged(access, subject).await?,
        };
        // Filtering is a favour of the registry.
        let is_wanted = |descriptor: &Descriptor| {
            let has = descriptor.other.get("artifactType");
            let has = has.and_then(|has| has.as_str());
            artifact_type.is_none_or(|wanted| has == Some(wanted))
        };
        Ok(listed.into_iter().filter(is_wanted).collect())
    }

    /// Asks the registry for its list; `None` if it keeps none.
    pub(crate) async fn listed(
        &self,
        access: &Access,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let mut url = self.url(&access.repository, &format!("referrers/{subject}"))?;
        if let Some(artifact_type) = artifact_type {
            url.query_pairs_mut()
                .append_pair("artifactType", artifact_type);
        }
        let what = format!("referrers of {subject} in `{}`", access.repository.name);
        let mut request = Request::new(Method::GET, url, access, what);
        let mut descriptors = Vec::new();
        for page in 0..MOST_PAGES {
            let reply = self.call(&request).await?;
            // 404 is the book's way to say that there is no list; others have theirs.
            if page == 0 && reply.status.is_client_error() && !is_denied(reply.status) {
                return Ok(None);
            }
            let reply = reply.check(&request)?;
            let Ok(index) = Index::parse(reply.body.to_vec(), Some(MediaType::ImageIndex)) else {
                return Ok(None);
            };
            descriptors.extend_from_slice(index.manifests());
            let next = reply
                .header("link")
                .and_then(|link| next_page(&reply.url, link));
            match next {
                Some(url) if url.origin() == request.url.origin() => request.url = url,
                _ => break,
            }
        }
        Ok(Some(descriptors))
    }

    /// Reads the list under the tag; anything but an index there (a registry may take the tag for
    /// the subject itself) is not a list.
    pub(crate) async fn tagged(
        &self,
        access: &Access,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let request = self.manifest_request(Method::GET, access, &tag(subject))?;
        // A damaged answer that is taken for no list would have the list written again, and lose it.
        let Some(reply) = self.verified(&request, None).await? else {
            return Ok(Vec::new());
        };
        let index = Index::parse(reply.body.to_vec(), None);
        Ok(index.map_or_else(|_| Vec::new(), |index| index.manifests().to_vec()))
    }
}

fn is_denied(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Returns the URL of `<…>; rel="next"`.
fn next_page(from: &Url, link: &str) -> Option<Url> {
    let (target, relation) = link.split_once('>')?;
    relation.contains("next").then_some(())?;
    from.join(target.trim().strip_prefix('<')?).ok()
}

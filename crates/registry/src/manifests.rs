//! The manifests of an image, after their blobs: children before their index, the tag last.

use crate::RegistryError;
use crate::push::Push;
use crate::reply::Reply;
use mizzen_image::{Artifact, Taggable};
use mizzen_oci::{Descriptor, Digest};
use reqwest::{Method, header};
use std::sync::Arc;

impl Push {
    pub(crate) async fn send_manifests(&self, what: &Taggable) -> Result<(), RegistryError> {
        let name = self.reference.name_in_repository();
        match what {
            Taggable::Image(image) => {
                self.send_manifest(
                    &name,
                    image.manifest().descriptor(),
                    image.manifest().bytes(),
                )
                .await
            }
            Taggable::Index(index, images) => {
                for image in images {
                    let descriptor = image.manifest().descriptor();
                    let name = descriptor.digest.to_string();
                    self.send_manifest(&name, descriptor, image.manifest().bytes())
                        .await?;
                }
                for inner in index.inner() {
                    let descriptor = inner.descriptor();
                    let name = descriptor.digest.to_string();
                    self.send_manifest(&name, descriptor, inner.bytes()).await?;
                }
                self.send_manifest(&name, index.descriptor(), index.bytes())
                    .await
            }
        }
    }

    pub(crate) async fn send_manifest(
        &self,
        name: &str,
        descriptor: &Descriptor,
        bytes: &Arc<[u8]>,
    ) -> Result<(), RegistryError> {
        self.put_manifest(name, descriptor, bytes).await.map(drop)
    }

    /// Sends what refers to an image. Returns whether the registry says that it lists it.
    pub(crate) async fn send_referring(&self, artifact: &Artifact) -> Result<bool, RegistryError> {
        let manifest = artifact.manifest();
        let descriptor = manifest.descriptor();
        let name = descriptor.digest.to_string();
        let sent = self.put_manifest(&name, descriptor, manifest.bytes());
        let reply = sent.await?;
        Ok(reply.is_some_and(|reply| reply.header("oci-subject").is_some()))
    }

    /// Sends a manifest. Returns the answer; `None` if it was there all the same.
    async fn put_manifest(
        &self,
        name: &str,
        descriptor: &Descriptor,
        bytes: &Arc<[u8]>,
    ) -> Result<Option<Reply>, RegistryError> {
        let mut request = self
            .client()
            .manifest_request(Method::PUT, &self.access, name)?;
        request.headers.remove(header::ACCEPT);
        request.bytes(bytes.to_vec().into(), descriptor.media_type.as_ref());
        let reply = self.client().call(&request).await?;
        if !reply.status.is_success() {
            let error = reply.refused(&request);
            // A tag that must not move may have got here by an attempt whose answer was lost.
            return if self.holds(name, descriptor.digest).await {
                Ok(None)
            } else {
                Err(error)
            };
        }
        reply.check_kept_as(&descriptor.digest, &request)?;
        Ok(Some(reply))
    }

    /// Returns whether the bytes of `digest` are there under `name`.
    async fn holds(&self, name: &str, digest: Digest) -> bool {
        let client = self.client();
        let Ok(request) = client.manifest_request(Method::GET, &self.access, name) else {
            return false;
        };
        // Hashed, for a header proves nothing; what is there may rightly be another image.
        let held = client.verified(&request, None).await.ok().flatten();
        held.is_some_and(|reply| Digest::of(&reply.body) == digest)
    }
}

//! The manifests of an image, after their blobs: children before their index, the tag last.

use crate::RegistryError;
use crate::pull::described;
use crate::push::Push;
use mizzen_image::Taggable;
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
        let mut request = self
            .client()
            .manifest_request(Method::PUT, &self.access, name)?;
        request.headers.remove(header::ACCEPT);
        request.bytes(bytes.to_vec().into(), descriptor.media_type.as_ref());
        let reply = self.client().call(&request).await?;
        if !reply.status.is_success() {
            let error = reply.refused(&request);
            // A tag that must not move may have got here by an attempt whose answer was lost.
            let there = self.before_put(name).await;
            return if there == Some(descriptor.digest) {
                Ok(())
            } else {
                Err(error)
            };
        }
        let said = reply.header("docker-content-digest");
        match said.and_then(|text| text.parse::<Digest>().ok()) {
            Some(digest) if digest != descriptor.digest => {
                let reason = format!("it keeps it as {digest}, not as {}", descriptor.digest);
                Err(request.unusable(reason))
            }
            _ => Ok(()),
        }
    }

    async fn before_put(&self, name: &str) -> Option<Digest> {
        let request = self
            .client()
            .manifest_request(Method::HEAD, &self.access, name)
            .ok()?;
        let reply = self.client().call(&request).await.ok()?;
        described(&reply)
            .filter(|_| reply.status.is_success())
            .map(|there| there.digest)
    }
}

//! Questions whose answers are wanted before work is done.

use crate::RegistryError;
use crate::auth::Access;
use crate::client::Client;
use crate::endpoint;
use crate::request::Request;
use mizzen_oci::Repository;
use reqwest::{Method, StatusCode, header};

impl Client {
    pub(crate) async fn check_login(&self, registry: &str) -> Result<(), RegistryError> {
        let access = Access::registry(registry);
        let url = endpoint::base_url(&self.settings, registry)?;
        let request = Request::new(Method::GET, url, &access, "a login");
        self.call(&request).await?.check(&request).map(drop)
    }

    /// Opens an upload and abandons it: nothing less shows that one may write.
    pub(crate) async fn check_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        let access = Access::push(repository);
        let url = self.url(repository, "blobs/uploads/")?;
        let what = format!("a push to `{}`", repository.name);
        let mut request = Request::new(Method::POST, url, &access, what);
        let reply = self.call(&request).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        let reply = reply.check(&request)?;
        if let Some(location) = reply.headers.get(header::LOCATION) {
            request.url = request.location(&reply.url, reply.peer, location)?;
            request.method = Method::DELETE;
            // Registries drop abandoned uploads by themselves, too.
            let mut budget = self.budget(&access);
            drop(self.attempt(&request, &mut budget).await);
        }
        Ok(())
    }
}

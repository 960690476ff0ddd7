use crate::auth::Access;
use crate::client::Client;
use crate::{RegistryError, Settings};
use mizzen_oci::{Reference, Repository};
use std::sync::Arc;

/// Repositories that have the same images, in the order in which they are asked: the mirrors, and
/// the registry itself at the end.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<[Access]>);

impl Places {
    pub(crate) fn of(settings: &Settings, repository: &Repository) -> Self {
        let special = settings.host(&repository.registry);
        let mirrors = special.into_iter().flat_map(|host| &host.mirrors);
        let mirrors = mirrors.map(|mirror| {
            let (registry, prefix) = mirror.split_once('/').unwrap_or((mirror, ""));
            let prefix = prefix.trim_matches('/');
            let name = match prefix {
                "" => repository.name.clone(),
                prefix => format!("{prefix}/{}", repository.name),
            };
            let registry = registry.to_owned();
            Access {
                is_mirror: true,
                ..Access::pull(&Repository { registry, name })
            }
        });
        Self(mirrors.chain([Access::pull(repository)]).collect())
    }

    /// Returns the repository at a place, the one that was named for every place that is none.
    pub(crate) fn repository(&self, place: usize) -> &Repository {
        let own = self.0.len() - 1;
        &self.0[place.min(own)].repository
    }

    /// Asks one after the other until one has it, and returns which. What goes wrong with a mirror
    /// is as if it had nothing, and told once; the last word is the registry's own.
    pub(crate) async fn ask<T>(
        &self,
        client: &Client,
        ask: impl AsyncFn(&Access) -> Result<Option<T>, RegistryError>,
    ) -> Result<Option<(usize, T)>, RegistryError> {
        let own = self.0.len() - 1;
        for (place, access) in self.0.iter().enumerate() {
            match ask(access).await {
                Ok(Some(found)) => return Ok(Some((place, found))),
                Err(error) if place == own => return Err(error),
                Err(RegistryError::Store(error)) => return Err(error.into()),
                Ok(None) => {}
                Err(error) => client.passed_over(access, &self.0[own], &error),
            }
        }
        Ok(None)
    }
}

/// Returns what `reference` is called where `access` leads.
pub(crate) fn at(access: &Access, reference: &Reference) -> Reference {
    Reference {
        repository: access.repository.clone(),
        ..reference.clone()
    }
}

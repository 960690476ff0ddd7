use crate::places::ImageTarget;
use mizzen_oci::Repository;
use mizzen_registry::{Registry, RegistryError};
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks the registries that a build pushes to whether it may, before it does what takes long.
pub(crate) struct PushCheck<'a> {
    registry: &'a Registry,
    repositories: BTreeSet<&'a Repository>,
    is_done: AtomicBool,
}

impl<'a> PushCheck<'a> {
    pub(crate) fn new(registry: &'a Registry, destinations: &'a [ImageTarget]) -> Self {
        let repository = |target: &'a ImageTarget| Some(&target.in_registry()?.repository);
        Self {
            registry,
            repositories: destinations.iter().filter_map(repository).collect(),
            is_done: AtomicBool::new(false),
        }
    }

    /// Asks each repository once, however many steps are to run.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.is_done.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let mut repositories = self.repositories.iter();
        let checked: Result<(), RegistryError> =
            repositories.try_for_each(|repository| self.registry.check_push(repository));
        Ok(checked?)
    }
}

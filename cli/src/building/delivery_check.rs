use crate::places::ImageTarget;
use crate::places::engine::Engine;
use crate::session::Session;
use mizzen_image::Layout;
use mizzen_oci::Repository;
use mizzen_registry::Registry;
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks those whom a build gives its image to whether they take it, before it does what takes long:
/// registries whether it may push, engines whether they are there.
pub(crate) struct DeliveryCheck<'a> {
    registry: &'a Registry,
    session: &'a Session<'a>,
    repositories: BTreeSet<&'a Repository>,
    engines: BTreeSet<Engine>,
    layouts: Vec<Layout>,
    is_done: AtomicBool,
}

impl<'a> DeliveryCheck<'a> {
    pub(crate) fn new(
        registry: &'a Registry,
        session: &'a Session<'a>,
        destinations: &'a [ImageTarget],
    ) -> Self {
        let repository = |target: &'a ImageTarget| Some(&target.in_registry()?.repository);
        Self {
            registry,
            session,
            repositories: destinations.iter().filter_map(repository).collect(),
            engines: destinations
                .iter()
                .filter_map(ImageTarget::engine)
                .collect(),
            layouts: destinations
                .iter()
                .filter_map(ImageTarget::layout)
                .collect(),
            is_done: AtomicBool::new(false),
        }
    }

    /// Asks each of them once, however many steps are to run.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.is_done.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let Session {
            engines, process, ..
        } = self.session;
        for layout in &self.layouts {
            layout.check_writable()?;
        }
        for engine in &self.engines {
            engines.check(*engine, process)?;
        }
        for repository in &self.repositories {
            self.registry.check_push(repository)?;
        }
        Ok(())
    }
}

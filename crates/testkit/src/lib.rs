//! What tests stand on: registries, base images, trees, foreign tools.

mod docker_registry;
pub mod registry;

pub use docker_registry::{DockerRegistry, DockerRegistrySettings};
pub use registry::{Fault, MemoryRegistry, RecordedRequest};

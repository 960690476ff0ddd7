//! What tests stand on: registries, base images, trees, foreign tools.

mod docker_registry;
pub mod registry;

pub use docker_registry::{DockerRegistry, DockerRegistrySettings};
pub use registry::{Fault, MemoryRegistry, RecordedRequest};
mod aspnet_base;
mod files_below;
pub use aspnet_base::{AspnetBaseError, aspnet_base};

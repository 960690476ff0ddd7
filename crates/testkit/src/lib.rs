//! What tests stand on: registries, base images, trees, foreign tools.
//!
//! What goes wrong here ends the test with a panic that says what a tool said.

mod docker_registry;
pub mod registry;

pub use docker_registry::{DockerRegistry, DockerRegistrySettings};
pub use registry::{Fault, MemoryRegistry, RecordedRequest};
mod aspnet_base;
mod container;
mod files_below;
mod oci_tools;
mod process;

pub use aspnet_base::{AspnetBaseError, aspnet_base};
pub use container::{Container, HttpResponse};
pub use oci_tools::{skopeo_copy, skopeo_inspect, umoci_unpack};

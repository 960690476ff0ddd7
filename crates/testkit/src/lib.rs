//! What tests stand on: registries, base images, trees, foreign tools.
//!
//! What goes wrong here ends the test with a panic that says what a tool said.

mod aspnet_base;
mod certificates;
mod container;
mod docker_registry;
mod fake_executor;
mod files_below;
mod nuget_feed;
mod nuget_package;
mod oci_tools;
mod process;
pub mod registry;
mod tiny_base;

pub use aspnet_base::{AspnetBaseError, aspnet_base};
pub use certificates::Certificates;
pub use container::{Container, HttpResponse};
pub use docker_registry::{DockerRegistry, DockerRegistrySettings};
pub use fake_executor::{FakeExecutor, FakeRun};
pub use nuget_feed::NugetFeed;
pub use nuget_package::{dependent_nuget_package, nuget_package};
pub use oci_tools::{skopeo, skopeo_copy, skopeo_inspect, umoci_unpack};
pub use registry::{Fault, FaultProxy, MemoryRegistry, RecordedRequest};
pub use tiny_base::tiny_base;

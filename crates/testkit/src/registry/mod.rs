//! A complete registry in memory, and a proxy before a real one, for tests of a client.
//!
//! Both record every request and can be told to fail at any of them. The registry follows
//! distribution-spec 1.1, so that a client that agrees with it agrees with others.

mod access;
mod blobs;
mod fault;
mod log;
mod manifests;
mod memory;
mod personality;
mod proxy;
mod recorded;
mod routes;
mod server;
mod state;
mod uploads;
mod wire;

pub use access::Login;
pub use fault::Fault;
pub use memory::MemoryRegistry;
pub use personality::{ChunkRule, Mount, Personality, Referrers};
pub use proxy::FaultProxy;
pub use recorded::RecordedRequest;

//! The client against registries: one in memory, and Debian's `docker-registry`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod corners;
mod credentials;
mod cuts;
mod faults;
mod habits;
mod interop;
mod lies;
mod limits;
mod login;
mod network;
mod pace;
mod personalities;
mod push_pull;
mod random_faults;
mod reach;
mod referrers;
mod retries;
mod safety;
mod support;
mod traces;
mod untouched;

//! Shared caches that work, that fail, and that lie.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod faults;
mod lies;
mod machine;
mod sharing;
mod writers;

//! Throws hostile bytes at a reader: a moment in every test run, or for as long as one likes.
//!
//! A target is a test whose name begins with `fuzz_`. `./test` runs some cases of each;
//! `./test --fuzz MINUTES` runs each for so long, and says how many cases that were.

mod bytes;
mod json;
mod target;

pub use bytes::{Bytes, mutated};
pub use json::mutated_json;
pub use target::fuzz;

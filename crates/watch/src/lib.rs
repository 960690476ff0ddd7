//! Records every path that the processes of a step look up: what they read, ask for in vain, list,
//! follow, start and write.
//!
//! Two things note it. A seccomp filter, which a process cannot take off and hands on to whatever it
//! starts, stops each call about a path and asks the listener, a thread that notes the path and lets
//! the call go on; that misses nothing, but takes some 60 µs a call. So every dynamic program also loads
//! a library (preload/preload.c) that stands before the functions of the C library: it notes the path
//! itself, in memory that all share, and then makes the call from the one address at which the filter
//! lets it through. What the library does not see, for whatever reason, the listener does.
//!
//! What cannot be told is said: see [`NotWatched`].

mod caller;
mod calls;
mod filter;
mod kernel;
mod library;
mod links;
mod listener;
mod log;
mod program;
mod seen;
mod watch;

pub use seen::{Kinds, Looks, NotWatched, Seen};
pub use watch::{Watch, cannot_watch, start_watched};

//! Channels and cancellation: what they promise, under every executor and between
//! threads. Needs no feature of the crate; with `rt` its own runtime is among the
//! executors.

mod bytes;
mod cancelled;
mod claims;
mod contract;
mod dense;
mod executors;
mod hostile;
mod kinds;
mod leaks;
mod macros;
mod model;
#[cfg(feature = "rt")]
mod runtimes;
mod sides;
mod soak;
#[cfg(feature = "rt")]
#[path = "../it/support.rs"]
mod support;
mod threads;
mod token;
mod token_model;
mod transfer;
mod typed;
mod waits;

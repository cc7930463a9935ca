//! The bridge to tokio, and its I/O traits.

#[cfg(feature = "tokio-compat")]
mod compat;
#[cfg(feature = "tokio-compat")]
mod ends;
#[cfg(feature = "tokio-io")]
mod io;

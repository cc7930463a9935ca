//! Other crates' futures on the runtime, one module a crate.

mod async_channel;
mod event_listener;
mod futures_combinators;
mod futures_concurrency;
mod futures_streams;
mod tokio_channels;
mod tokio_locks;

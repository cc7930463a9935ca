//! Other crates on the runtime, one module a crate or a protocol.

mod async_channel;
mod bridged_client;
mod event_listener;
mod futures_combinators;
mod futures_concurrency;
mod futures_streams;
mod http;
mod hyper_io;
mod tls;
mod tokio_channels;
mod tokio_io;
mod tokio_locks;
mod web;
mod websocket;

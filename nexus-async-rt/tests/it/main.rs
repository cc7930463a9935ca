//! The crate from outside, one module a situation.

mod abort;
mod arrows;
mod async_fd;
mod auto_traits;
mod cancel;
mod cancel_model;
mod channel_bytes;
mod channel_cancel;
mod channel_contract;
mod channel_dense;
mod channel_executors;
mod channel_hand;
mod channel_hostile;
mod channel_kinds;
mod channel_macros;
mod channel_model;
mod channel_runtimes;
mod channel_sides;
mod channel_threads;
mod channel_typed;
mod examples;
mod fairness;
mod handoff;
mod join;
mod metrics;
mod net_faults;
mod net_hostile;
mod net_stress;
mod panic;
mod quiesce;
mod random;
mod runtime_drop;
mod shutdown;
mod signals;
mod slab;
mod spawn;
mod tcp;
mod time;
mod time_backoff;
mod time_hostile;
mod time_interval;
mod time_model;
mod time_paused;
mod time_timeout;
#[cfg(feature = "tokio-compat")]
mod tokio_compat;
#[cfg(feature = "tokio-compat")]
mod tokio_ends;
#[cfg(feature = "tokio-io")]
mod tokio_io;
mod udp;
mod unix;
mod wake_foreign;
mod watchdog;
mod world;

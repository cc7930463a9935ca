//! The runtime: the loop that polls tasks, its settings, its end, and the World.
//!
//! | for | see |
//! |---|---|
//! | a runtime, and its settings | [`Runtime`], [`RuntimeBuilder`] |
//! | new tasks | [`spawn_boxed()`], [`spawn_slab()`], [`claim_slab()`], [`SlabClaim`] |
//! | the World inside a task | [`with_world()`], [`WorldCtx`] |
//! | the end of a program | [`shutdown_signal()`], [`run_until_shutdown()`], [`ShutdownHandle`], [`Runtime::shutdown_quiesce`] |
//! | a core of its own | [`RuntimeBuilder::pin`], [`pin_thread()`] |
//! | what the runtime has done | [`metrics()`], [`task_count()`] |
//!
//! # A turn
//!
//! 1. At most `tasks_per_cycle` tasks are polled, one by one from the front of the
//!    ready queue. In a turn in which a timer may become due or has just fired, the
//!    limit is an eighth of that number, so that the clock is read sooner. A task that
//!    wakes itself goes to the end of the queue and may come up again in the same turn.
//! 2. The root, the future of `block_on`, is polled if it has been woken.
//! 3. At most `cross_thread_drain_limit` wakes of other threads are taken out
//!    of the inbox.
//! 4. If timers wait, the clock is read and those that are due are fired.
//!    Otherwise the turn that begins here has not read it yet.
//! 5. Every `event_interval` turns, the OS is asked for sockets, if any are
//!    watched; the tasks that wait for one that is ready are woken.
//! 6. If there is nothing to do: a [paused clock](crate::time::pause()) moves to the
//!    next deadline, if no socket is waited for and nobody holds it. Otherwise
//!    `block_on` looks for work for the builder's `spin`, then sleeps in the OS until
//!    `spin` before the next deadline, a wake or a socket. `block_on_busy` goes on
//!    with the next turn.
//!
//! # Panics
//!
//! One guard is around the whole loop. It ends the task that was being polled
//! and lets the panic go on. Everything else is in order at each point where
//! foreign code runs, so the loop can be entered again.

mod block;
mod builder;
mod clock;
mod context;
mod drive;
mod home;
mod idle;
mod inbox;
mod metrics;
mod pinning;
mod quiesce;
#[cfg(feature = "net")]
mod registration;
mod shutdown;
mod signals;
mod spawn;
mod tasks;
mod waker;
mod world;

pub use builder::RuntimeBuilder;
#[cfg(any(feature = "net", feature = "tokio-compat"))]
pub(crate) use clock::try_hold_clock;
pub(crate) use clock::{clock_now, find_timers, hold_clock, with_timers};
pub use drive::Runtime;
pub use metrics::{Metrics, metrics, task_count};
pub use pinning::pin_thread;
pub use quiesce::QuiesceTimeout;
#[cfg(feature = "net")]
pub(crate) use registration::Registration;
pub use shutdown::{
    RunUntilShutdown, ShutdownHandle, ShutdownSignal, run_until_shutdown, shutdown_handle,
    shutdown_signal,
};
pub use spawn::{SlabClaim, claim_slab, spawn_boxed, spawn_slab, try_claim_slab};
pub use world::{WorldCtx, with_world, with_world_ref};

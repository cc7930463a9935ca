//! What a runtime tells about itself.

use super::block::Block;
use super::context;
use super::drive::Runtime;
use crate::task::Arena;

/// A snapshot of what a runtime has done since it was built.
///
/// Taken by [`Runtime::metrics`](crate::Runtime::metrics) or, inside a
/// runtime, by [`metrics`](crate::runtime::metrics()).
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async { spawn_boxed(async {}).await });
/// let metrics = rt.metrics();
/// assert_eq!((metrics.tasks_spawned, metrics.tasks_alive), (1, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Tasks that have not ended.
    pub tasks_alive: u64,
    /// Tasks ever spawned.
    pub tasks_spawned: u64,
    /// Polls of tasks; the root future of `block_on` is not counted.
    pub polls: u64,
    /// Wakes on the runtime's own thread.
    pub local_wakes: u64,
    /// Wakes from other threads. Several that came before the runtime looked
    /// count as one.
    pub foreign_wakes: u64,
    /// Times that the thread slept in the OS.
    pub parks: u64,
    /// Times that an idle `block_on` began to look again and again before it
    /// parked.
    pub spins: u64,
    /// Times that the OS was asked for sockets without sleeping; a park asks too,
    /// while any are watched.
    pub socket_polls: u64,
    /// Timers that came due.
    pub timers_fired: u64,
    /// Slots of the slab that are in use. A task that has ended keeps its slot
    /// while a handle or waker of it exists.
    pub slots_used: usize,
    /// The most slots that were ever in use at once.
    pub slots_most_used: usize,
}

fn snapshot(shared: &Block) -> Metrics {
    let counters = &shared.counters;
    Metrics {
        tasks_alive: shared.alive.count(),
        tasks_spawned: counters.spawned.get(),
        polls: counters.polls.get(),
        local_wakes: counters.local_wakes.get(),
        foreign_wakes: counters.foreign_wakes.get(),
        parks: counters.parks.get(),
        spins: counters.spins.get(),
        socket_polls: counters.socket_polls.get(),
        timers_fired: counters.timers_fired.get(),
        slots_used: shared.arena.as_ref().map_or(0, Arena::used),
        slots_most_used: shared.arena.as_ref().map_or(0, Arena::most_used),
    }
}

impl Runtime<'_> {
    /// What the runtime has done so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        snapshot(self.shared())
    }

    /// Tasks that have not ended.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.shared().alive.count() as usize
    }
}

/// What the runtime that the caller runs in has done so far.
///
/// # Panics
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn metrics() -> Metrics {
    context::with("metrics", snapshot)
}

/// Tasks of the runtime that the caller runs in that have not ended.
///
/// # Panics
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn task_count() -> usize {
    context::with("task_count", |shared| shared.alive.count() as usize)
}

//! The numbers that a runtime counts.

use std::cell::Cell;

/// A number that only the owner's thread touches.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        self.0.set(self.0.get().wrapping_add(n));
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

/// The counters behind `Metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) spawned: Counter,
    pub(crate) polls: Counter,
    pub(crate) local_wakes: Counter,
    pub(crate) foreign_wakes: Counter,
    pub(crate) parks: Counter,
    pub(crate) spins: Counter,
    pub(crate) socket_polls: Counter,
    pub(crate) timers_fired: Counter,
}

//! The timers and the clock of the runtime that the caller runs in.

use super::block::Block;
use super::context;
use super::waker;
use crate::timer::{ClockHold, Timers};
use std::task::Waker;
use std::time::Instant;

/// Runs `f` on the timers of the current runtime, for the public function
/// `name`.
#[track_caller]
#[inline(always)]
pub(crate) fn with_timers<R>(name: &str, f: impl FnOnce(&Timers) -> R) -> R {
    context::with(name, |shared| f(&shared.timers))
}

/// As [`with_timers`], if the caller runs in a runtime.
pub(crate) fn find_timers<R>(f: impl FnOnce(&Timers) -> R) -> Option<R> {
    context::find(|shared| f(&shared.timers))
}

/// The time of the runtime that the caller runs in; outside a runtime, the
/// system's.
#[inline(always)]
pub(crate) fn clock_now() -> Instant {
    context::find(|shared| shared.timers.clock.now()).unwrap_or_else(Instant::now)
}

/// See [`ClockHold`]; for the public function `name`.
#[track_caller]
pub(crate) fn hold_clock(name: &str) -> ClockHold {
    context::with(name, hold)
}

/// The same, if the caller runs in a runtime.
#[cfg(any(feature = "net", feature = "tokio-compat"))]
pub(crate) fn try_hold_clock() -> Option<ClockHold> {
    context::find(hold)
}

fn hold(shared: &Block) -> ClockHold {
    let root = Waker::clone(&waker::of_root(shared));
    shared.timers.clock.hold(root)
}

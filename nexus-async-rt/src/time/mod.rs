//! Waiting for the clock, and letting the others run.
//!
//! A [`Sleep`] holds its timer in itself and hangs it into the wheel of the
//! runtime that polls it: nothing is allocated, and a dropped one leaves
//! nothing behind.
//!
//! [`sleep()`] counts from the call and reads the clock for it;
//! `sleep_until(event_time() + d)` counts from the turn and does not.

mod after;
mod backoff;
mod interval;
mod paused;
mod sleep;
mod timeout;
mod unconstrained;
mod yield_now;

pub use crate::runtime::ClockHold;
pub use after::{After, after, after_delay};
pub use backoff::{Backoff, BackoffBuilder, Exhausted, WaitFut};
pub use interval::{Interval, MissedTickBehavior, TickFut, interval, interval_at};
pub use paused::{AdvanceFut, advance, hold_clock, pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub use unconstrained::{Unconstrained, unconstrained};
pub use yield_now::{YieldNow, yield_now};

use crate::runtime::with_timers;
use std::time::Instant;

/// The time of this turn of the loop: the clock's value at its first use in
/// the turn, the same for all that ask in it.
///
/// # Panics
/// Outside a runtime.
///
/// # Example
/// ```
/// use nexus_async_rt::{Runtime, event_time, now};
/// use nexus_rt::WorldBuilder;
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
/// rt.block_on(async {
///     let first = event_time();
///     assert_eq!(first, event_time());
///     assert!(first <= now());
/// });
/// ```
#[must_use]
#[track_caller]
pub fn event_time() -> Instant {
    with_timers("event_time", |timers| timers.clock.event_time())
}

/// The time now, read from the clock.
///
/// # Panics
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn now() -> Instant {
    with_timers("now", |timers| timers.clock.now())
}

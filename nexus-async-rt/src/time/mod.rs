//! Waiting for the clock, and letting the others run.
//!
//! [`sleep`](sleep()), [`timeout`](timeout()), [`interval`](interval()), [`now`] and
//! [`yield_now`](yield_now()) are also at the root of the crate.
//!
//! # Which one
//!
//! | what is to happen | by | counts from |
//! |---|---|---|
//! | wait for a while | [`sleep()`] | the call |
//! | wait until a time | [`sleep_until`] | |
//! | give up on a future | [`timeout()`], [`timeout_at`] | the call |
//! | the same again and again | [`interval()`], [`interval_at`] | the call, then its own schedule |
//! | begin later | [`after()`], [`after_delay`] | the call |
//! | try again after a failure | [`Backoff`] | each failure |
//! | let the others run | [`yield_now()`] | |
//! | run on where this crate's futures would let the others run | [`unconstrained()`] | |
//!
//! A loop that does something every second wants an [`Interval`]: a `sleep` in
//! it would add the time that the loop itself takes. A limit for several steps
//! together is one `timeout` around all of them, or one deadline handed to
//! [`timeout_at`].
//!
//! A connection that has been idle for too long is ended by a `timeout` around each
//! read: see [a TCP server](crate::patterns::network#a-tcp-server). A timer that several
//! places of a task put off is a [`Sleep`] and its [`reset`](Sleep::reset).
//!
//! # What holds for all of them
//!
//! - A timer never fires early. Its deadline is kept to the nanosecond, however
//!   coarse the wheel that finds it.
//! - Timers fire in the order of their deadlines, those with the same one in the
//!   order in which they were made. The tasks that they wake run in this order too.
//!   The root, the future of `block_on`, runs after the tasks of its turn: at a
//!   deadline that it shares with tasks, it sees what they have done.
//! - A runtime that sleeps wakes up as late as the kernel's own timers are:
//!   some microseconds, or some tens of them in a virtual machine. One that is
//!   busy looks at the clock once a turn, so that a timer is late by the tasks
//!   of that turn.
//! - `Duration::MAX` is never, and so is what a clock cannot show.
//! - Making, polling, firing, resetting and dropping a timer allocates nothing,
//!   and takes the same time beside a million others. The timer lies in its
//!   future, so that this can be neither moved nor sent away once it has been
//!   polled; dropping it takes the timer out of the wheel.
//! - They belong to the runtime that polls them first. They may be made outside,
//!   where they count from the system's time.
//!
//! # Which time it is
//!
//! [`now`] reads the runtime's clock, as [`sleep()`] and [`timeout()`] do: some
//! twenty nanoseconds. [`event_time`] reads it once a turn: of a hundred tasks
//! woken by one packet, each may ask. `sleep_until(event_time() + d)` therefore
//! costs a quarter of `sleep(d)`, and counts from the first reading of the turn.
//!
//! Most limits of time are gone by the end of the turn in which they were first
//! polled. Such a timer was put into a list and taken out again, and nothing else.
//! What is still there then is converted to nanoseconds and put into its slot. A
//! turn in which timers wait reads the clock once.
//!
//! # A clock that stands still
//!
//! In a test the clock can be [`pause`]d, or never have run
//! ([`RuntimeBuilder::start_paused`](crate::RuntimeBuilder::start_paused)). It
//! then jumps to the next deadline whenever there is nothing else to do: hours
//! pass in no time, and to the nanosecond the same each time. [`advance`] moves
//! it by hand. What comes from other threads is invisible to it, unless they
//! keep a [`ClockHold`]. A registered wait for a socket holds it too. So does
//! `resolve` while it is awaited, and a future of the bridge to tokio.
//!
//! The times of a paused clock are its own: a program that is to be tried this
//! way asks [`now`], not `Instant::now`.
//!
//! A test with a paused clock fails in a few known ways:
//!
//! | what happens | why | remedy |
//! |---|---|---|
//! | a timer does not fire, though [`advance`] went past it | the task had not been polled, so its timer did not exist | [`yield_now`](yield_now()) before `advance` |
//! | a `timeout` around a reply of another thread elapses at once | nothing else is to be done here, so the clock jumps | the thread keeps a [`ClockHold`] from [`hold_clock`] |
//! | the clock does not jump | a wait for a socket is registered, or a hold lives | drop it; see [`pause`] |
//! | a duration is a little off | it was measured by `Instant::now` | [`now`] |
//! | several ticks come at once | [`advance`] moved past them in one step | a loop that advances by one period, or [`sleep`](sleep()) |
//!
//! ```
//! use nexus_async_rt::time::Backoff;
//! use nexus_async_rt::{RuntimeBuilder, interval, now, sleep, spawn_boxed, timeout};
//! use std::time::Duration;
//!
//! let second = Duration::from_secs(1);
//! let mut rt = RuntimeBuilder::new().start_paused(true).build();
//! rt.block_on(async move {
//!     let begin = now();
//!     let heartbeat = spawn_boxed(async move {
//!         let mut beat = interval(second);
//!         for _ in 0..15 {
//!             beat.tick().await;
//!         }
//!     });
//!     let answer = timeout(5 * second, sleep(60 * second)).await;
//!     assert!(answer.is_err());
//!     assert_eq!(now() - begin, 5 * second);
//!
//!     let mut backoff = Backoff::builder().initial(second).max_retries(2).build();
//!     while backoff.wait("refused").await.is_ok() {}
//!     assert_eq!(now() - begin, (5 + 1 + 2) * second);
//!
//!     heartbeat.await;
//!     assert_eq!(now() - begin, 15 * second);
//! });
//! ```

mod after;
mod alarm;
mod backoff;
mod interval;
mod paused;
mod sleep;
mod timeout;
mod unconstrained;
mod yield_now;

pub use crate::timer::ClockHold;
pub use after::{After, after, after_delay};
pub use backoff::{Backoff, BackoffBuilder, Exhausted, WaitFut};
pub use interval::{Interval, MissedTickBehavior, TickFut, interval, interval_at};
pub use paused::{Advance, advance, hold_clock, pause, resume};
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
/// use nexus_async_rt::time::event_time;
/// use nexus_async_rt::{RuntimeBuilder, now};
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let first = event_time();
///     assert_eq!(first, event_time());
///     assert!(first <= now());
/// });
/// ```
#[must_use]
#[track_caller]
#[inline]
pub fn event_time() -> Instant {
    with_timers("event_time", |timers| timers.clock.event_time())
}

/// The time now, read from the runtime's clock, which may be
/// [paused](pause()).
///
/// # Panics
/// Outside a runtime.
///
/// # Cost
/// Some twenty nanoseconds, which [`event_time`] spares all but the first.
#[must_use]
#[track_caller]
#[inline]
pub fn now() -> Instant {
    with_timers("now", |timers| timers.clock.now())
}

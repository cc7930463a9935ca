//! What time it is in one runtime: the system's time, or one that stands still.
//!
//! Knows no timer and no loop. It never goes back: each of the steps between
//! its paces begins with the time that the former one showed.
//!
//! | pace | the time | left by |
//! |---|---|---|
//! | system | the system's | [`Clock::pause`] |
//! | paused | stands; moved by [`Clock::move_to`] alone | [`Clock::resume`] |
//! | shifted | the system's, and what it was moved or stood still | [`Clock::pause`] |
//!
//! Holds are counted under a lock, as any thread may end one. The end of the
//! last one wakes the root. So a runtime that parked because it was held looks
//! again, by the same word of the inbox as for every other wake.

use crate::sync::Mutex;
use crate::thread;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// In nanoseconds since a clock's origin: later than it ever shows.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
enum Pace {
    System,
    /// It stands here.
    Paused(Instant),
    /// It showed `from` when the system's clock showed `since`.
    Shifted {
        from: Instant,
        since: Instant,
    },
}

/// See the module.
pub(crate) struct Clock {
    /// What deadlines are counted from.
    origin: Instant,
    pace: Cell<Pace>,
    /// What it showed when it was read last for a turn: it is at least that.
    reached: Cell<Instant>,
    /// Whether that was in this turn.
    is_read: Cell<bool>,
    holds: Arc<Mutex<usize>>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let origin = Instant::now();
        Self {
            origin,
            pace: Cell::new(Pace::System),
            reached: Cell::new(origin),
            is_read: Cell::new(false),
            holds: Arc::default(),
        }
    }

    /// The time.
    #[inline(always)]
    pub(crate) fn now(&self) -> Instant {
        match self.pace.get() {
            Pace::System => Instant::now(),
            pace => pace.altered(),
        }
    }

    /// The time at its first use in this turn.
    #[inline]
    pub(crate) fn event_time(&self) -> Instant {
        if self.is_read.get() {
            self.reached.get()
        } else {
            self.begin_turn()
        }
    }

    /// Reads the time for a turn that begins.
    pub(crate) fn begin_turn(&self) -> Instant {
        let now = self.now();
        self.reached.set(now);
        self.is_read.set(true);
        now
    }

    /// A turn begins, in which nobody has asked for the time.
    #[inline(always)]
    pub(crate) fn forget_time(&self) {
        self.is_read.set(false);
    }

    /// Whether it is known to have reached `time`, without being read.
    #[inline(always)]
    pub(crate) fn has_reached(&self, time: Instant) -> bool {
        time <= self.reached.get()
    }

    /// Nanoseconds from the origin to `time`; [`NEVER`] from five hundred years
    /// on.
    #[inline(always)]
    pub(crate) fn nanos(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.origin);
        let seconds = since.as_secs().saturating_mul(1_000_000_000);
        seconds.saturating_add(u64::from(since.subsec_nanos()))
    }

    /// What the system's clock shows at `now` of this one, which runs.
    pub(crate) fn system_time(&self, now: Instant) -> Instant {
        match self.pace.get() {
            Pace::System | Pace::Paused(_) => now,
            Pace::Shifted { from, since } => since + now.saturating_duration_since(from),
        }
    }
}

/// Standing still.
impl Clock {
    #[inline(always)]
    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.pace.get(), Pace::Paused(_))
    }

    /// Stands still from now on.
    pub(crate) fn pause(&self) {
        self.pace.set(Pace::Paused(self.now()));
    }

    /// Runs from where it stands, if it does.
    pub(crate) fn resume(&self) {
        if let Pace::Paused(from) = self.pace.get() {
            let since = Instant::now();
            self.pace.set(Pace::Shifted { from, since });
        }
    }

    /// The time `duration` after now, if a clock can show it.
    pub(crate) fn later(&self, duration: Duration) -> Option<Instant> {
        let time = self.now().checked_add(duration)?;
        (self.nanos(time) < NEVER).then_some(time)
    }

    /// Moves the clock, which is paused, to `time`, unless it shows a later one.
    pub(crate) fn move_to(&self, time: Instant) {
        debug_assert!(self.is_paused());
        self.pace.set(Pace::Paused(time.max(self.now())));
    }

    /// The time that is so many nanoseconds after the origin.
    pub(crate) fn at(&self, nanos: u64) -> Instant {
        self.origin + Duration::from_nanos(nanos)
    }

    /// Whether a [`ClockHold`] exists.
    pub(crate) fn is_held(&self) -> bool {
        self.holds.with(|holds| *holds > 0)
    }

    /// Keeps the paused clock where it is; `root` is woken when that ends.
    pub(crate) fn hold(&self, root: Waker) -> ClockHold {
        self.holds.with(|holds| *holds += 1);
        ClockHold {
            holds: self.holds.clone(),
            root,
            owner: thread::number(),
        }
    }
}

impl Pace {
    #[cold]
    fn altered(self) -> Instant {
        match self {
            Self::System => Instant::now(),
            Self::Paused(at) => at,
            Self::Shifted { from, since } => from + since.elapsed(),
        }
    }
}

/// Keeps a paused clock from jumping while it lives.
///
/// Made by [`hold_clock`](crate::time::hold_clock). It may be sent to another thread
/// and dropped there: what that thread is about to hand over then counts as
/// work that the runtime waits for. Of several, the last one counts.
///
/// # Example
/// See [`hold_clock`](crate::time::hold_clock).
#[must_use = "the clock is held for as long as this lives"]
pub struct ClockHold {
    holds: Arc<Mutex<usize>>,
    root: Waker,
    /// The number of the runtime's thread.
    owner: u64,
}

impl Drop for ClockHold {
    fn drop(&mut self) {
        let last = self.holds.with(|holds| {
            *holds -= 1;
            *holds == 0
        });
        // On its own thread the runtime is awake, and looks at the holds once more
        // before it parks, after all foreign code: see `Runtime::idle`.
        if last && thread::number() != self.owner {
            self.root.wake_by_ref();
        }
    }
}

impl fmt::Debug for ClockHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockHold").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back() {
        let clock = Clock::new();
        let mut last = clock.now();
        let mut check = |clock: &Clock| {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        };
        for round in 0..100 {
            check(&clock);
            clock.pause();
            check(&clock);
            clock.move_to(clock.now() + Duration::from_micros(round));
            check(&clock);
            clock.move_to(clock.at(round));
            check(&clock);
            clock.resume();
            check(&clock);
        }
    }

    #[test]
    fn what_was_moved_stays() {
        let clock = Clock::new();
        clock.pause();
        let before = clock.now();
        clock.move_to(clock.later(Duration::from_secs(3600)).unwrap());
        assert_eq!(clock.now(), before + Duration::from_secs(3600));
        clock.resume();
        let now = clock.now();
        assert!(now >= before + Duration::from_secs(3600));
        let system = clock.system_time(now);
        assert!(system <= Instant::now());
        assert!(system + Duration::from_secs(3599) < now);
        assert_eq!(clock.later(Duration::MAX), None);
        assert_eq!(clock.later(Duration::from_secs(600 * 365 * 86400)), None);
    }
}

//! Waiting again and again.

use super::alarm::Alarm;
use super::sleep::Sleep;
use crate::runtime::clock_now;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Ticks every `period`, for the first time one period after this call.
///
/// # Panics
/// If `period` is zero.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, interval, now};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let begin = now();
///     let mut heartbeat = interval(Duration::from_secs(1));
///     for second in 1..=3 {
///         heartbeat.tick().await;
///         assert_eq!(now() - begin, Duration::from_secs(second));
///     }
/// });
/// ```
#[must_use]
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    Interval::new(clock_now().checked_add(period), period)
}

/// Ticks at `start` for the first time, and every `period` from then on.
///
/// A `start` that has passed is a tick that was missed.
///
/// # Panics
/// If `period` is zero.
#[must_use]
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(Some(start), period)
}

/// When an [`Interval`] ticks again after some of its ticks were awaited too late.
///
/// With a period of 10, and a task that asks for the tick of 20 at 45:
///
/// | | ticks that follow |
/// |---|---|
/// | `Burst` | 45 (that of 20), 45 (of 30), 45 (of 40), 50, 60 |
/// | `Delay` | 45 (that of 20), 55, 65 |
/// | `Skip` | 45 (that of 20), 50, 60 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Ticks that were missed follow at once: none is lost, and the interval
    /// is on time again. The default.
    #[default]
    Burst,
    /// The next tick comes a period after this one was delivered: never sooner,
    /// and each tick that is late puts off all that follow.
    Delay,
    /// The next tick comes at the next multiple of the period that is still to
    /// come: ticks that were missed are left out.
    Skip,
}

/// Ticks at a fixed rate. Made by [`interval`] and [`interval_at`].
///
/// It may be moved at any time: what waits is the future of
/// [`tick`](Interval::tick), or the timer of
/// [`poll_tick`](Interval::poll_tick), which lies on the heap. It takes no
/// notice of how many ticks are due before it is asked for the next one.
///
/// # Cost
/// A tick costs a [`Sleep`], and allocates nothing.
pub struct Interval {
    /// When the next tick is due; `None` is never.
    next: Option<Instant>,
    period: Duration,
    behavior: MissedTickBehavior,
    /// What `poll_tick` waits by, once it was called.
    alarm: Option<Alarm>,
}

impl Interval {
    #[track_caller]
    fn new(next: Option<Instant>, period: Duration) -> Self {
        assert!(!period.is_zero(), "the period of an interval is {period:?}");
        Self {
            next,
            period,
            behavior: MissedTickBehavior::default(),
            alarm: None,
        }
    }

    /// Waits for the next tick; when it was due.
    ///
    /// # Panics
    /// As [`Sleep`]: outside a runtime.
    ///
    /// # Cancel safety
    /// Dropped before it has completed, it has taken no tick: the next call
    /// waits for the same one.
    pub fn tick(&mut self) -> TickFut<'_> {
        TickFut {
            timer: Sleep::new(self.next),
            interval: Some(self),
        }
    }

    /// [`tick`](Interval::tick) by hand. The latest caller is woken.
    ///
    /// Both forms take the same ticks: a tick that one of them returned, the other
    /// one does not return. The interval may be moved while it waits, also to
    /// another thread or runtime. The next call waits where it is made.
    ///
    /// # Panics
    /// As [`Sleep`]: outside a runtime.
    ///
    /// # Cost
    /// The first call allocates the timer, and so does the first after a move to
    /// another thread or runtime. A timer that is left behind on another thread
    /// is freed when its deadline comes there, or with that runtime.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{RuntimeBuilder, interval, now};
    /// use std::future::poll_fn;
    /// use std::time::Duration;
    ///
    /// let mut rt = RuntimeBuilder::new().start_paused(true).build();
    /// rt.block_on(async {
    ///     let begin = now();
    ///     let mut heartbeat = interval(Duration::from_secs(1));
    ///     let due = poll_fn(|cx| heartbeat.poll_tick(cx)).await;
    ///     assert_eq!(due - begin, Duration::from_secs(1));
    /// });
    /// ```
    #[track_caller]
    pub fn poll_tick(&mut self, cx: &Context<'_>) -> Poll<Instant> {
        self.alarm.take_if(|alarm| !alarm.is_usable());
        let alarm = self.alarm.get_or_insert_with(Alarm::new);
        ready!(alarm.poll(self.next, cx));
        let due = self
            .next
            .expect("a timer without a deadline does not complete");
        self.advance(due);
        Poll::Ready(due)
    }

    /// Has the next tick come one period after this call.
    pub fn reset(&mut self) {
        self.reset_to(clock_now().checked_add(self.period));
    }

    /// Has the next tick come at once, and the others in periods from now on.
    pub fn reset_immediately(&mut self) {
        self.reset_to(Some(clock_now()));
    }

    /// Has the next tick come `after` this call, and the others in periods from
    /// then on.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_to(clock_now().checked_add(after));
    }

    /// Has the next tick come at `deadline`, and the others in periods from
    /// then on.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.reset_to(Some(deadline));
    }

    /// A caller of `poll_tick` that waits is woken at the new time.
    fn reset_to(&mut self, next: Option<Instant>) {
        self.next = next;
        if let Some(alarm) = &mut self.alarm {
            alarm.reset(next);
        }
    }

    /// The time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens to ticks that are missed.
    #[must_use]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// Says what is to happen to ticks that are missed.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// The tick that was due at `due` is delivered now.
    fn advance(&mut self, due: Instant) {
        self.next = match self.behavior {
            MissedTickBehavior::Burst => due.checked_add(self.period),
            MissedTickBehavior::Delay => clock_now().checked_add(self.period),
            MissedTickBehavior::Skip => {
                let now = clock_now();
                let late = now.saturating_duration_since(due);
                let left = self.period - remainder(late, self.period);
                now.checked_add(left)
            }
        };
    }
}

/// What of `duration` is left beyond whole periods.
fn remainder(duration: Duration, period: Duration) -> Duration {
    let nanos = duration.as_nanos() % period.as_nanos();
    let second = Duration::from_secs(1).as_nanos();
    // Less than a period, and the seconds of a period are a `u64`.
    Duration::new((nanos / second) as u64, (nanos % second) as u32)
}

/// The future of [`Interval::tick`].
#[must_use = "futures do nothing unless awaited"]
pub struct TickFut<'a> {
    timer: Sleep,
    /// None once it has completed.
    interval: Option<&'a mut Interval>,
}

impl Future for TickFut<'_> {
    /// When the tick was due.
    type Output = Instant;

    #[track_caller]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        // SAFETY: the timer is pinned with its owner, because it is never moved
        // out, and `TickFut` has no `Drop` and no `Unpin` of its own.
        let (mut timer, slot) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.timer), &mut this.interval)
        };
        assert!(slot.is_some(), "a tick was polled after it had completed");
        ready!(timer.as_mut().poll(cx));
        let due = timer.deadline();
        if let (Some(interval), Some(due)) = (slot.take(), due) {
            interval.advance(due);
            return Poll::Ready(due);
        }
        unreachable!("a timer without a deadline does not complete")
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &self.next)
            .field("period", &self.period)
            .field("behavior", &self.behavior)
            .finish()
    }
}

impl fmt::Debug for TickFut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickFut")
            .field("due", &self.timer.deadline())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_of_any_size() {
        let nanos = Duration::from_nanos;
        assert_eq!(remainder(nanos(45), nanos(10)), nanos(5));
        assert_eq!(remainder(nanos(40), nanos(10)), Duration::ZERO);
        assert_eq!(remainder(Duration::ZERO, nanos(1)), Duration::ZERO);
        assert_eq!(remainder(Duration::MAX, Duration::MAX), Duration::ZERO);
        assert_eq!(
            remainder(Duration::MAX - nanos(1), Duration::MAX),
            Duration::MAX - nanos(1)
        );
    }
}

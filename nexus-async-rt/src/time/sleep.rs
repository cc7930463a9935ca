//! Waiting until a point in time.

use crate::runtime::{clock_now, find_timers, with_timers};
use crate::thread;
use crate::timer::{Entry, Phase};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Completes `duration` after this call. `Duration::MAX` is never.
///
/// Called outside a runtime it counts from the system's time.
///
/// # Cost
/// Reads the clock; allocates nothing.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, sleep};
/// use std::time::{Duration, Instant};
///
/// let mut rt = RuntimeBuilder::new().build();
/// let begin = Instant::now();
/// rt.block_on(async { sleep(Duration::from_millis(2)).await });
/// assert!(begin.elapsed() >= Duration::from_millis(2));
/// ```
#[inline]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(clock_now().checked_add(duration))
}

/// Completes when the clock has reached `deadline`; at once if it is known to
/// have.
///
/// # Cost
/// Does not read the clock, and allocates nothing.
#[inline]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(Some(deadline))
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// Neither `Send` nor `Unpin`: the runtime's timer wheel points into it, from
/// its first poll until it has fired or is dropped. It may be made anywhere.
///
/// # Panics
/// When polled outside a runtime, in another runtime than before, or after the
/// runtime in which it waited is gone.
///
/// # Cancel safety
/// Dropping it takes the timer out of the wheel.
///
/// # Example
/// It does not leave its thread:
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// send(nexus_async_rt::sleep(std::time::Duration::ZERO));
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    entry: Entry,
}

impl Sleep {
    #[inline(always)]
    pub(super) fn new(deadline: Option<Instant>) -> Self {
        Self {
            entry: Entry::new(deadline),
        }
    }

    /// When it completes; `None` is never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.entry.time()
    }

    /// Whether its deadline has come and the runtime has noticed. Then it
    /// completes when it is polled.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        self.entry.phase() == Phase::Fired
    }

    /// Has it complete at `deadline` instead, also if it has completed before.
    ///
    /// A task that waits for it need not poll it again to be woken then. Among
    /// timers with the same deadline it counts as made when it was made.
    ///
    /// # Cost
    /// As making it; allocates nothing.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{RuntimeBuilder, now, sleep};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let mut rt = RuntimeBuilder::new().start_paused(true).build();
    /// rt.block_on(async {
    ///     let begin = now();
    ///     let mut timer = pin!(sleep(Duration::from_secs(1)));
    ///     timer.as_mut().await;
    ///     timer.as_mut().reset(begin + Duration::from_secs(5));
    ///     timer.await;
    ///     assert_eq!(now(), begin + Duration::from_secs(5));
    /// });
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.reset_to(Some(deadline));
    }

    /// As [`reset`](Sleep::reset); `None` is never.
    pub(super) fn reset_to(self: Pin<&mut Self>, deadline: Option<Instant>) {
        self.into_ref().entry().reset(deadline);
    }

    /// Whether it can be polled here: it waits in this runtime, or nowhere.
    pub(super) fn is_usable(&self) -> bool {
        match self.entry.phase() {
            Phase::Idle | Phase::Fired => true,
            Phase::Waiting => find_timers(|timers| self.entry.is_in(timers)).unwrap_or(false),
            Phase::Abandoned => false,
        }
    }

    /// The timer, pinned.
    #[inline(always)]
    fn entry(self: Pin<&Self>) -> Pin<&Entry> {
        // SAFETY: the entry is pinned with its sleep, because it is never moved
        // out, and `Sleep` has no `Drop` and no `Unpin` of its own.
        unsafe { self.map_unchecked(|sleep| &sleep.entry) }
    }

    /// Has the timer, which is idle, wait, even if it is due.
    #[track_caller]
    #[inline(always)]
    pub(super) fn begin(self: Pin<&Self>, cx: &Context<'_>) {
        // Foreign code comes first: it may even end the runtime.
        self.entry.arm(cx.waker());
        with_timers("Sleep::poll", |timers| timers.stage(self.entry()));
    }

    /// The first poll. `true`: it is known to be due.
    #[track_caller]
    #[inline(always)]
    fn poll_idle(self: Pin<&Self>, cx: &Context<'_>) -> bool {
        let reached = with_timers("Sleep::poll", |timers| {
            let deadline = self.entry.time();
            deadline.is_some_and(|deadline| timers.clock.has_reached(deadline))
        });
        if reached {
            self.entry.set_fired();
        } else {
            // Never, too: it may be reset while it waits.
            self.begin(cx);
        }
        reached
    }

    /// A poll that is not the first. `true`: it has fired.
    #[track_caller]
    #[inline(never)]
    fn poll_begun(self: Pin<&Self>, cx: &Context<'_>) -> bool {
        if self.entry.phase() == Phase::Waiting {
            let is_here = with_timers("Sleep::poll", |timers| self.entry.is_in(timers));
            assert!(
                is_here,
                "a `Sleep` that waits in one runtime was polled in another"
            );
            self.entry.rearm(cx.waker());
        }
        // Foreign code may have fired it just now.
        match self.entry.phase() {
            Phase::Waiting => false,
            Phase::Fired => true,
            Phase::Idle | Phase::Abandoned => abandoned(),
        }
    }
}

#[cold]
#[track_caller]
fn abandoned() -> ! {
    panic!("a `Sleep` was polled after the runtime in which it waited was dropped")
}

impl Future for Sleep {
    type Output = ();

    /// A panic points to the `.await`.
    #[track_caller]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.into_ref();
        let fired = if this.entry.is_idle() {
            this.poll_idle(cx)
        } else {
            this.poll_begun(cx)
        };
        if fired && thread::may_complete(cx) {
            thread::completed();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.entry.time())
            .field("phase", &self.entry.phase())
            .finish()
    }
}

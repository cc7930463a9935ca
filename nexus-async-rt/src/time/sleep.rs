//! Waiting until a point in time.

use crate::runtime::{Entry, Phase, with_timers};
use crate::thread;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Completes `duration` after this call. `Duration::MAX` is never.
///
/// # Cost
/// Reads the clock; allocates nothing.
///
/// # Example
/// ```
/// use nexus_async_rt::{Runtime, sleep};
/// use nexus_rt::WorldBuilder;
/// use std::time::{Duration, Instant};
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
/// let begin = Instant::now();
/// rt.block_on(sleep(Duration::from_millis(2)));
/// assert!(begin.elapsed() >= Duration::from_millis(2));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Instant::now().checked_add(duration))
}

/// Completes when the clock has reached `deadline`; at once if it has.
///
/// # Cost
/// Does not read the clock, and allocates nothing.
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
    /// `None` is never.
    deadline: Option<Instant>,
    entry: Entry,
}

impl Sleep {
    fn new(deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            entry: Entry::new(),
        }
    }

    /// Registers a timer that is polled for the first time. `true`: it is
    /// already known to be due.
    #[inline]
    fn begin(entry: Pin<&Entry>, deadline: Option<Instant>, cx: &Context<'_>) -> bool {
        with_timers("Sleep::poll", |timers| {
            let Some(deadline) = deadline else {
                return false;
            };
            let due = timers.known_time().is_some_and(|now| now >= deadline);
            if due {
                entry.set_fired();
            } else {
                timers.insert(entry, deadline, cx.waker());
            }
            due
        })
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.into_ref();
        let deadline = this.deadline;
        // SAFETY: the entry is pinned with its sleep: it is never moved out,
        // and `Sleep` has no `Drop` and no `Unpin` of its own.
        let entry = unsafe { this.map_unchecked(|sleep| &sleep.entry) };
        let fired = match entry.phase() {
            Phase::Fired => true,
            Phase::Idle => Self::begin(entry, deadline, cx),
            Phase::Waiting => {
                with_timers("Sleep::poll", |timers| {
                    assert!(
                        entry.is_in(timers),
                        "a `Sleep` that waits in one runtime was polled in another"
                    );
                });
                entry.register(cx.waker());
                false
            }
            Phase::Abandoned => {
                panic!("a `Sleep` was polled after the runtime in which it waited was dropped")
            }
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
            .field("deadline", &self.deadline)
            .field("phase", &self.entry.phase())
            .finish()
    }
}

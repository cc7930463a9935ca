//! A clock that stands still, for tests.

use super::sleep::Sleep;
use crate::runtime::{self, with_timers};
use crate::timer::ClockHold;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Has the clock of this runtime stand still.
///
/// It then moves when [`advance`] is called, and when there is nothing else to do. If
/// no task is ready, no socket is waited for and no [`ClockHold`] lives, it jumps to
/// the next deadline. Other threads are invisible to it: a program
/// of one thread does the same each time, one that waits for another thread
/// needs [`hold_clock`].
///
/// A wait for a socket that was begun by a `poll_` method counts until something
/// happens on that side or the socket is dropped, even if the future around it is
/// gone. The methods of `AsyncRead` and `AsyncWrite` are such methods. A wait in a
/// future that was leaked counts as long. While it counts the clock does not jump:
/// wait with the sockets' own futures, which take themselves out.
///
/// On a clock that stands already it does nothing.
/// [`RuntimeBuilder::start_paused`](crate::RuntimeBuilder::start_paused) does
/// the same from the beginning.
///
/// # Panics
/// Outside a runtime.
///
/// # Example
/// An hour in no time:
/// ```
/// use nexus_async_rt::time::pause;
/// use nexus_async_rt::{RuntimeBuilder, now, sleep};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     pause();
///     let begin = now();
///     sleep(Duration::from_secs(3600)).await;
///     assert_eq!(now() - begin, Duration::from_secs(3600));
/// });
/// ```
#[track_caller]
pub fn pause() {
    with_timers("pause", |timers| timers.clock.pause());
}

/// Lets the clock run again, from where it stands.
///
/// It stays ahead of the system's clock, or behind it, by what it was moved and
/// stood still. If it does not stand this does nothing.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn resume() {
    with_timers("resume", |timers| timers.clock.resume());
}

/// Moves the [paused](pause) clock by `duration` in one step, and completes
/// when the timers that came due have been fired and their tasks been polled.
///
/// They find the clock at the end of the step: that is how to try a program
/// with late timers. A test that awaits [`sleep`](crate::sleep()) instead sees
/// every deadline in between pass in turn.
///
/// A timer counts from the call that makes it: a task that has not been polled yet
/// has made none, so the step does not reach it. Await
/// [`yield_now`](crate::yield_now()) first, to have the tasks that were just spawned
/// polled.
///
/// In the future of `block_on` itself, at most `tasks_per_cycle` tasks are
/// polled meanwhile.
///
/// # Panics
/// When polled outside a runtime, while the clock runs, and if the clock cannot
/// show that time: it ends 584 years after the runtime was built.
///
/// # Cancel safety
/// The clock moves with the first poll, and not again.
///
/// # Example
/// ```
/// use nexus_async_rt::time::advance;
/// use nexus_async_rt::{RuntimeBuilder, interval};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let mut ticks = interval(Duration::from_secs(1));
///     advance(Duration::from_millis(2500)).await;
///     // Late, one after the other.
///     let (first, second) = (ticks.tick().await, ticks.tick().await);
///     assert_eq!(second - first, Duration::from_secs(1));
/// });
/// ```
///
/// The timer of a task that was just spawned:
/// ```
/// use nexus_async_rt::time::advance;
/// use nexus_async_rt::{RuntimeBuilder, interval, spawn_boxed, yield_now};
/// use std::time::Duration;
///
/// const HOUR: Duration = Duration::from_secs(3600);
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let job = spawn_boxed(async { interval(HOUR).tick().await });
///     yield_now().await;
///     advance(HOUR).await;
///     assert!(job.is_finished());
/// });
/// ```
pub fn advance(duration: Duration) -> Advance {
    Advance {
        duration,
        timer: Sleep::new(None),
    }
}

/// Keeps a [paused](pause) clock from jumping while what is returned lives.
///
/// # Panics
/// Outside a runtime.
///
/// # Example
/// A job on another thread takes no time on the paused clock, however long the thread
/// works:
/// ```
/// use nexus_async_rt::channel::spsc;
/// use nexus_async_rt::time::hold_clock;
/// use nexus_async_rt::{RuntimeBuilder, now, timeout};
/// use std::thread;
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let begin = now();
///     let (reply, answer) = spsc::channel(1);
///     let hold = hold_clock();
///     let worker = thread::spawn(move || {
///         thread::sleep(Duration::from_millis(10));
///         reply.try_send(42).unwrap();
///         // Now the clock may jump again.
///         drop(hold);
///     });
///     let limit = Duration::from_millis(1);
///     assert_eq!(timeout(limit, answer.recv()).await, Ok(Ok(42)));
///     assert_eq!(now(), begin);
///     worker.join().unwrap();
/// });
/// ```
#[track_caller]
pub fn hold_clock() -> ClockHold {
    runtime::hold_clock("hold_clock")
}

/// The future of [`advance`].
#[must_use = "the clock moves when this is awaited"]
pub struct Advance {
    duration: Duration,
    /// Never, until the clock has been moved; then due at once.
    timer: Sleep,
}

impl Future for Advance {
    type Output = ();

    /// A panic points to the `.await`.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let duration = self.duration;
        // SAFETY: the timer is pinned with its owner, because it is never moved
        // out, and `Advance` has no `Drop` and no `Unpin` of its own.
        let mut timer = unsafe { self.map_unchecked_mut(|this| &mut this.timer) };
        if timer.deadline().is_some() {
            return timer.poll(cx);
        }
        let (is_paused, later) = with_timers("advance", |timers| {
            let clock = &timers.clock;
            let (is_paused, later) = (clock.is_paused(), clock.later(duration));
            if is_paused && let Some(time) = later {
                clock.move_to(time);
            }
            (is_paused, later)
        });
        assert!(
            is_paused,
            "`advance` was called while the clock runs: call `pause` first"
        );
        let Some(time) = later else {
            panic!("`advance` by {duration:?} leads beyond what a clock can show");
        };
        // By the wheel, even though it is due, and made just now: behind all
        // that is due.
        timer.set(Sleep::new(Some(time)));
        timer.into_ref().begin(cx);
        Poll::Pending
    }
}

impl fmt::Debug for Advance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Advance")
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

//! A timer that stays where it is while its owner moves, also to another thread:
//! what [`Interval::poll_tick`](super::Interval::poll_tick) waits by.
//!
//! Knows no interval. The timer lies on the heap, in the wheel of the thread
//! that polled it first, and wakes a [`Bell`] that wakes the caller:
//!
//! ```text
//!   alarm ====> timer ----> waker ====> bell ----> waker of the caller
//!     ||                                 ^
//!     ++=================================++          == owns
//! ```
//!
//! Invariants:
//! - The timer is touched by its thread alone, as long as it is in a wheel.
//! - The timer's waker is known to the wheel alone, so only the timer's thread
//!   wakes the bell. The wheel gives the waker up when it takes the timer out.
//! - An alarm that is dropped on another thread leaves its timer in the bell.
//!   There it is dropped by the bell's wake, on its own thread; or with the bell,
//!   when the wheel has given both up.
//! - No waker is cloned, woken or dropped under the bell's lock.

use super::sleep::Sleep;
use crate::sync::Mutex;
use crate::thread;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// See the module.
pub(super) struct Alarm {
    /// `None` only while it is dropped.
    timer: Option<Timer>,
    /// The thread of the timer.
    thread: NonZeroU64,
    bell: Arc<Bell>,
    /// The bell's.
    waker: Waker,
}

struct Timer(Pin<Box<Sleep>>);

// SAFETY: a timer must not be touched by two threads at once, nor be dropped
// while it is in another thread's wheel. It is not, because an alarm looks at the
// thread's number before it touches its timer, and a bell drops one only as its
// invariants say.
unsafe impl Send for Timer {}
// SAFETY: a shared timer must not be touched. It is not, because all that touches
// one takes `&mut`, guaranteed by `Alarm::timer` and the bell's lock.
unsafe impl Sync for Timer {}

struct Bell {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// The latest caller.
    caller: Option<Waker>,
    /// What its alarm has left behind.
    left: Option<Timer>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let Inside { caller, left } = self.inside.with(std::mem::take);
        drop(left);
        if let Some(caller) = caller {
            caller.wake();
        }
    }
}

impl Bell {
    /// Has the next wake reach `waker`.
    fn remember(&self, waker: &Waker) {
        let known = |inside: &mut Inside| {
            let caller = inside.caller.as_ref();
            caller.is_some_and(|caller| caller.will_wake(waker))
        };
        if !self.inside.with(known) {
            let caller = waker.clone();
            drop(self.inside.with(|inside| inside.caller.replace(caller)));
        }
    }
}

impl Alarm {
    /// On the caller's thread.
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell {
            inside: Mutex::new(Inside::default()),
        });
        Self {
            timer: Some(Timer(Box::pin(Sleep::new(None)))),
            thread: thread::assign_number(),
            waker: bell.clone().into(),
            bell,
        }
    }

    /// The timer, if it is this thread's.
    fn timer(&mut self) -> Option<Pin<&mut Sleep>> {
        let here = self.thread.get() == thread::number();
        self.timer
            .as_mut()
            .filter(|_| here)
            .map(|timer| timer.0.as_mut())
    }

    /// Whether it can be polled here: it waits in no other thread and no other
    /// runtime.
    pub(super) fn is_usable(&mut self) -> bool {
        self.timer().is_some_and(|timer| timer.is_usable())
    }

    /// Waits for `deadline`; `None` is never. The latest caller is woken.
    ///
    /// # Panics
    /// Outside a runtime, and if it is not usable there.
    #[track_caller]
    pub(super) fn poll(&mut self, deadline: Option<Instant>, cx: &Context<'_>) -> Poll<()> {
        self.bell.remember(cx.waker());
        self.reset(deadline);
        assert!(self.is_usable(), "an alarm was polled on another thread");
        let Self { timer, waker, .. } = self;
        let timer = timer.as_mut().expect("taken by `drop` alone");
        timer.0.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Has the caller that waits woken at `deadline` instead.
    pub(super) fn reset(&mut self, deadline: Option<Instant>) {
        if let Some(timer) = self.timer()
            && timer.deadline() != deadline
        {
            timer.reset_to(deadline);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let here = self.thread.get() == thread::number();
        let timer = self.timer.take();
        let caller = self.bell.inside.with(|inside| {
            let caller = inside.caller.take();
            if here {
                (caller, timer)
            } else {
                inside.left = timer;
                (caller, None)
            }
        });
        drop(caller);
    }
}

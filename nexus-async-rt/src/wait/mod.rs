//! Waiting: what a future does while an operation cannot succeed.
//!
//! Knows `std::task::Waker` and predicates. Knows no ring, no handle, no task
//! and no runtime; the predicate is the whole interface.
//!
//! The protocol stands in [`Waiter::poll`], once, for every future that waits:
//!
//! ```text
//!  who waits                             who makes the predicate true
//!  1  attempt: fails                     1  publish (room, message, close)
//!  2  register the waker                 2  full fence         WakerFence
//!  3  full fence          WaiterFence    3  is anyone registered?
//!  4  attempt again                      4  take that waker out, wake it
//!  5  pending
//! ```
//!
//! The fences order 2 before 4 on the left and 1 before 3 on the right, so that
//! not both sides miss the other (Dekker's argument). Either the second attempt
//! sees what was published, or the waker is seen and woken. A release store and
//! an acquire load do not do: both may sit in store buffers. Where
//! notifications are many and waits are few, the left may fence for the right,
//! too: see `fence`.
//!
//! Invariants:
//! - A notification takes the waker out. A sender that was notified and leaves
//!   without using the room passes the notification on. A publication wakes every
//!   receive, so a receive has nothing to pass on.
//! - No waker stays behind: a future that completes or is dropped takes out
//!   what it registered.
//! - Wakers are cloned, woken and dropped with no lock held and no borrow open:
//!   they are user code, may call back and may panic.
//!
//! | file | what |
//! |---|---|
//! | `mode` | one thread or many: which words, which lock, is there a fence |
//! | `point` | places to wait at, and which futures may attempt there when |
//! | `cell` | one waiter |
//! | `list`, `line` | the intrusive list; the same under its lock |
//! | `queue` | many waiters |
//! | `fair` | many waiters, in order |
//! | `fence` | which side pays for the fences |
//! | `end` | the waiters of a single consumer: a cell, and a queue behind it |
//! | `latch` | a flag that is set once, and the futures that wait for it |
//! | `late` | those that have to look again after a while |
//! | `parker` | a thread that waits for a future |
//! | `until` | a future that another one may end |

pub(crate) mod cell;
pub(crate) mod end;
pub(crate) mod fair;
pub(crate) mod fence;
pub(crate) mod latch;
#[cfg(not(all(test, nexus_loom)))]
mod late;
mod line;
pub(crate) mod list;
#[cfg(all(test, nexus_loom))]
pub(crate) mod loom;
pub(crate) mod mode;
#[cfg(not(all(test, nexus_loom)))]
pub(crate) mod parker;
mod point;
pub(crate) mod queue;
#[cfg(all(test, not(nexus_loom), target_os = "linux", not(miri)))]
mod refused;
#[cfg(not(all(test, nexus_loom)))]
pub(crate) mod until;

use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::Site;
use crate::unwind::{caught, contained, hand_on, keep_first};
use mode::Mode;
use point::Admission;
pub(crate) use point::{ConsumerPoint, Policy, WaitPoint};

/// What a future keeps for waiting: nothing until it has to, so that an
/// operation that succeeds at once costs no node.
pub(crate) struct Waiter<W: WaitPoint> {
    stage: Stage,
    /// Made when the stage becomes `Waiting`. Holds nothing that needs to be
    /// dropped once it is out of its list.
    node: MaybeUninit<W::Node>,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    /// The node was registered at least once.
    Waiting,
    /// The future has completed.
    Done,
}

// A panic of foreign code leaves it at one of its stages, each of which is whole.
impl<W: WaitPoint> UnwindSafe for Waiter<W> {}
impl<W: WaitPoint> RefUnwindSafe for Waiter<W> {}

impl<W: WaitPoint> Waiter<W> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let mut waiter = MaybeUninit::<Self>::uninit();
        // Field by field: the whole as a constant would be copied with the node, as
        // zeros, and each of these stores waits in the store buffer of a consumer behind
        // the line that it publishes.
        //
        // SAFETY: in bounds, and all that has to be initialised.
        unsafe {
            (&raw mut (*waiter.as_mut_ptr()).stage).write(Stage::Fresh);
            waiter.assume_init()
        }
    }

    /// One poll of a future that waits at `point` until `attempt` gives a
    /// result.
    #[inline(always)]
    pub(crate) fn poll<R>(
        mut self: Pin<&mut Self>,
        point: &W,
        cx: &Context<'_>,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R>
    where
        W: Policy,
    {
        match self.as_mut().poll_fresh(point, &mut attempt) {
            Some(result) => Poll::Ready(result),
            None => self.poll_waiting(point, cx, attempt),
        }
    }

    /// The first half of a [`poll`](Self::poll): the attempt of a future that does not
    /// wait yet. For a caller that gives it and [`poll_waiting`](Self::poll_waiting) two
    /// closures, of which this one is inlined.
    #[inline(always)]
    pub(crate) fn poll_fresh<R>(
        self: Pin<&mut Self>,
        point: &W,
        attempt: impl FnOnce() -> Option<R>,
    ) -> Option<R>
    where
        W: Policy,
    {
        if self.stage != Stage::Fresh || !point.admits_newcomer() {
            return None;
        }
        let result = attempt()?;
        // SAFETY: nothing is moved.
        unsafe { self.get_unchecked_mut() }.stage = Stage::Done;
        Some(result)
    }

    /// The second half: the future waits, or begins to.
    #[inline(never)]
    pub(crate) fn poll_waiting<R>(
        self: Pin<&mut Self>,
        point: &W,
        cx: &Context<'_>,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R>
    where
        W: Policy,
    {
        // SAFETY: nothing is moved; the node is written before it is pinned.
        let this = unsafe { self.get_unchecked_mut() };
        match this.stage {
            Stage::Done => panic!("future polled after it completed"),
            Stage::Fresh => {
                if point.lingers()
                    && let Some(result) = attempt()
                {
                    this.stage = Stage::Done;
                    return Poll::Ready(result);
                }
                this.node.write(W::Node::default());
                this.stage = Stage::Waiting;
            }
            Stage::Waiting => {
                let node = this.node();
                if point.admits(node) == Admission::Now
                    && let Some(result) = attempt()
                {
                    return Poll::Ready(result);
                }
            }
        }
        let node = this.node();
        point.register(node, cx.waker());
        W::Mode::fence(Site::WaiterFence);
        match point.admits(node) {
            Admission::Now => attempt().map_or(Poll::Pending, Poll::Ready),
            Admission::Wait => Poll::Pending,
            Admission::GiveWay => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// The node of a future that waits.
    fn node(&self) -> Pin<&W::Node> {
        debug_assert_eq!(self.stage, Stage::Waiting);
        // SAFETY: written when the stage became `Waiting`; pinned with the
        // whole, because nothing moves it out and `Waiter` is not `Unpin`.
        unsafe { Pin::new_unchecked(self.node.assume_init_ref()) }
    }

    /// Whether the future waits already, as a poll that begins finds it.
    #[inline(always)]
    pub(crate) fn has_waited(&self) -> bool {
        self.stage == Stage::Waiting
    }

    /// Stops waiting, because the future has completed or is dropped. Returns
    /// whether it ever waited: if so, the caller looks whether a notification
    /// has to be handed on.
    ///
    /// # Safety
    ///
    /// - The waiter is pinned if it was ever polled.
    #[inline(always)]
    pub(crate) unsafe fn leave(&mut self, point: &W) -> bool {
        self.stage == Stage::Waiting && self.leave_waiting(point)
    }

    #[inline(never)]
    fn leave_waiting(&mut self, point: &W) -> bool {
        point.leave(self.node());
        self.stage = Stage::Done;
        true
    }
}

/// Wakes. While this thread unwinds, a panic of the waker ends here: a second
/// panic would end the process.
fn wake(waker: Waker) {
    if std::thread::panicking() {
        contained(|| waker.wake());
    } else {
        waker.wake();
    }
}

/// Wakes `waker` again after a while, for a notifier may have missed that it was
/// registered.
#[cold]
fn wake_again(waker: &Waker) {
    #[cfg(not(all(test, nexus_loom)))]
    late::wake(waker.clone());
    #[cfg(all(test, nexus_loom))]
    waker.wake_by_ref();
}

/// Wakes all that `next` yields. If a waker panics, the others are woken all
/// the same and the first panic goes on afterwards.
fn wake_all(mut next: impl FnMut() -> Option<Waker>) {
    let mut first = None;
    while let Some(waker) = next() {
        keep_first(&mut first, caught(|| waker.wake()));
    }
    hand_on(first);
}

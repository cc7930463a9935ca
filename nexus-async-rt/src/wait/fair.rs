//! Many waiters, served in the order in which they began to wait.
//!
//! A notification takes the first node out and marks it: it has its *turn*, which ends
//! when it comes back, with what it waited for or without. Without, it is linked again
//! at the place it had. It comes back without, and does not even look, if one that
//! waited longer is back in the list: what has become free is for that one. While
//! anyone waits or has a turn, a newcomer goes to the end of the list.
//!
//! A future that is leaked after it was notified never comes back. It holds
//! nobody up. The other side's next operation [recalls](FairQueue::recall) its
//! turn and notifies the next in the list. A newcomer gives way to it a limited
//! number of times.
//!
//! Knows no ring: whether there is room is the caller's predicate.

use std::pin::Pin;
use std::task::Waker;

use super::fence::Fence;
use super::line::Line;
use super::list::{LINKED, List, NOTIFIED, Node};
use super::mode::{Mode, Word};
use super::point::Admission;
use super::{Policy, WaitPoint, wake, wake_again, wake_all};
use crate::sync::{Ordering, Site};

/// How often newcomers give way to futures that have a turn, before the turns
/// lapse. A thread that has to be woken may take longer. It is then overtaken and
/// keeps its place.
#[cfg(not(all(test, nexus_loom)))]
const PATIENCE: usize = 1024;
#[cfg(all(test, nexus_loom))]
const PATIENCE: usize = 2;

/// The queue. `F`: which side fences.
#[derive(Debug)]
pub(crate) struct FairQueue<M: Mode, F: Fence> {
    /// How many have a turn, written under the lock of the line.
    turns: M::Word,
    fence: F,
    line: Line<M, Turns>,
}

/// The futures that were notified, beside the list of those that wait.
#[derive(Debug, Default)]
struct Turns {
    /// Nodes that were notified and have not come back yet.
    count: usize,
    /// How often somebody gave way to the latest of them.
    gave_way: usize,
    /// The place of the last that was notified by a recall, since there was new
    /// room. One that is back in the list at or before it found too little.
    recalled: u64,
}

impl Turns {
    fn begin(&mut self) {
        self.count += 1;
        self.gave_way = 0;
    }

    /// A notified node has come back.
    fn end(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// Whether a node may attempt. If it is linked, there must be nobody in
    /// front of it, neither in the list nor among those that have a turn. If it
    /// has its turn, none that came before it may be back in the list.
    fn admit<M: Mode>(&mut self, list: &mut List<M>, node: &Node<M>) -> Admission {
        if node.state() != LINKED {
            return match list.has_earlier(node) {
                true => Admission::Wait,
                false => Admission::Now,
            };
        }
        if !list.is_first(node) {
            return Admission::Wait;
        }
        if self.count == 0 {
            return Admission::Now;
        }
        self.gave_way += 1;
        if self.gave_way < PATIENCE {
            return Admission::GiveWay;
        }
        self.count = 0;
        Admission::Now
    }
}

impl<M: Mode, F: Fence> FairQueue<M, F> {
    pub(crate) fn new() -> Self {
        Self {
            turns: M::Word::new(0),
            fence: F::new(),
            line: Line::new(Turns::default()),
        }
    }

    /// Whether anybody waits. To be asked after the protocol's fence.
    #[inline(always)]
    pub(crate) fn has_waiters(&self) -> bool {
        self.line.waiting() != 0
    }

    /// Runs `f` under the lock and renews the counts.
    fn locked<R>(&self, f: impl FnOnce(&mut List<M>, &mut Turns) -> R) -> R {
        self.line.locked(|list, turns| {
            let result = f(list, turns);
            // Ordering: Relaxed; a newcomer that misses it overtakes, no more.
            self.turns.store(turns.count, Ordering::Relaxed);
            result
        })
    }

    /// `false`: a notifier may have missed it, see [`Fence::before_register`].
    #[must_use]
    fn register_owned(&self, node: Pin<&Node<M>>, waker: Waker) -> bool {
        let Err(waker) = self.line.rearm(node, waker) else {
            return true;
        };
        let had_turn = node.state() == NOTIFIED;
        node.reset();
        self.locked(|list, turns| {
            if had_turn {
                turns.end();
            }
            let fenced = self.fence.before_register();
            // SAFETY: the lock is held; the node is not linked, because its
            // state is `IDLE`. It is pinned, and `leave` takes it out before it
            // goes, guaranteed by `Waiter`, through which all futures wait.
            unsafe { list.link(&node, waker) };
            fenced
        })
    }

    /// Records a success on the fast path, by the side that might have had to wait.
    #[inline(always)]
    pub(crate) fn succeeded(&self) {
        if self.fence.succeeded() {
            self.relax();
        }
    }

    #[cold]
    fn relax(&self) {
        self.locked(|list, _| {
            if list.len() == 0 {
                self.fence.relax();
            }
        });
    }

    #[inline(never)]
    fn take_first(&self) -> Option<Waker> {
        self.locked(|list, turns| {
            // SAFETY: the lock is held, guaranteed by `locked`.
            let waker = unsafe { list.pop_front() };
            if waker.is_some() {
                turns.begin();
                turns.recalled = 0;
            }
            waker
        })
    }

    /// The other side had nothing to do, though what is waited for is there: a
    /// future that was notified and has not come back may never do so. The next
    /// one is notified, each once.
    #[cold]
    pub(crate) fn recall(&self) {
        let next = self.locked(|list, turns| {
            turns.count = 0;
            let untold = turns.recalled + 1..=u64::MAX;
            // SAFETY: the lock is held, guaranteed by `locked`.
            let (ticket, waker) = unsafe { list.pop_of(untold) }?;
            turns.recalled = ticket;
            turns.begin();
            Some(waker)
        });
        if let Some(waker) = next {
            wake(waker);
        }
    }

    /// Whether another recall would notify somebody.
    #[cold]
    pub(crate) fn has_more_to_recall(&self) -> bool {
        self.line
            .look(|list, turns| list.last_place() > turns.recalled)
    }

    /// What [`notify_one`](WaitPoint::notify_one) wakes.
    #[inline(always)]
    pub(crate) fn to_notify(&self) -> Option<Waker> {
        if self.fence.before_look() && self.has_waiters() {
            self.take_first()
        } else {
            None
        }
    }
}

impl<M: Mode, F: Fence> WaitPoint for FairQueue<M, F> {
    type Mode = M;
    type Node = Node<M>;

    fn register(&self, node: Pin<&Node<M>>, waker: &Waker) {
        // A clone is user code: before anything is touched.
        if !self.register_owned(node, waker.clone()) {
            wake_again(waker);
        }
    }

    fn leave(&self, node: Pin<&Node<M>>) {
        self.line.unlink(node);
        if node.state() == NOTIFIED {
            self.locked(|_, turns| turns.end());
        }
        node.reset();
    }

    #[inline(always)]
    fn notify_one(&self) {
        if let Some(waker) = self.to_notify() {
            wake(waker);
        }
    }

    fn notify_all(&self) {
        M::fence(Site::WakerFence);
        wake_all(|| {
            self.locked(|list, turns| {
                // SAFETY: the lock is held, guaranteed by `locked`.
                let waker = unsafe { list.pop_front() };
                if waker.is_some() {
                    turns.begin();
                } else {
                    // Nobody is to wait for anyone any more. In one step with
                    // finding nobody: one that comes between would give way, and
                    // others would wait behind it.
                    turns.count = 0;
                }
                waker
            })
        });
    }
}

impl<M: Mode, F: Fence> Policy for FairQueue<M, F> {
    #[inline(always)]
    fn admits_newcomer(&self) -> bool {
        // Ordering: Relaxed; as in `locked`.
        !self.has_waiters() && self.turns.load(Ordering::Relaxed) == 0
    }

    fn admits(&self, node: Pin<&Node<M>>) -> Admission {
        // Out of the list, it may miss one that has just come back to it, which
        // it then overtakes, no more.
        if node.state() == LINKED || self.has_waiters() {
            self.locked(|list, turns| turns.admit(list, &node))
        } else {
            Admission::Now
        }
    }
}

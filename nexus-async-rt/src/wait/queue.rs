//! Many waiters, served in the order in which they began to wait.
//!
//! One word tells a notifier whether anybody waits; the list behind it is
//! locked only if so. A notification takes the first node out and marks it: it
//! has its *turn*, which ends when it comes back, with what it waited for or
//! without; then it is linked again at the place it had. It comes back without,
//! and does not even look, if one that waited longer is back in the list: what
//! has become free is for that one. While anyone waits or has a turn, a newcomer
//! goes to the end of the list.
//!
//! A future that is leaked after it was notified never comes back. It holds
//! nobody up: the other side's next operation [recalls](WaitQueue::recall) its
//! turn and notifies the next in the list, and a newcomer gives way to it a
//! limited number of times.
//!
//! Knows no ring: whether there is room is the caller's predicate.

use std::pin::Pin;
use std::task::Waker;

use super::fence::Fence;
use super::list::{LINKED, List, NOTIFIED, Node};
use super::mode::{Lock, Mode, Word};
use super::{Admission, ConsumerPoint, WaitPoint, wake, wake_again, wake_all};
use crate::sync::{Ordering, Site};
use crate::unwind::contained;

/// How often newcomers give way to those whose turn it is, before the turns
/// lapse. A thread that has to be woken may take longer. It is then overtaken and
/// keeps its place.
#[cfg(not(all(test, nexus_loom)))]
const PATIENCE: usize = 1024;
#[cfg(all(test, nexus_loom))]
const PATIENCE: usize = 2;

/// The queue. With `FIFO`, a future attempts only when nobody waits in front
/// of it; without, every future attempts whenever it is polled.
#[derive(Debug)]
pub struct WaitQueue<M: Mode, const FIFO: bool> {
    /// The length of the list, written under its lock.
    waiting: M::Word,
    /// Whose turn it is, likewise.
    turns: M::Word,
    fence: M::Fence,
    line: M::Lock<Line<M>>,
}

/// Those who wait, and those who were notified.
#[derive(Debug)]
struct Line<M: Mode> {
    list: List<M>,
    /// Nodes that were notified and have not come back yet.
    turns: usize,
    /// How often somebody gave way to the latest of them.
    gave_way: usize,
    /// The place of the last that was notified by a recall, since there was new
    /// room. One that is back in the list at or before it found too little.
    recalled: u64,
}

impl<M: Mode> Line<M> {
    fn begin_turn(&mut self) {
        self.turns += 1;
        self.gave_way = 0;
    }

    /// A notified node has come back.
    fn end_turn(&mut self) {
        self.turns = self.turns.saturating_sub(1);
    }

    /// Whether a node may attempt. If it is linked, there must be nobody in
    /// front of it, neither in the list nor among those whose turn it is. If it
    /// is its turn, nobody who came before it may be back in the list.
    fn admits(&mut self, node: &Node<M>) -> Admission {
        if node.state() != LINKED {
            return match self.list.has_earlier(node) {
                true => Admission::Wait,
                false => Admission::Now,
            };
        }
        if !self.list.is_first(node) {
            return Admission::Wait;
        }
        if self.turns == 0 {
            return Admission::Now;
        }
        self.gave_way += 1;
        if self.gave_way < PATIENCE {
            return Admission::GiveWay;
        }
        self.turns = 0;
        Admission::Now
    }
}

impl<M: Mode, const FIFO: bool> WaitQueue<M, FIFO> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: M::Word::new(0),
            turns: M::Word::new(0),
            fence: M::Fence::new(),
            line: M::Lock::new(Line {
                list: List::default(),
                turns: 0,
                gave_way: 0,
                recalled: 0,
            }),
        }
    }

    /// Whether anybody waits. To be asked after the protocol's fence.
    #[inline(always)]
    pub(crate) fn has_waiters(&self) -> bool {
        // Ordering: Relaxed; ordered by the fence before it.
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Runs `f` under the lock and renews the counts.
    fn locked<R>(&self, f: impl FnOnce(&mut Line<M>) -> R) -> R {
        self.line.with(|line| {
            let result = f(line);
            // Ordering: Relaxed; for notifiers ordered by the fences.
            self.waiting.store(line.list.len(), Ordering::Relaxed);
            if FIFO {
                // Ordering: Relaxed; a newcomer that misses it overtakes, no more.
                self.turns.store(line.turns, Ordering::Relaxed);
            }
            result
        })
    }

    /// As [`register`](WaitPoint::register), for a waker that was cloned already.
    /// `false`: a notifier may have missed it, see [`Fence::before_register`].
    #[must_use]
    pub(super) fn register_owned(&self, node: Pin<&Node<M>>, waker: Waker) -> bool {
        let waker = match node.state() {
            // SAFETY: the lock is held; the node is in this list or in none,
            // because no other links it.
            LINKED => match self.locked(|line| unsafe { line.list.rearm(&node, waker) }) {
                Ok(old) => {
                    drop(old);
                    return true;
                }
                // Notified since the attempt, which may have been in vain.
                Err(waker) => waker,
            },
            _ => waker,
        };
        let had_turn = FIFO && node.state() == NOTIFIED;
        node.reset();
        self.locked(|line| {
            if had_turn {
                line.end_turn();
            }
            let fenced = self.fence.before_register();
            // SAFETY: the lock is held; the node is not linked, because its
            // state is `IDLE`; it is pinned, and `leave` takes it out before it
            // goes, guaranteed by `Waiter`, through which all futures wait.
            unsafe { line.list.link(&node, waker) };
            fenced
        })
    }

    #[cold]
    fn relax(&self) {
        self.locked(|line| {
            if line.list.len() == 0 {
                self.fence.relax();
            }
        });
    }

    #[inline(never)]
    fn take_first(&self) -> Option<Waker> {
        self.locked(|line| {
            // SAFETY: the lock is held, guaranteed by `locked`.
            let waker = unsafe { line.list.pop_front() };
            if FIFO && waker.is_some() {
                line.begin_turn();
                line.recalled = 0;
            }
            waker
        })
    }

    /// The other side had nothing to do, though what is waited for is there:
    /// whoever was notified and has not come back may never do so. The next one
    /// is notified, each once.
    #[cold]
    pub(crate) fn recall(&self) {
        let next = self.locked(|line| {
            line.turns = 0;
            let untold = line.recalled + 1..=u64::MAX;
            // SAFETY: the lock is held, guaranteed by `locked`.
            let (ticket, waker) = unsafe { line.list.pop_of(untold) }?;
            line.recalled = ticket;
            line.begin_turn();
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
            .with(|line| line.list.last_place() > line.recalled)
    }

    /// Wakes every waiter that is there now, once. A waiter that comes back
    /// while the others are woken waits for the next call: what it waits for may
    /// be gone again.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake_present(&self) {
        M::fence(Site::WakerFence);
        if self.has_waiters() {
            wake_all(self.present());
        }
    }

    /// Takes those who wait now out, one by one.
    pub(super) fn present(&self) -> impl FnMut() -> Option<Waker> {
        let last = self.line.with(|line| line.list.last_ticket());
        let mut next = 0;
        move || {
            // SAFETY: the lock is held, guaranteed by `locked`.
            let (ticket, waker) = self.locked(|line| unsafe { line.list.pop_of(next..=last) })?;
            next = ticket + 1;
            Some(waker)
        }
    }

    /// Takes one waiter out as if it had been notified; its waker.
    #[cfg(all(feature = "net", not(all(test, nexus_loom))))]
    pub(crate) fn dismiss(&self) -> Option<Waker> {
        self.take_first()
    }

    /// Whether nobody waits, as the owner of a queue of one thread sees it.
    #[cfg(all(feature = "net", not(all(test, nexus_loom))))]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_waiters()
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

impl<M: Mode, const FIFO: bool> WaitPoint for WaitQueue<M, FIFO> {
    type Mode = M;
    type Node = Node<M>;

    #[inline(always)]
    fn admits_newcomer(&self) -> bool {
        // Ordering: Relaxed; as in `locked`.
        !FIFO || (!self.has_waiters() && self.turns.load(Ordering::Relaxed) == 0)
    }

    fn admits(&self, node: Pin<&Node<M>>) -> Admission {
        // Out of the list, it may miss one that has just come back to it, which
        // it then overtakes, no more.
        if FIFO && (node.state() == LINKED || self.has_waiters()) {
            self.locked(|line| line.admits(&node))
        } else {
            Admission::Now
        }
    }

    fn lingers(&self) -> bool {
        false
    }

    fn register(&self, node: Pin<&Node<M>>, waker: &Waker) {
        // A clone is user code: before anything is touched.
        if !self.register_owned(node, waker.clone()) {
            wake_again(waker);
        }
    }

    fn leave(&self, node: Pin<&Node<M>>) {
        if node.state() == LINKED {
            // SAFETY: the lock is held; the node is in this list or, if it
            // was notified meanwhile, in none.
            let waker = self.locked(|line| unsafe { line.list.unlink(&node) });
            contained(|| drop(waker));
        }
        if FIFO && node.state() == NOTIFIED {
            self.locked(Line::end_turn);
        }
        node.reset();
    }

    #[inline(always)]
    fn succeeded(&self) {
        if self.fence.succeeded() {
            self.relax();
        }
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
            self.locked(|line| {
                // SAFETY: the lock is held, guaranteed by `locked`.
                let waker = unsafe { line.list.pop_front() };
                if FIFO && waker.is_some() {
                    line.begin_turn();
                } else {
                    // Nobody is to wait for anyone any more. In one step with
                    // finding nobody: who comes between would give way, and others
                    // would wait behind it.
                    line.turns = 0;
                }
                waker
            })
        });
    }
}

impl WaitQueue<super::mode::Local, false> {
    /// Not inlined: where nobody waits a send has no stack to set up.
    #[inline(never)]
    fn notify_some(&self) {
        if self.waiting.get() == 1 {
            self.notify_one();
        } else {
            self.wake_present();
        }
    }
}

/// The receiver of a channel within one thread.
impl ConsumerPoint for WaitQueue<super::mode::Local, false> {
    #[inline(always)]
    fn before_look(&self) -> bool {
        true
    }

    #[inline(always)]
    fn notify_present(&self) {
        if self.has_waiters() {
            self.notify_some();
        }
    }

    fn close(&self, announce: impl FnOnce()) -> bool {
        announce();
        true
    }

    fn abandon(&self) {}

    fn is_late(&self) -> bool {
        false
    }
}

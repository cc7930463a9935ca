//! What the two ends of a channel share, and everything they do to it that
//! does not depend on what is stored.
//!
//! Knows no handle and no future.
//!
//! Invariants:
//! - Who makes room notifies `room`; who publishes notifies `messages`; who
//!   ends a side notifies every waiter of the other.
//! - The count of senders falls only after all that the sender accepted was
//!   published: who reads 0 and then finds nothing has seen everything.

use super::kind::Topology;
use crate::ring::Bounded;
use crate::sync::{Ordering, Site, ordering};
use crate::unwind::contained;
use crate::wait::mode::{Mode, Word};
use crate::wait::queue::WaitQueue;
use crate::wait::{WaitPoint, Waiter};

/// Where senders wait, in order.
type Room<K> = WaitQueue<<K as Topology>::Mode, true>;

/// What a future that sends keeps for waiting.
pub(super) type RoomWaiter<K> = Waiter<Room<K>>;

/// What a future that receives keeps for waiting.
pub(super) type MessageWaiter<K> = Waiter<<K as Topology>::Consumer>;

/// A ring, and those who wait for it.
#[derive(Debug)]
pub(super) struct Core<K: Topology, R> {
    pub(super) ring: R,
    /// Senders, for room.
    pub(super) room: Room<K>,
    /// The receiver, for messages.
    pub(super) messages: K::Consumer,
    senders: <K::Mode as Mode>::Word,
    closed: <K::Mode as Mode>::Word,
}

impl<K: Topology, R: Bounded> Core<K, R> {
    /// A channel with one sender.
    pub(super) fn new(ring: R) -> Self {
        Self {
            ring,
            room: WaitQueue::new(),
            messages: K::consumer(),
            senders: Word::new(1),
            closed: Word::new(0),
        }
    }

    /// Whether the receiver is gone or has closed.
    #[inline(always)]
    pub(super) fn is_closed(&self) -> bool {
        // Ordering: Relaxed; a send that begins after the close sees it by
        // coherence, one that waits by the fences of the protocol.
        self.closed.load(Ordering::Relaxed) != 0
    }

    /// No send that begins after this succeeds.
    pub(super) fn close(&self) {
        // Ordering: Relaxed; see `is_closed`.
        self.closed.store(1, Ordering::Relaxed);
        self.room.notify_all();
    }

    pub(super) fn add_sender(&self) {
        // Ordering: Relaxed; there is a sender already, which is cloned.
        let before = self.senders.add(1, Ordering::Relaxed);
        assert!(
            before < isize::MAX as usize,
            "a channel has room for {} senders",
            isize::MAX
        );
    }

    pub(super) fn remove_sender(&self) {
        // Ordering: Release; pairs with the Acquire load in `has_senders`, so
        // that what this sender published is visible.
        let before = self
            .senders
            .add(usize::MAX, ordering(Site::SenderGone, Ordering::Release));
        if before == 1 {
            self.messages.notify_all();
        }
    }

    /// Whether a sender is left.
    pub(super) fn has_senders(&self) -> bool {
        // Ordering: Acquire; pairs with the Release addition in
        // `remove_sender`; those of earlier senders are in its release sequence.
        self.senders
            .load(ordering(Site::SenderSeen, Ordering::Acquire))
            != 0
    }

    pub(super) fn has_room(&self) -> bool {
        self.ring.len() < self.ring.capacity()
    }

    /// A sender stops waiting: if there is room it does not use, or nobody need
    /// wait any more, the next one is woken. The latter because one that waits
    /// behind another does not look for itself, and may have begun after the
    /// close had woken everyone.
    ///
    /// # Safety
    ///
    /// - The waiter is pinned if it was ever polled.
    #[inline(always)]
    pub(super) unsafe fn leave_room(&self, waiter: &mut RoomWaiter<K>) {
        // SAFETY: guaranteed by this function's contract.
        if unsafe { waiter.leave(&self.room) } && (self.has_room() || self.is_closed()) {
            contained(|| self.room.notify_one());
        }
    }

    /// A message has been taken out and may not be the caller's yet: the next
    /// sender is woken, and if its waker panics, that does not cost the message.
    #[inline(always)]
    pub(super) fn room_made(&self) {
        if let Some(waker) = self.room.to_notify() {
            contained(|| waker.wake());
        }
    }

    /// A receiver stops waiting: if there is a message it does not take, or
    /// the end has come nearer, the next one is woken.
    ///
    /// # Safety
    ///
    /// - The waiter is pinned if it was ever polled.
    #[inline(always)]
    pub(super) unsafe fn leave_messages(&self, waiter: &mut MessageWaiter<K>) {
        // SAFETY: guaranteed by this function's contract.
        if unsafe { waiter.leave(&self.messages) } && (self.ring.len() > 0 || self.is_closed()) {
            contained(|| self.messages.notify_one());
        }
    }

    /// What the receiver may have, in the order that loses nothing: a message;
    /// if there is none, the end; and before the end is believed, once more a
    /// message.
    #[inline]
    pub(super) fn next<M>(&self, mut take: impl FnMut() -> Option<M>) -> Next<M> {
        if let Some(message) = take() {
            self.messages.succeeded();
            return Next::Message(message);
        }
        // Closed, it is over only when nothing is claimed: behind a claim that
        // is still open there may be messages that were accepted before.
        if self.has_senders() && (!self.is_closed() || self.ring.len() > 0) {
            return Next::Nothing;
        }
        take().map_or(Next::End, Next::Message)
    }
}

/// What a look at the channel found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<M> {
    Message(M),
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

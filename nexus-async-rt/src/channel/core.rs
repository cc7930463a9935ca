//! What the two ends of a channel share, and everything they do to it that
//! does not depend on what is stored.
//!
//! Knows no handle and no future.
//!
//! Invariants:
//! - Freeing a slot notifies `room`. Publishing a message notifies `messages`.
//!   Ending a side notifies every waiter of the other.
//! - The count of senders falls only after all that the sender accepted was
//!   published: a receiver that reads 0 and then finds nothing has seen everything.
//!
//! # The close
//!
//! A receiver that closes announces it, and then has the ring fix its end: what
//! was accepted lies below the end and is received, what lies above is refused.
//! How a sender learns that it came too late depends on the ring, see
//! [`ring`](crate::ring). Where claims are compare-exchanges the claim itself
//! fails. A single producer looks for the announcement after it has published,
//! where it looks for a waiter anyway, and settles with the ring. So the fast
//! path of a send has nothing to ask before it pushes, and a dense stream pays
//! for the close with one heavy fence of the receiver's.
//!
//! A dropped receiver does the same, and then drops what lies below the end. A
//! byte claim that it left open is refused when it is committed.

use std::cell::Cell;
use std::task::Waker;

use super::kind::Topology;
use super::phase::Phase;
use super::refusals::Refusals;
use crate::ring::{Bounded, Ring};
use crate::sync::{Ordering, Site, fence, ordering};
use crate::unwind::contained;
use crate::wait::fair::FairQueue;
use crate::wait::mode::{Mode, Word};
use crate::wait::{ConsumerPoint, WaitPoint, Waiter};

/// Where senders wait, in order.
type Room<K> = FairQueue<<K as Topology>::Mode, <K as Topology>::Fence>;

/// What a future that sends keeps for waiting.
pub(super) type RoomWaiter<K> = Waiter<Room<K>>;

/// What a future that receives keeps for waiting.
pub(super) type MessageWaiter<K> = Waiter<<K as Topology>::Consumer>;

/// A ring, and the futures that wait for it.
#[derive(Debug)]
pub(super) struct Core<K: Topology, R> {
    pub(super) ring: R,
    /// Senders, for room.
    pub(super) room: Room<K>,
    /// The receiver, for messages.
    pub(super) messages: K::Consumer,
    senders: <K::Mode as Mode>::Word,
    closed: <K::Mode as Mode>::Word,
    pub(super) refusals: Refusals<K::Mode>,
}

impl<K: Topology, R: Bounded> Core<K, R> {
    /// A channel with one sender.
    pub(super) fn new(ring: R) -> Self {
        Self {
            ring,
            room: FairQueue::new(),
            messages: K::consumer(),
            senders: Word::new(1),
            closed: Word::new(OPEN),
            refusals: Refusals::new(),
        }
    }

    /// Whether the receiver is gone or has closed.
    #[inline(always)]
    pub(super) fn is_closed(&self) -> bool {
        self.announced() != OPEN
    }

    /// Whether a claim that was refused just now came after the close, and not at a
    /// full ring.
    #[cold]
    pub(super) fn is_refused(&self) -> bool {
        // Ordering: Acquire; pairs with the Release of the ring's close, which the
        // claim has read.
        fence(ordering(Site::CloseRefused, Ordering::Acquire));
        self.is_closed()
    }

    /// Whether the receiver is gone.
    #[inline(always)]
    pub(super) fn is_abandoned(&self) -> bool {
        self.announced() == ABANDONED
    }

    #[inline(always)]
    fn announced(&self) -> usize {
        // Ordering: Relaxed; a send that begins after the close sees it by
        // coherence, one that waits or looks by the fences of the protocol.
        self.closed.load(Ordering::Relaxed)
    }

    /// No send succeeds any more, but those that came before. Every send that
    /// waits is woken.
    ///
    /// # Safety
    ///
    /// - The caller is the one receiver.
    pub(super) unsafe fn close(&self) {
        let announce = || {
            // Ordering: Release; pairs with the Acquire load in `published`: a
            // sender that finds it once finds it after each message.
            self.closed
                .store(CLOSED, ordering(Site::CloseAnnounce, Ordering::Release));
        };
        let fixed = if R::SETTLES {
            self.messages.close(announce)
        } else {
            announce();
            true
        };
        if fixed {
            // SAFETY: the one consumer, guaranteed by this function's contract.
            unsafe { self.ring.close() };
        }
        self.room.notify_all();
    }

    /// As `close`, for a receiver that is dropped while the ring holds nothing that
    /// needs dropping: what is committed from now on is refused, whether claimed
    /// before or not.
    ///
    /// # Safety
    ///
    /// - The caller is the one receiver.
    pub(super) unsafe fn abandon(&self) {
        // Ordering: Relaxed; see `announced`.
        self.closed.store(ABANDONED, Ordering::Relaxed);
        self.messages.abandon();
        // SAFETY: the one consumer, guaranteed by this function's contract.
        unsafe { self.ring.close() };
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
        if unsafe { waiter.leave(&self.room) } {
            self.pass_room_on();
        }
    }

    #[inline(never)]
    fn pass_room_on(&self) {
        if self.has_room() || self.is_closed() {
            contained(|| self.room.notify_one());
        }
    }

    /// What the ring's answer to a push or a claim is to a sender, as
    /// [`next`](Core::next) is to a receiver.
    #[inline(always)]
    pub(super) fn offer<A, D>(&self, answer: Result<A, D>) -> Offer<A, D> {
        match answer {
            Ok(accepted) => {
                self.room.succeeded();
                Offer::Accepted(accepted)
            }
            Err(back) if self.is_refused() => Offer::Refused(back),
            Err(back) => Offer::Full(back),
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

    /// A message was published: wakes the receiver. If it has closed meanwhile,
    /// `settle` decides what becomes of the message.
    #[inline(always)]
    pub(super) fn published<E>(&self, settle: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if !self.messages.before_look() {
            return Ok(());
        }
        // Ordering: Acquire; pairs with the Release store in `close`.
        let closed = self
            .closed
            .load(ordering(Site::CloseSee, Ordering::Acquire));
        if closed != OPEN {
            settle()?;
        }
        self.messages.notify_present();
        Ok(())
    }

    /// What a receiver in `phase` may have. Moves the phase on at the end. With
    /// `RECALL`, finding nothing is an operation of its own: see
    /// [`recall`](Core::recall).
    ///
    /// # Safety
    ///
    /// - The caller is the one receiver, and the phase is its own; `take` takes a
    ///   message out of the ring, by the same right.
    #[inline(always)]
    pub(super) unsafe fn next<const RECALL: bool, M>(
        &self,
        phase: &Cell<Phase>,
        mut take: impl FnMut() -> Option<M>,
    ) -> Next<M> {
        if phase.get() == Phase::Open
            && let Some(message) = take()
        {
            self.messages.succeeded();
            return Next::Message(message);
        }
        // SAFETY: guaranteed by this function's contract.
        unsafe { self.next_slow::<RECALL, M>(phase, take) }
    }

    /// What [`next`](Core::next) does where there is no message, or it has closed. Not
    /// inlined, so that the way of a message stays short.
    ///
    /// # Safety
    ///
    /// - As for `next`.
    #[inline(never)]
    pub(super) unsafe fn next_slow<const RECALL: bool, M>(
        &self,
        phase: &Cell<Phase>,
        mut take: impl FnMut() -> Option<M>,
    ) -> Next<M> {
        let next = match phase.get() {
            Phase::Open if self.has_senders() => Next::Nothing,
            // Before the end is believed, once more.
            Phase::Open => take().map_or(Next::End, Next::Message),
            // SAFETY: guaranteed by this function's contract.
            Phase::Closed => unsafe { self.next_closed(take) },
            Phase::Ended => Next::End,
        };
        match next {
            Next::End => phase.set(Phase::Ended),
            Next::Nothing if RECALL => self.recall(),
            _ => {}
        }
        next
    }

    /// There is nothing to receive. If senders wait for room all the same, those
    /// that were notified may have been leaked: the next one is.
    #[inline]
    pub(super) fn recall(&self) {
        if self.room.has_waiters() {
            self.recall_one();
        }
    }

    #[cold]
    fn recall_one(&self) {
        if self.has_room() && !self.is_closed() {
            contained(|| self.room.recall());
        }
    }

    /// A receiver found nothing and is about to wait, for the first time or `again`.
    /// No other operation of it may follow, so it looks again while senders wait
    /// that may have to be [recalled](Core::recall). It does not recall before it
    /// has looked twice: a sender that was notified has come by then, unless it was
    /// leaked.
    #[inline]
    pub(super) fn before_wait(&self, again: bool, waker: &Waker) {
        if self.room.has_waiters() && !self.is_closed() {
            self.look_for_leaks(again, waker);
        }
    }

    #[cold]
    fn look_for_leaks(&self, again: bool, waker: &Waker) {
        if again {
            self.recall_one();
        }
        if self.has_room() && self.room.has_more_to_recall() {
            waker.wake_by_ref();
        }
    }

    /// After [`close`](Core::close): the end comes when all below it was taken, also
    /// what is claimed and not yet published.
    ///
    /// # Safety
    ///
    /// - The caller is the one receiver.
    unsafe fn next_closed<M>(&self, mut take: impl FnMut() -> Option<M>) -> Next<M> {
        // Late, the end may still be a sender's to fix.
        if !R::SETTLES || !self.messages.is_late() {
            // SAFETY: the one consumer, guaranteed by this function's contract.
            unsafe { self.ring.close() };
        }
        // SAFETY: as above.
        if unsafe { self.ring.has_accepted() }
            && let Some(message) = take()
        {
            return Next::Message(message);
        }
        // SAFETY: as above.
        if unsafe { self.ring.is_drained() } {
            Next::End
        } else {
            Next::Nothing
        }
    }
}

/// Values.
impl<K: Topology, R: Bounded> Core<K, R> {
    /// Sends `value`, for a caller that may try again and again.
    ///
    /// # Safety
    ///
    /// - As for [`send`](Core::send).
    #[inline(always)]
    pub(super) unsafe fn try_send<T>(&self, value: T) -> Offer<(), T>
    where
        R: Ring<T>,
    {
        // SAFETY: guaranteed by this function's contract.
        unsafe {
            match self.ring.push(value) {
                Ok(()) => self.accepted(),
                Err(value) => self.try_again(value),
            }
        }
    }

    /// A try found no room, or the channel closed.
    ///
    /// # Safety
    ///
    /// - As for [`send`](Core::send).
    #[cold]
    #[inline(never)]
    unsafe fn try_again<T>(&self, value: T) -> Offer<(), T>
    where
        R: Ring<T>,
    {
        // SAFETY: guaranteed by this function's contract.
        unsafe {
            match self.offer(Err(value)) {
                Offer::Full(value) if self.refusals.gives_way(&self.ring) => self.send(value),
                offer => offer,
            }
        }
    }

    /// A value was pushed.
    ///
    /// # Safety
    ///
    /// - Once after each push, by the thread that pushed.
    #[inline(always)]
    unsafe fn accepted<T>(&self) -> Offer<(), T>
    where
        R: Ring<T>,
    {
        self.room.succeeded();
        // SAFETY: guaranteed by this function's contract.
        match unsafe { self.pushed() } {
            Ok(()) => Offer::Accepted(()),
            Err(value) => Offer::Refused(value),
        }
    }

    /// Sends `value`.
    ///
    /// # Safety
    ///
    /// - One thread at a time sends, unless the ring is made for many.
    #[inline(always)]
    pub(super) unsafe fn send<T>(&self, value: T) -> Offer<(), T>
    where
        R: Ring<T>,
    {
        // SAFETY: guaranteed by this function's contract.
        unsafe {
            match self.ring.push(value) {
                Ok(()) => self.accepted(),
                Err(value) => self.offer(Err(value)),
            }
        }
    }

    /// The first half of [`send`](Core::send): pushes.
    ///
    /// # Safety
    ///
    /// - As for `send`.
    #[inline(always)]
    pub(super) unsafe fn push<T>(&self, value: T) -> Offer<(), T>
    where
        R: Ring<T>,
    {
        // SAFETY: guaranteed by this function's contract.
        self.offer(unsafe { self.ring.push(value) })
    }

    /// The second half: wakes the receiver, or gives the value back.
    ///
    /// # Safety
    ///
    /// - Once after each push, by the thread that pushed.
    #[inline(always)]
    pub(super) unsafe fn pushed<T>(&self) -> Result<(), T>
    where
        R: Ring<T>,
    {
        if R::SETTLES {
            // SAFETY: guaranteed by this function's contract; `published` has
            // seen the announcement.
            return self.published(|| unsafe { self.ring.settle() });
        }
        if self.messages.before_look() {
            self.messages.notify_present();
        }
        Ok(())
    }
}

/// What the receiver has announced: nothing.
const OPEN: usize = 0;
/// That it takes no more.
const CLOSED: usize = 1;
/// That it is gone, and takes nothing.
const ABANDONED: usize = 2;

/// What a look at the channel found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<M> {
    Message(M),
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

/// What a sender gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer<A, D> {
    /// The message or the claim is in the ring.
    Accepted(A),
    /// There is no room now.
    Full(D),
    /// The receiver is gone or has closed.
    Refused(D),
}

#[cfg(all(test, not(nexus_loom), target_os = "linux", not(miri)))]
mod tests;

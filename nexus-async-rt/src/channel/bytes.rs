//! The handles of the byte kinds, written once over [`CrossThread`] kinds.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::bytes_fut::{ByteRecvFut, ByteSendFut, ClaimFut, Commit, ReadClaim, WriteClaim};
use super::core::{Core, Next};
use super::error::{ClaimError, RecvError, TryClaimError, TryRecvError};
use super::kind::{CrossThread, ManyProducers, Topology};
use super::phase::Phase;
use super::snapshots::snapshots;
use crate::ring::Bounded;
use crate::ring::bytes::{ByteRing, Claim};
use crate::ring::record::Span;
use crate::unwind::{caught, hand_on, keep_first};
use crate::wait::parker::block;
use crate::wait::{ConsumerPoint, WaitPoint};

pub(super) type ByteCore<K> = Core<K, ByteRing<<K as Topology>::Claim>>;
type CorePtr<K> = <K as Topology>::Ptr<ByteCore<K>>;

/// The sending end of a byte channel.
///
/// Made by `channel` of the kind's module, which has a name of its own for it:
/// [`spsc_bytes::Sender`](super::spsc_bytes::Sender),
/// [`mpsc_bytes::Sender`](super::mpsc_bytes::Sender). What every kind promises
/// stands in [the module](super). Dropping the last sender ends the channel
/// once it is empty.
pub struct ByteSender<K: CrossThread> {
    pub(super) core: CorePtr<K>,
    /// The claim that was handed out. Still here at the next one, or when this
    /// is dropped, it was forgotten and is aborted.
    pub(super) open: Option<Span>,
    _not_auto: PhantomData<*const ()>,
}

/// The receiving end of a byte channel.
///
/// Made by `channel` of the kind's module, which has a name of its own for it:
/// [`spsc_bytes::Receiver`](super::spsc_bytes::Receiver),
/// [`mpsc_bytes::Receiver`](super::mpsc_bytes::Receiver). What every kind
/// promises stands in [the module](super).
pub struct ByteReceiver<K: CrossThread> {
    pub(super) core: CorePtr<K>,
    /// The message that was handed out. Still here at the next one, it was
    /// forgotten and is released.
    pub(super) open: Option<Span>,
    pub(super) phase: Cell<Phase>,
    _not_auto: PhantomData<*const ()>,
}

// SAFETY: the fields that are not auto are the shared pointer and the marker.
// The ring's contract is one claiming thread (or a claim made for many): every
// claim takes `&mut self`, so the owner of the handle is the only one that
// claims.
unsafe impl<K: CrossThread> Send for ByteSender<K> {}
// SAFETY: as for the sender: every read takes `&mut self`.
unsafe impl<K: CrossThread> Send for ByteReceiver<K> {}

impl<K: CrossThread> UnwindSafe for ByteSender<K> {}
impl<K: CrossThread> RefUnwindSafe for ByteSender<K> {}
impl<K: CrossThread> UnwindSafe for ByteReceiver<K> {}
impl<K: CrossThread> RefUnwindSafe for ByteReceiver<K> {}

/// Both ends of a new channel.
#[track_caller]
pub(super) fn channel<K: CrossThread>(capacity_bytes: usize) -> (ByteSender<K>, ByteReceiver<K>) {
    let core = K::share(Core::new(ByteRing::with_capacity(capacity_bytes)));
    let sender = ByteSender {
        core: core.clone(),
        open: None,
        _not_auto: PhantomData,
    };
    let receiver = ByteReceiver {
        core,
        open: None,
        phase: Cell::new(Phase::Open),
        _not_auto: PhantomData,
    };
    (sender, receiver)
}

impl<K: CrossThread> ByteSender<K> {
    /// Claims `len` bytes to write a message into, waiting for room in the
    /// order in which claims began to wait.
    ///
    /// # Errors
    ///
    /// At once, never after waiting: [`ClaimError::ZeroLength`] and
    /// [`ClaimError::TooLong`]. [`ClaimError::Disconnected`] if the receiver is
    /// gone or has closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it completes, nothing was claimed.
    pub fn claim(&mut self, len: usize) -> ClaimFut<'_, K> {
        ClaimFut::new(self, len)
    }

    /// Claims `len` bytes if there is room. May overtake claims that wait. Trying again
    /// and again has [a cost](super#cost).
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim), and [`TryClaimError::Full`].
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<WriteClaim<'_, K>, TryClaimError> {
        self.resolve();
        self.check(len)?;
        let claimed = self.attempt(len).or_else(|| self.attempt_again(len));
        let span = claimed.ok_or(TryClaimError::Full)?;
        Ok(WriteClaim::new(self, span?))
    }

    /// Claims `len` bytes on a plain thread, which sleeps while there is no
    /// room.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    ///
    /// # Panics
    ///
    /// While a `block_on` of this crate is on this thread's stack.
    #[track_caller]
    pub fn blocking_claim(&mut self, len: usize) -> Result<WriteClaim<'_, K>, ClaimError> {
        super::assert_may_block("blocking_claim", "claim");
        block(self.claim(len))
    }

    /// Sends a copy of `message`: claim, copy, commit.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it completes, nothing was sent.
    pub fn send<'a>(&'a mut self, message: &'a [u8]) -> ByteSendFut<'a, K> {
        ByteSendFut::new(self, message)
    }

    /// Sends a copy of `message` if there is room.
    ///
    /// # Errors
    ///
    /// As [`try_claim`](Self::try_claim).
    #[inline]
    pub fn try_send(&mut self, message: &[u8]) -> Result<(), TryClaimError> {
        let mut claim = self.try_claim(message.len())?;
        claim.copy_from_slice(message);
        match claim.commit() {
            Commit::Sent => Ok(()),
            Commit::Disconnected => Err(TryClaimError::Disconnected),
        }
    }

    /// Sends a copy of `message` from a plain thread, which sleeps while there is
    /// no room.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    ///
    /// # Panics
    ///
    /// While a `block_on` of this crate is on this thread's stack.
    #[track_caller]
    pub fn blocking_send(&mut self, message: &[u8]) -> Result<(), ClaimError> {
        super::assert_may_block("blocking_send", "send");
        block(self.send(message))
    }

    /// Aborts a claim that was forgotten.
    #[inline]
    pub(super) fn resolve(&mut self) {
        if let Some(span) = self.open {
            self.abort(span);
        }
    }

    /// Kept out of line, so that the commit of a message is not.
    #[inline(never)]
    fn abort(&mut self, span: Span) {
        self.commit(span, 0);
    }

    /// Whether a message of `len` bytes can ever be sent.
    #[inline]
    pub(super) fn check(&self, len: usize) -> Result<(), ClaimError> {
        let max = self.core.ring.max_len();
        match len {
            0 => Err(ClaimError::ZeroLength),
            len if len > max => Err(ClaimError::TooLong { len, max }),
            _ => Ok(()),
        }
    }

    /// One attempt at a length that was checked, with no claim open.
    #[inline(always)]
    pub(super) fn attempt(&self, len: usize) -> Option<Result<Span, ClaimError>> {
        // Where a claim is refused once the ring is closed, that is enough.
        if K::Claim::SETTLES && self.core.is_closed() {
            return Some(Err(ClaimError::Disconnected));
        }
        // SAFETY: the length was checked; one thread at a time claims, unless
        // it is made for many, because the handle is borrowed exclusively.
        match unsafe { self.core.ring.claim(len) } {
            Some(span) => {
                self.core.room.succeeded();
                Some(Ok(span))
            }
            None => self.declined().map(Err),
        }
    }

    /// There is no room, or there will never be any.
    #[cold]
    #[inline(never)]
    fn declined(&self) -> Option<ClaimError> {
        self.core.is_refused().then_some(ClaimError::Disconnected)
    }

    /// Tries once more, if that is of use.
    #[cold]
    #[inline(never)]
    fn attempt_again(&self, len: usize) -> Option<Result<Span, ClaimError>> {
        if self.core.refusals.gives_way(&self.core.ring) {
            return self.attempt(len);
        }
        None
    }

    /// Publishes the first `len` bytes of the open claim and ends it.
    #[inline(always)]
    pub(super) fn commit(&mut self, span: Span, len: usize) -> Commit {
        self.open = None;
        // SAFETY: the span is the open claim, so it was not committed yet; the
        // claim's borrow of its bytes has ended, because it borrowed `self`.
        unsafe { self.core.ring.commit(span, len) };
        match self.core.published(|| self.settle(span)) {
            Ok(()) => Commit::Sent,
            Err(()) => Commit::Disconnected,
        }
    }

    /// The receiver has closed: whether what was committed just now is accepted.
    #[cold]
    fn settle(&self, span: Span) -> Result<(), ()> {
        // SAFETY: committed just now, on this thread; `published` has seen the
        // announcement.
        let accepted = unsafe { self.core.ring.settle(span) };
        let kept = accepted && !self.core.is_abandoned();
        kept.then_some(()).ok_or(())
    }

    /// Whether the receiver is gone or has closed: no claim will succeed.
    pub fn is_disconnected(&self) -> bool {
        self.core.is_closed()
    }
}

snapshots! {
    impl [K: CrossThread] ByteSender<K>, ByteReceiver<K> {
        "Bytes of the ring.",
        "Bytes claimed and not yet released, with what is lost to alignment: a snapshot.",
        "Whether nothing is claimed or waits to be received: a snapshot.",
        "Whether there is no room at all: a snapshot."
    }
}

impl<K: CrossThread> ByteSender<K> {
    /// The longest message this channel can carry, in bytes.
    pub fn max_message_len(&self) -> usize {
        self.core.ring.max_len()
    }
}

impl<K: CrossThread> ByteReceiver<K> {
    /// The longest message this channel can carry, in bytes.
    pub fn max_message_len(&self) -> usize {
        self.core.ring.max_len()
    }
}

impl<K: CrossThread + ManyProducers> Clone for ByteSender<K> {
    fn clone(&self) -> Self {
        self.core.add_sender();
        Self {
            core: self.core.clone(),
            open: None,
            _not_auto: PhantomData,
        }
    }
}

impl<K: CrossThread> Drop for ByteSender<K> {
    fn drop(&mut self) {
        struct Leave<'a, K: CrossThread>(&'a mut ByteSender<K>);
        impl<K: CrossThread> Drop for Leave<'_, K> {
            fn drop(&mut self) {
                self.0.core.remove_sender();
            }
        }
        // A waker that panics does not keep the receiver from the end.
        let leaving = Leave(self);
        leaving.0.resolve();
    }
}

impl<K: CrossThread> ByteReceiver<K> {
    /// Receives the next message, waiting for it.
    ///
    /// # Errors
    ///
    /// [`RecvError`] once all senders are gone, or [`close`](Self::close) was
    /// called, and everything that was committed has been received.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it completes, no message is lost.
    pub fn recv(&mut self) -> ByteRecvFut<'_, K> {
        ByteRecvFut::new(self)
    }

    /// Receives the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none now,
    /// [`TryRecvError::Disconnected`] if there will never be one.
    #[inline]
    pub fn try_recv(&mut self) -> Result<ReadClaim<'_, K>, TryRecvError> {
        self.resolve();
        match next::<true, K>(&self.core, &self.phase) {
            Next::Message(span) => Ok(ReadClaim::new(self, span)),
            Next::Nothing => Err(TryRecvError::Empty),
            Next::End => Err(TryRecvError::Disconnected),
        }
    }

    /// Receives the next message on a plain thread, which sleeps until there
    /// is one.
    ///
    /// # Errors
    ///
    /// [`RecvError`], as for [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// While a `block_on` of this crate is on this thread's stack.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<ReadClaim<'_, K>, RecvError> {
        super::assert_may_block("blocking_recv", "recv");
        block(self.recv())
    }

    /// Releases a message if its claim was forgotten.
    #[inline]
    pub(super) fn resolve(&mut self) {
        if let Some(span) = self.open {
            self.release_forgotten(span);
        }
    }

    #[cold]
    #[inline(never)]
    fn release_forgotten(&mut self, span: Span) {
        self.release(span);
    }

    #[inline(always)]
    pub(super) fn release(&mut self, span: Span) {
        self.open = None;
        // SAFETY: the span is the open message, so it is the last one read and
        // not released yet; the claim's borrow of its bytes has ended, because
        // it borrowed `self`.
        unsafe { self.core.ring.release(span) };
        self.core.room_made();
    }

    /// Ends the channel from this side: every claim that waits or begins
    /// afterwards fails. What was claimed before is still received once it is
    /// committed, and the end comes after it.
    pub fn close(&self) {
        if self.phase.get() != Phase::Open {
            return;
        }
        self.phase.set(Phase::Closed);
        // SAFETY: the one receiver: the handle is neither `Clone` nor `Sync`.
        let mut first = caught(|| unsafe { self.core.close() });
        keep_first(&mut first, caught(|| self.core.messages.notify_all()));
        hand_on(first);
    }

    /// Whether no claim can succeed any more; some messages may still be there.
    pub fn is_disconnected(&self) -> bool {
        self.core.is_closed() || !self.core.has_senders()
    }
}

/// The next message of a receiver in `phase` that has none open.
///
/// A function, which is inlined, and not the closure that [`Core::next`] would take: a span
/// that is handed over in memory is read while its halves are still in the store buffer.
#[inline(always)]
pub(super) fn next<const RECALL: bool, K: CrossThread>(
    core: &ByteCore<K>,
    phase: &Cell<Phase>,
) -> Next<Span> {
    if phase.get() == Phase::Open
        && let Some(span) = take(core)
    {
        core.messages.succeeded();
        return Next::Message(span);
    }
    next_slow::<RECALL, K>(core, phase)
}

#[inline(never)]
fn next_slow<const RECALL: bool, K: CrossThread>(
    core: &ByteCore<K>,
    phase: &Cell<Phase>,
) -> Next<Span> {
    // SAFETY: the one receiver, as in `take`.
    unsafe { core.next_slow::<RECALL, Span>(phase, || take(core)) }
}

/// The message at the head of the ring. For a receiver that has none open.
#[inline(always)]
fn take<K: CrossThread>(core: &ByteCore<K>) -> Option<Span> {
    // SAFETY: one thread at a time reads, and the last message was released, because the
    // receiver is borrowed exclusively and has none open, guaranteed by the callers.
    // Closed, `next_closed` asks only for what was accepted.
    let look = unsafe { core.ring.read() };
    if look.freed {
        core.room_made();
    }
    look.message
}

impl<K: CrossThread> Drop for ByteReceiver<K> {
    fn drop(&mut self) {
        // SAFETY: the one receiver, as in `close`.
        unsafe { self.core.abandon() };
    }
}

fn debug<K: CrossThread>(
    name: &str,
    core: &ByteCore<K>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.debug_struct(name)
        .field("capacity_bytes", &core.ring.capacity())
        .field("len_bytes", &core.ring.len())
        .finish_non_exhaustive()
}

impl<K: CrossThread> fmt::Debug for ByteSender<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug::<K>("Sender", &self.core, f)
    }
}

impl<K: CrossThread> fmt::Debug for ByteReceiver<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug::<K>("Receiver", &self.core, f)
    }
}

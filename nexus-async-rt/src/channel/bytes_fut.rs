//! What the handles of the byte kinds lend: futures, and the claims that they complete
//! with.
//!
//! A future borrows its handle exclusively and gives the borrow to its claim, so there is
//! never more than one claim of a handle.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::bytes::{ByteCore, ByteReceiver, ByteSender, next};
use super::core::{MessageWaiter, Next, RoomWaiter};
use super::error::{ClaimError, RecvError};
use super::kind::CrossThread;
use super::phase::Phase;
use crate::ring::record::Span;
use crate::thread;
use crate::wait::Waiter;

const POLLED_AGAIN: &str = "future polled after it completed";

/// The future of [`ByteSender::claim`]. `!Unpin`.
#[must_use = "a claim does nothing until it is awaited"]
pub struct ClaimFut<'a, K: CrossThread> {
    /// Taken by the claim.
    sender: Option<&'a mut ByteSender<K>>,
    len: usize,
    waiter: RoomWaiter<K>,
}

// SAFETY: the borrow is exclusive and the handle is `Send`, so the owner of the
// future owns the handle; the node is pinned and touched under its lock.
unsafe impl<K: CrossThread> Send for ClaimFut<'_, K> {}

impl<'a, K: CrossThread> ClaimFut<'a, K> {
    pub(super) fn new(sender: &'a mut ByteSender<K>, len: usize) -> Self {
        sender.resolve();
        Self {
            sender: Some(sender),
            len,
            waiter: Waiter::new(),
        }
    }
}

impl<'a, K: CrossThread> Future for ClaimFut<'a, K> {
    type Output = Result<WriteClaim<'a, K>, ClaimError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // SAFETY: the waiter is pinned with the whole; nothing moves it out.
        let this = unsafe { self.get_unchecked_mut() };
        let sender = this.sender.as_deref().expect(POLLED_AGAIN);
        let len = this.len;
        if let Err(error) = sender.check(len) {
            this.sender = None;
            return Poll::Ready(Err(error));
        }
        // SAFETY: as above.
        let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        let claimed = ready!(waiter.poll(&sender.core.room, cx, || sender.attempt(len)));
        thread::completed();
        let sender = this.sender.take().expect("it was there above");
        if let Ok(span) = claimed {
            // Before wakers run: one that panics must not leave it unresolved.
            sender.open = Some(span);
        }
        // SAFETY: the waiter is pinned.
        unsafe { sender.core.leave_room(&mut this.waiter) };
        Poll::Ready(claimed.map(|span| WriteClaim::new(sender, span)))
    }
}

impl<K: CrossThread> Drop for ClaimFut<'_, K> {
    #[inline]
    fn drop(&mut self) {
        if let Some(sender) = self.sender.as_deref() {
            // SAFETY: pinned if it was ever polled, guaranteed by `poll`'s
            // receiver.
            unsafe { sender.core.leave_room(&mut self.waiter) };
        }
    }
}

/// The future of [`ByteSender::send`]. `!Unpin`.
#[must_use = "a send does nothing until it is awaited"]
pub struct ByteSendFut<'a, K: CrossThread> {
    claim: ClaimFut<'a, K>,
    message: &'a [u8],
}

impl<'a, K: CrossThread> ByteSendFut<'a, K> {
    pub(super) fn new(sender: &'a mut ByteSender<K>, message: &'a [u8]) -> Self {
        Self {
            claim: ClaimFut::new(sender, message.len()),
            message,
        }
    }
}

impl<K: CrossThread> Future for ByteSendFut<'_, K> {
    type Output = Result<(), ClaimError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let message = self.message;
        // SAFETY: the field is pinned with the whole; nothing moves it out.
        let claim = unsafe { self.map_unchecked_mut(|this| &mut this.claim) };
        let mut claim = ready!(claim.poll(cx))?;
        claim.copy_from_slice(message);
        Poll::Ready(match claim.commit() {
            Commit::Sent => Ok(()),
            Commit::Disconnected => Err(ClaimError::Disconnected),
        })
    }
}

/// The future of [`ByteReceiver::recv`]. `!Unpin`.
#[must_use = "a receive does nothing until it is awaited"]
pub struct ByteRecvFut<'a, K: CrossThread> {
    /// Taken by the claim.
    receiver: Option<&'a mut ByteReceiver<K>>,
    waiter: MessageWaiter<K>,
}

// SAFETY: the borrow is exclusive and the handle is `Send`, so the owner of the
// future owns the handle. The node is pinned and touched under its lock, or by
// the consumer's side alone.
unsafe impl<K: CrossThread> Send for ByteRecvFut<'_, K> {}

impl<'a, K: CrossThread> ByteRecvFut<'a, K> {
    pub(super) fn new(receiver: &'a mut ByteReceiver<K>) -> Self {
        receiver.resolve();
        Self {
            receiver: Some(receiver),
            waiter: Waiter::new(),
        }
    }
}

/// One attempt: a message; the end; or nothing.
#[inline(always)]
fn attempt<K: CrossThread>(
    core: &ByteCore<K>,
    phase: &Cell<Phase>,
) -> Option<Result<Span, RecvError>> {
    match next::<false, K>(core, phase) {
        Next::Message(span) => Some(Ok(span)),
        Next::Nothing => None,
        Next::End => Some(Err(RecvError)),
    }
}

impl<'a, K: CrossThread> Future for ByteRecvFut<'a, K> {
    type Output = Result<ReadClaim<'a, K>, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // SAFETY: the waiter is pinned with the whole; nothing moves it out.
        let this = unsafe { self.get_unchecked_mut() };
        let receiver = this.receiver.as_mut().expect(POLLED_AGAIN);
        let ByteReceiver { core, phase, .. } = &mut **receiver;
        // SAFETY: as above.
        let mut waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        let again = waiter.has_waited();
        // Twice, so that the first is inlined and the span stays in registers.
        let attempt = || attempt(core, phase);
        let received = match waiter.as_mut().poll_fresh(&core.messages, attempt) {
            Some(received) => received,
            None => {
                let attempt = || self::attempt(core, phase);
                let Poll::Ready(received) = waiter.poll_waiting(&core.messages, cx, attempt) else {
                    core.before_wait(again, cx.waker());
                    return Poll::Pending;
                };
                received
            }
        };
        thread::completed();
        // SAFETY: the waiter is pinned.
        unsafe { this.waiter.leave(&core.messages) };
        let receiver = this.receiver.take().expect("it was there above");
        Poll::Ready(received.map(|span| ReadClaim::new(receiver, span)))
    }
}

impl<K: CrossThread> Drop for ByteRecvFut<'_, K> {
    #[inline]
    fn drop(&mut self) {
        if let Some(receiver) = self.receiver.as_deref() {
            // SAFETY: pinned if it was ever polled, guaranteed by `poll`'s
            // receiver.
            if unsafe { self.waiter.leave(&receiver.core.messages) } {
                // It may have been polled only once.
                receiver.core.recall();
            }
        }
    }
}

/// What became of a message that was committed.
///
/// A program may ignore it: the next claim fails if the receiver is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The receiver gets it, or has dropped it with the channel.
    Sent,
    /// The receiver is gone, or it closed the channel while the claim was being
    /// made. Nobody gets the message.
    Disconnected,
}

/// Bytes to write a message into, of exactly the length that was claimed.
///
/// [`commit`](Self::commit) sends them. Dropped, they are never seen: space and
/// wake-ups pass on. Forgotten (`mem::forget`), they are given up by the
/// sender's next claim or drop; in a channel with many senders the messages
/// claimed after them wait until then.
///
/// What the bytes hold before they are written is unspecified.
///
/// # Example
/// ```
/// use nexus_async_rt::channel::spsc_bytes;
///
/// let (mut tx, mut rx) = spsc_bytes::channel(4096);
/// let mut claim = tx.try_claim(8).unwrap();
/// claim[..5].copy_from_slice(b"hello");
/// claim.commit_len(5);
/// drop(tx.try_claim(8).unwrap());
/// assert_eq!(&*rx.try_recv().unwrap(), b"hello");
/// assert!(rx.try_recv().is_err(), "a claim that was dropped sent nothing");
/// ```
#[must_use = "a claim that is dropped sends nothing"]
pub struct WriteClaim<'a, K: CrossThread> {
    sender: &'a mut ByteSender<K>,
    span: Span,
}

impl<'a, K: CrossThread> WriteClaim<'a, K> {
    #[inline]
    pub(super) fn new(sender: &'a mut ByteSender<K>, span: Span) -> Self {
        sender.open = Some(span);
        Self { sender, span }
    }

    /// Sends the message. A claim that was made before the receiver closed is
    /// accepted; only a receiver that is gone refuses it.
    #[inline]
    pub fn commit(self) -> Commit {
        let len = self.span.len;
        self.commit_len(len)
    }

    /// Sends the first `len` bytes as the message, as [`commit`](Self::commit); 0
    /// aborts the claim.
    ///
    /// # Panics
    ///
    /// If `len` is more than was claimed; the claim is then given up.
    #[inline]
    #[track_caller]
    pub fn commit_len(self, len: usize) -> Commit {
        let claimed = self.span.len;
        assert!(
            len <= claimed,
            "`commit_len` of {len} bytes, but {claimed} were claimed"
        );
        self.sender.commit(self.span, len)
    }
}

impl<K: CrossThread> Deref for WriteClaim<'_, K> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are this claim's alone until it is committed,
        // because the ring gives a span once and the claim borrows its handle.
        unsafe { self.sender.core.ring.bytes(self.span).as_ref() }
    }
}

impl<K: CrossThread> DerefMut for WriteClaim<'_, K> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; and this borrows the claim exclusively.
        unsafe { self.sender.core.ring.bytes(self.span).as_mut() }
    }
}

impl<K: CrossThread> Drop for WriteClaim<'_, K> {
    #[inline]
    fn drop(&mut self) {
        // Committed, it is not open any more.
        self.sender.resolve();
    }
}

/// A message, lent by the channel's ring.
///
/// Dropping it frees its space. Forgotten (`mem::forget`), it is freed by the
/// receiver's next `recv`.
///
/// # Example
/// ```
/// use nexus_async_rt::channel::spsc_bytes;
///
/// let (mut tx, mut rx) = spsc_bytes::channel(4096);
/// tx.try_send(&[1, 2, 3]).unwrap();
/// let message = rx.try_recv().unwrap();
/// let sum: u8 = message.iter().sum();
/// drop(message);
/// assert_eq!(sum, 6);
/// ```
pub struct ReadClaim<'a, K: CrossThread> {
    receiver: &'a mut ByteReceiver<K>,
    span: Span,
}

impl<'a, K: CrossThread> ReadClaim<'a, K> {
    #[inline]
    pub(super) fn new(receiver: &'a mut ByteReceiver<K>, span: Span) -> Self {
        receiver.open = Some(span);
        Self { receiver, span }
    }
}

impl<K: CrossThread> Deref for ReadClaim<'_, K> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are this claim's until it is released, and nobody
        // writes them, because the claim borrows its handle.
        unsafe { self.receiver.core.ring.bytes(self.span).as_ref() }
    }
}

impl<K: CrossThread> Drop for ReadClaim<'_, K> {
    #[inline]
    fn drop(&mut self) {
        self.receiver.release(self.span);
    }
}

impl<K: CrossThread> fmt::Debug for WriteClaim<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteClaim").field(&&**self).finish()
    }
}

impl<K: CrossThread> fmt::Debug for ReadClaim<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadClaim").field(&&**self).finish()
    }
}

impl<K: CrossThread> fmt::Debug for ClaimFut<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimFut")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<K: CrossThread> fmt::Debug for ByteSendFut<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteSendFut")
            .field("len", &self.message.len())
            .finish_non_exhaustive()
    }
}

impl<K: CrossThread> fmt::Debug for ByteRecvFut<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteRecvFut").finish_non_exhaustive()
    }
}

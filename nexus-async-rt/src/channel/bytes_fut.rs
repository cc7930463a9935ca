//! The futures of the byte kinds.
//!
//! Each borrows its handle exclusively and gives the borrow to the claim it
//! completes with, so there is never more than one claim of a handle.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::bytes::{ByteReceiver, ByteSender, Commit, ReadClaim, WriteClaim, next};
use super::core::{MessageWaiter, Next, RoomWaiter};
use super::error::{ClaimError, RecvError};
use super::kind::CrossThread;
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
        let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        let again = waiter.has_waited();
        let attempt = || match next::<false, K>(core, phase) {
            Next::Message(span) => Some(Ok(span)),
            Next::Nothing => None,
            Next::End => Some(Err(RecvError)),
        };
        let Poll::Ready(received) = waiter.poll(&core.messages, cx, attempt) else {
            core.before_wait(again, cx.waker());
            return Poll::Pending;
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

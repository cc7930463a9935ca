//! The futures of the typed kinds.
//!
//! Each is linked, while it waits, into a list of the channel's shared block
//! and takes itself out when it completes or is dropped; so each is `!Unpin`.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::core::{MessageWaiter, Next, Offer, RoomWaiter};
use super::error::{RecvError, SendError};
use super::kind::{CrossThread, Kind};
use super::typed::{Receiver, Sender};
use crate::thread;
use crate::wait::Waiter;

/// The future of [`Sender::send`]. `!Unpin`.
#[must_use = "a send does nothing until it is awaited"]
pub struct SendFut<'a, T, K: Kind> {
    sender: &'a Sender<T, K>,
    /// Taken when it is sent.
    value: Option<T>,
    waiter: RoomWaiter<K>,
}

// SAFETY: the fields that are not auto are the borrow, which may cross if the
// handle is `Sync`, and the node, which is pinned and touched under its lock.
unsafe impl<T: Send, K: Kind> Send for SendFut<'_, T, K> where Sender<T, K>: Sync {}

impl<'a, T, K: Kind> SendFut<'a, T, K> {
    pub(super) fn new(sender: &'a Sender<T, K>, value: T) -> Self {
        Self {
            sender,
            value: Some(value),
            waiter: Waiter::new(),
        }
    }
}

/// One attempt: pushed; an error; or nothing, and the value still in its place.
#[inline(always)]
fn attempt_send<T, K: Kind>(
    sender: &Sender<T, K>,
    value: &mut Option<T>,
) -> Option<Result<(), SendError<T>>> {
    let sending = value.take().expect("the value is there until it is sent");
    // SAFETY: one thread at a time sends unless the ring is made for many,
    // guaranteed by the handle's `Send` and `Sync`.
    match unsafe { sender.core.push(sending) } {
        Offer::Accepted(()) => Some(Ok(())),
        Offer::Refused(back) => Some(Err(SendError(back))),
        Offer::Full(back) => {
            *value = Some(back);
            None
        }
    }
}

impl<T, K: Kind> Future for SendFut<'_, T, K> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // SAFETY: the waiter is pinned with the whole; nothing moves it out.
        let this = unsafe { self.get_unchecked_mut() };
        let (sender, value) = (this.sender, &mut this.value);
        let core = &*sender.core;
        // SAFETY: as above.
        let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        let mut result = ready!(waiter.poll(&core.room, cx, || attempt_send(sender, value)));
        thread::completed();
        // The receiver first: a sender's waker that panics must not keep the
        // message from it.
        if result.is_ok() {
            // SAFETY: pushed just now, on this thread.
            result = unsafe { core.pushed() }.map_err(SendError);
        }
        // SAFETY: the waiter is pinned.
        unsafe { core.leave_room(&mut this.waiter) };
        Poll::Ready(result)
    }
}

impl<T, K: Kind> Drop for SendFut<'_, T, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: pinned if it was ever polled, guaranteed by `poll`'s receiver.
        unsafe { self.sender.core.leave_room(&mut self.waiter) };
    }
}

/// The future of [`Sender::send_mut`]: `Send` if the value is. `!Unpin`.
#[must_use = "a send does nothing until it is awaited"]
pub struct SendMutFut<'a, T, K: Kind> {
    inner: SendFut<'a, T, K>,
    _exclusive: PhantomData<&'a mut Sender<T, K>>,
}

// SAFETY: the borrow is exclusive and the handle is `Send`, so the owner of the
// future owns the handle; the node is pinned and touched under its lock.
unsafe impl<T: Send, K: CrossThread> Send for SendMutFut<'_, T, K> {}

impl<'a, T, K: Kind> SendMutFut<'a, T, K> {
    pub(super) fn new(sender: &'a mut Sender<T, K>, value: T) -> Self {
        Self {
            inner: SendFut::new(sender, value),
            _exclusive: PhantomData,
        }
    }
}

impl<T, K: Kind> Future for SendMutFut<'_, T, K> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned with the whole; nothing moves it out.
        unsafe { self.map_unchecked_mut(|this| &mut this.inner) }.poll(cx)
    }
}

/// The future of [`Receiver::recv`]. `!Unpin`.
#[must_use = "a receive does nothing until it is awaited"]
pub struct RecvFut<'a, T, K: Kind> {
    receiver: &'a Receiver<T, K>,
    waiter: MessageWaiter<K>,
}

impl<'a, T, K: Kind> RecvFut<'a, T, K> {
    pub(super) fn new(receiver: &'a Receiver<T, K>) -> Self {
        Self {
            receiver,
            waiter: Waiter::new(),
        }
    }
}

impl<T, K: Kind> Future for RecvFut<'_, T, K> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // SAFETY: the waiter is pinned with the whole; nothing moves it out.
        let this = unsafe { self.get_unchecked_mut() };
        let receiver = this.receiver;
        let core = &*receiver.core;
        // SAFETY: as above.
        let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        let again = waiter.has_waited();
        let attempt = || match receiver.next::<false>() {
            Next::Message(value) => Some(Ok(value)),
            Next::Nothing => None,
            Next::End => Some(Err(RecvError)),
        };
        let Poll::Ready(result) = waiter.poll(&core.messages, cx, attempt) else {
            core.before_wait(again, cx.waker());
            return Poll::Pending;
        };
        thread::completed();
        if result.is_ok() {
            core.room_made();
        }
        // SAFETY: the waiter is pinned.
        unsafe { this.waiter.leave(&core.messages) };
        Poll::Ready(result)
    }
}

impl<T, K: Kind> Drop for RecvFut<'_, T, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: pinned if it was ever polled, guaranteed by `poll`'s receiver.
        if unsafe { self.waiter.leave(&self.receiver.core.messages) } {
            // It may have been polled only once.
            self.receiver.core.recall();
        }
    }
}

/// The future of [`Receiver::recv_mut`]: `Send` if the value is. `!Unpin`.
#[must_use = "a receive does nothing until it is awaited"]
pub struct RecvMutFut<'a, T, K: Kind> {
    inner: RecvFut<'a, T, K>,
    _exclusive: PhantomData<&'a mut Receiver<T, K>>,
}

// SAFETY: the borrow is exclusive and the handle is `Send`, so the owner of the
// future owns the handle. The node is pinned and touched under its lock, or by
// the consumer's side alone.
unsafe impl<T: Send, K: CrossThread> Send for RecvMutFut<'_, T, K> {}

impl<'a, T, K: Kind> RecvMutFut<'a, T, K> {
    pub(super) fn new(receiver: &'a mut Receiver<T, K>) -> Self {
        Self {
            inner: RecvFut::new(receiver),
            _exclusive: PhantomData,
        }
    }
}

impl<T, K: Kind> Future for RecvMutFut<'_, T, K> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned with the whole; nothing moves it out.
        unsafe { self.map_unchecked_mut(|this| &mut this.inner) }.poll(cx)
    }
}

impl<T, K: Kind> fmt::Debug for SendFut<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFut").finish_non_exhaustive()
    }
}

impl<T, K: Kind> fmt::Debug for SendMutFut<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMutFut").finish_non_exhaustive()
    }
}

impl<T, K: Kind> fmt::Debug for RecvFut<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFut").finish_non_exhaustive()
    }
}

impl<T, K: Kind> fmt::Debug for RecvMutFut<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMutFut").finish_non_exhaustive()
    }
}

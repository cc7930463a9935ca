//! The handles of the typed kinds, written once over [`Kind`].

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::core::{Core, Next, Offer};
use super::error::{RecvError, SendError, TryRecvError, TrySendError};
use super::kind::{CrossThread, Kind, ManyProducers, Mpsc, Topology};
use super::phase::Phase;
use super::snapshots::snapshots;
use super::typed_fut::{RecvFut, RecvMutFut, SendFut, SendMutFut};
use crate::ring::{Bounded, Ring};
use crate::thread;
use crate::unwind::{caught, hand_on, keep_first};
use crate::wait::WaitPoint;
use crate::wait::parker::block;

pub(super) type TypedCore<T, K> = Core<K, <K as Topology>::Typed<T>>;
type CorePtr<T, K> = <K as Topology>::Ptr<TypedCore<T, K>>;

/// Neither `Send` nor `Sync` unless said so below.
type NotAuto = PhantomData<*const ()>;

/// The sending end of a typed channel.
///
/// Made by `channel` of the kind's module, which has a name of its own for it:
/// [`local::Sender`](super::local::Sender), [`spsc::Sender`](super::spsc::Sender),
/// [`mpsc::Sender`](super::mpsc::Sender). What every kind promises stands in [the
/// module](super). Dropping the last sender ends the channel once it is empty.
pub struct Sender<T, K: Kind> {
    pub(super) core: CorePtr<T, K>,
    _not_auto: NotAuto,
}

/// The receiving end of a typed channel.
///
/// Made by `channel` of the kind's module, which has a name of its own for it:
/// [`local::Receiver`](super::local::Receiver),
/// [`spsc::Receiver`](super::spsc::Receiver),
/// [`mpsc::Receiver`](super::mpsc::Receiver). What every kind promises stands
/// in [the module](super). Dropping it drops what is buffered, on this thread.
pub struct Receiver<T, K: Kind> {
    pub(super) core: CorePtr<T, K>,
    phase: Cell<Phase>,
    _not_auto: NotAuto,
}

// SAFETY: the fields that are not auto are the shared pointer and the marker.
// The ring's contract is one pushing thread (or a ring made for many). The
// handle is not `Sync` unless the ring is made for many, so a thread that owns
// it is the only one that pushes. Values cross threads, hence `T: Send`.
unsafe impl<T: Send, K: CrossThread> Send for Sender<T, K> {}
// SAFETY: many threads may push at a time, guaranteed by `MpscRing`; the rest
// that a sender touches is atomic or locked.
unsafe impl<T: Send> Sync for Sender<T, Mpsc> {}
// SAFETY: as for the sender; the receiver is never `Sync`, so the thread that
// owns it is the only one that pops. `phase` moves with it.
unsafe impl<T: Send, K: CrossThread> Send for Receiver<T, K> {}

impl<T, K: Kind> UnwindSafe for Sender<T, K> {}
impl<T, K: Kind> RefUnwindSafe for Sender<T, K> {}
impl<T, K: Kind> UnwindSafe for Receiver<T, K> {}
impl<T, K: Kind> RefUnwindSafe for Receiver<T, K> {}

/// Both ends of a new channel.
#[track_caller]
pub(super) fn channel<T, K: Kind>(capacity: usize) -> (Sender<T, K>, Receiver<T, K>) {
    let core = K::share(Core::new(Ring::with_capacity(capacity)));
    let sender = Sender {
        core: core.clone(),
        _not_auto: PhantomData,
    };
    let receiver = Receiver {
        core,
        phase: Cell::new(Phase::Open),
        _not_auto: PhantomData,
    };
    (sender, receiver)
}

impl<T, K: Kind> Sender<T, K> {
    /// Sends `value`, waiting for room in the order in which sends began to wait.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value if the receiver is gone or has closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it completes, the value is dropped and was not sent.
    pub fn send(&self, value: T) -> SendFut<'_, T, K> {
        SendFut::new(self, value)
    }

    /// [`send`](Self::send) through an exclusive borrow: its future may move
    /// to another thread while it waits.
    pub fn send_mut(&mut self, value: T) -> SendMutFut<'_, T, K> {
        SendMutFut::new(self, value)
    }

    /// Sends `value` if there is room. May overtake sends that wait. Trying again and
    /// again has [a cost](super#cost).
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the value.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        // SAFETY: one thread at a time sends unless the ring is made for many,
        // guaranteed by the handle's `Send` and `Sync`.
        match unsafe { self.core.try_send(value) } {
            Offer::Accepted(()) => Ok(()),
            Offer::Full(value) => Err(TrySendError::Full(value)),
            Offer::Refused(value) => Err(TrySendError::Disconnected(value)),
        }
    }

    /// Whether the receiver is gone or has closed: no send will succeed.
    pub fn is_disconnected(&self) -> bool {
        self.core.is_closed()
    }

    /// Sends `value` from a plain thread, which sleeps while there is no room. It
    /// tries first, and so may overtake sends that wait.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value if the receiver is gone or has closed.
    ///
    /// # Panics
    ///
    /// While a `block_on` of this crate is on this thread's stack.
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>>
    where
        K: CrossThread,
    {
        super::assert_may_block("blocking_send", "send");
        match self.try_send(value) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(value)) => Err(SendError(value)),
            Err(TrySendError::Full(value)) => block(self.send(value)),
        }
    }
}

snapshots! {
    impl [T, K: Kind] Sender<T, K>, Receiver<T, K> {
        "How many messages there is room for.",
        "How many messages wait to be received: a snapshot.",
        "Whether no message waits to be received: a snapshot.",
        "Whether there is no room: a snapshot."
    }
}

impl<T, K: ManyProducers> Clone for Sender<T, K> {
    fn clone(&self) -> Self {
        self.core.add_sender();
        Self {
            core: self.core.clone(),
            _not_auto: PhantomData,
        }
    }
}

impl<T, K: Kind> Drop for Sender<T, K> {
    fn drop(&mut self) {
        self.core.remove_sender();
    }
}

impl<T, K: Kind> Receiver<T, K> {
    /// Receives the next message, waiting for it.
    ///
    /// # Errors
    ///
    /// [`RecvError`] once all senders are gone, or [`close`](Self::close) was
    /// called, and everything that was accepted has been received.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it completes, no message is lost.
    pub fn recv(&self) -> RecvFut<'_, T, K> {
        RecvFut::new(self)
    }

    /// [`recv`](Self::recv) through an exclusive borrow: its future may move
    /// to another thread while it waits.
    pub fn recv_mut(&mut self) -> RecvMutFut<'_, T, K> {
        RecvMutFut::new(self)
    }

    /// Receives the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none now,
    /// [`TryRecvError::Disconnected`] if there will never be one.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.next::<true>() {
            Next::Message(value) => Ok(value),
            Next::Nothing => Err(TryRecvError::Empty),
            Next::End => Err(TryRecvError::Disconnected),
        }
    }

    /// The next message. `WHOLE`: as an operation of its own, which notifies the
    /// sender that waits for its room, and recalls one if there is no message; a
    /// future does that itself.
    #[inline]
    pub(super) fn next<const WHOLE: bool>(&self) -> Next<T> {
        let take = || {
            // SAFETY: one thread at a time pops, guaranteed by the handle, which
            // is neither `Clone` nor `Sync`. Closed, `next_closed` asks only for
            // what was accepted.
            let value = unsafe { self.core.ring.pop() }?;
            if WHOLE {
                self.core.room_made();
            }
            Some(value)
        };
        // SAFETY: the one receiver, as above.
        unsafe { self.core.next::<WHOLE, T>(&self.phase, take) }
    }

    /// Ends the channel from this side: every send that waits or begins
    /// afterwards fails with its value. What was accepted is still received.
    pub fn close(&self) {
        if self.phase.get() != Phase::Open {
            return;
        }
        self.phase.set(Phase::Closed);
        // SAFETY: the one receiver, guaranteed by the handle, as in `next`.
        let closed = caught(|| unsafe { self.core.close() });
        let mut first = closed;
        keep_first(&mut first, caught(|| self.core.messages.notify_all()));
        hand_on(first);
    }

    /// Whether no message can be sent any more; some may still be there.
    pub fn is_disconnected(&self) -> bool {
        self.core.is_closed() || !self.core.has_senders()
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
    pub fn blocking_recv(&self) -> Result<T, RecvError>
    where
        K: CrossThread,
    {
        super::assert_may_block("blocking_recv", "recv");
        match self.next::<false>() {
            Next::Message(value) => {
                self.core.room_made();
                Ok(value)
            }
            Next::Nothing => block(self.recv()),
            Next::End => Err(RecvError),
        }
    }
}

impl<T, K: Kind> Drop for Receiver<T, K> {
    fn drop(&mut self) {
        // A waker that panics does not keep the messages alive.
        let mut first = caught(|| self.close());
        while std::mem::needs_drop::<T>() {
            match self.next::<false>() {
                Next::Message(value) => keep_first(&mut first, caught(|| drop(value))),
                Next::End => break,
                // A sender on another thread is about to publish what it claimed:
                // it runs no code of the program meanwhile.
                Next::Nothing => {
                    if let Ok(value) = thread::without_budget(|| block(self.recv())) {
                        keep_first(&mut first, caught(|| drop(value)));
                    }
                }
            }
        }
        hand_on(first);
    }
}

fn debug<T, K: Kind>(
    name: &str,
    core: &TypedCore<T, K>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.debug_struct(name)
        .field("capacity", &core.ring.capacity())
        .field("len", &core.ring.len())
        .finish_non_exhaustive()
}

impl<T, K: Kind> fmt::Debug for Sender<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug::<T, K>("Sender", &self.core, f)
    }
}

impl<T, K: Kind> fmt::Debug for Receiver<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug::<T, K>("Receiver", &self.core, f)
    }
}

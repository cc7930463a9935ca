//! The kinds as types: which ring, which waiting, which shared pointer.
//!
//! Knows no handle and no future; they are written once, over [`Kind`].

use std::fmt::Debug;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::ring::Ring;
use crate::ring::bytes::{Claim, Shared, Single};
use crate::ring::local::LocalRing;
use crate::ring::mpsc::MpscRing;
use crate::ring::spsc::SpscRing;
use crate::wait::ConsumerPoint;
use crate::wait::end::ConsumerEnd;
use crate::wait::fence::{Adaptive, Fence, NoFence};
use crate::wait::mode::{self, Mode};
use crate::wait::queue::WaitQueue;

/// What a kind is made of. In a private module, so that [`Kind`] is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of channel",
    label = "expected `Local`, `Spsc` or `Mpsc`",
    note = "each kind has a module with names of its own: `local::Sender<T>`, \
            `spsc::Sender<T>`, `mpsc::Sender<T>`"
)]
pub trait Topology: Debug + Sized + 'static {
    /// One thread or many.
    type Mode: Mode;
    /// Which side fences where senders wait for room.
    type Fence: Fence;
    /// Where the consumer waits for messages.
    type Consumer: ConsumerPoint<Mode = Self::Mode>;
    /// The ring of the typed kind.
    type Typed<T>: Ring<T>;
    /// How the byte kind claims.
    type Claim: Claim;
    /// What the handles share the channel by.
    type Ptr<C>: Deref<Target = C> + Clone;

    /// A place to wait at.
    fn consumer() -> Self::Consumer;
    /// Shares `core`.
    fn share<C>(core: C) -> Self::Ptr<C>;
}

/// A kind of channel: [`Local`], [`Spsc`] or [`Mpsc`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of channel",
    label = "expected `Local`, `Spsc` or `Mpsc`",
    note = "each kind has a module with names of its own: `local::Sender<T>`, \
            `spsc::Sender<T>`, `mpsc::Sender<T>`"
)]
pub trait Kind: Topology {}

/// A kind with ends that may be on different threads. Sealed.
#[diagnostic::on_unimplemented(
    message = "the ends of a `{Self}` channel cannot be on different threads",
    label = "this needs the kind `Spsc` or `Mpsc`",
    note = "a `local` channel has no `blocking_` calls and carries no bytes: \
            make the channel by `spsc::channel`, `mpsc::channel` or their `_bytes` forms"
)]
pub trait CrossThread: Kind {}

/// A kind with a sender that may be cloned. Sealed.
#[diagnostic::on_unimplemented(
    message = "the sender of a channel of the kind `{Self}` cannot be cloned",
    label = "this kind has one producer",
    note = "make the channel by `mpsc::channel` or `mpsc_bytes::channel`, or within one \
            thread by `local::channel`: their senders are `Clone`"
)]
pub trait ManyProducers: Kind {}

/// One thread; see [`local`](super::local).
#[derive(Debug)]
pub enum Local {}

/// One producer and one consumer; see [`spsc`](super::spsc) and
/// [`spsc_bytes`](super::spsc_bytes).
#[derive(Debug)]
pub enum Spsc {}

/// Many producers and one consumer; see [`mpsc`](super::mpsc) and
/// [`mpsc_bytes`](super::mpsc_bytes).
#[derive(Debug)]
pub enum Mpsc {}

impl Topology for Local {
    type Mode = mode::OneThread;
    type Fence = NoFence;
    type Consumer = WaitQueue<mode::OneThread>;
    type Typed<T> = LocalRing<T>;
    type Claim = Single;
    type Ptr<C> = Rc<C>;

    fn consumer() -> Self::Consumer {
        WaitQueue::new()
    }

    fn share<C>(core: C) -> Rc<C> {
        Rc::new(core)
    }
}

impl Topology for Spsc {
    type Mode = mode::Threads;
    type Fence = Adaptive;
    type Consumer = ConsumerEnd;
    type Typed<T> = SpscRing<T>;
    type Claim = Single;
    type Ptr<C> = Arc<C>;

    fn consumer() -> Self::Consumer {
        ConsumerEnd::new()
    }

    fn share<C>(core: C) -> Arc<C> {
        Arc::new(core)
    }
}

impl Topology for Mpsc {
    type Mode = mode::Threads;
    type Fence = Adaptive;
    type Consumer = ConsumerEnd;
    type Typed<T> = MpscRing<T>;
    type Claim = Shared;
    type Ptr<C> = Arc<C>;

    fn consumer() -> Self::Consumer {
        ConsumerEnd::new()
    }

    fn share<C>(core: C) -> Arc<C> {
        Arc::new(core)
    }
}

impl Kind for Local {}
impl Kind for Spsc {}
impl Kind for Mpsc {}
impl CrossThread for Spsc {}
impl CrossThread for Mpsc {}
impl ManyProducers for Local {}
impl ManyProducers for Mpsc {}

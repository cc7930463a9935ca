//! The five kinds as the suites see them.
//!
//! [`Channel`] is what all five have in common, with numbers for messages; the
//! typed and the byte kinds have more, behind [`TypedKind`] and [`ByteKind`].

use nexus_async_rt::channel::{
    ByteReceiver, ByteSender, ClaimError, CrossThread, Kind, Local, ManyProducers, Mpsc, Receiver,
    RecvError, Sender, Spsc, TryClaimError, TryRecvError, TrySendError,
};
use nexus_async_rt::channel::{local, mpsc, mpsc_bytes, spsc, spsc_bytes};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Why a message was not sent. That it came back is checked on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Full,
    Gone,
}

/// What a handle says of its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub capacity: usize,
    pub len: usize,
    pub empty: bool,
    pub full: bool,
    pub disconnected: bool,
}

/// A kind that carries numbers.
pub trait Channel: 'static {
    type Sender: Debug + 'static;
    type Receiver: Debug + 'static;
    /// What a message counts in `capacity` and `len`.
    const UNIT: usize;
    /// Messages in the smallest channel.
    const LEAST: usize;

    /// The smallest channel with room for `messages`.
    fn channel(messages: usize) -> (Self::Sender, Self::Receiver);
    fn try_send(tx: &mut Self::Sender, n: u64) -> Result<(), Refused>;
    fn send(tx: &mut Self::Sender, n: u64) -> impl Future<Output = Result<(), Refused>>;
    fn try_recv(rx: &mut Self::Receiver) -> Result<u64, TryRecvError>;
    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = Result<u64, RecvError>>;
    fn close(rx: &Self::Receiver);
    fn sender_says(tx: &Self::Sender) -> Snapshot;
    fn receiver_says(rx: &Self::Receiver) -> Snapshot;
}

/// A kind with ends that may be on two threads, also by tasks that migrate.
pub trait Threaded: Channel<Sender: Send, Receiver: Send> {
    fn send_migrating(
        tx: &mut Self::Sender,
        n: u64,
    ) -> impl Future<Output = Result<(), Refused>> + Send;
    fn recv_migrating(
        rx: &mut Self::Receiver,
    ) -> impl Future<Output = Result<u64, RecvError>> + Send;
    fn blocking_send(tx: &mut Self::Sender, n: u64) -> Result<(), Refused>;
    fn blocking_recv(rx: &mut Self::Receiver) -> Result<u64, RecvError>;
}

/// A kind with many senders.
pub trait FanIn: Channel<Sender: Clone> {}

/// A future and what becomes of its output. Unlike an `async` block it may be
/// polled again after a panic came out of it.
struct Then<F, M> {
    future: Pin<Box<F>>,
    then: M,
}

impl<F: Future, M: Fn(F::Output) -> R + Unpin, R> Future for Then<F, M> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        self.future.as_mut().poll(cx).map(&self.then)
    }
}

fn then<F: Future, R>(future: F, then: impl Fn(F::Output) -> R + Unpin) -> impl Future<Output = R> {
    let future = Box::pin(future);
    Then { future, then }
}

/// Fills the channel with 0, 1, 2, ...; how many it took.
pub fn fill<C: Channel>(tx: &mut C::Sender) -> u64 {
    (0..)
        .find(|n| match C::try_send(tx, *n) {
            Ok(()) => false,
            Err(refused) => {
                assert_eq!(refused, Refused::Full);
                true
            }
        })
        .expect("every channel is bounded")
}

/// The function `channel` of a typed kind.
pub trait TypedKind: Kind {
    fn channel<T: Send>(capacity: usize) -> (Sender<T, Self>, Receiver<T, Self>);
}

impl TypedKind for Local {
    fn channel<T: Send>(capacity: usize) -> (Sender<T, Self>, Receiver<T, Self>) {
        local::channel(capacity)
    }
}

impl TypedKind for Spsc {
    fn channel<T: Send>(capacity: usize) -> (Sender<T, Self>, Receiver<T, Self>) {
        spsc::channel(capacity)
    }
}

impl TypedKind for Mpsc {
    fn channel<T: Send>(capacity: usize) -> (Sender<T, Self>, Receiver<T, Self>) {
        mpsc::channel(capacity)
    }
}

/// The function `channel` of a byte kind.
pub trait ByteKind: CrossThread {
    fn channel(capacity_bytes: usize) -> (ByteSender<Self>, ByteReceiver<Self>);
}

impl ByteKind for Spsc {
    fn channel(capacity_bytes: usize) -> (ByteSender<Self>, ByteReceiver<Self>) {
        spsc_bytes::channel(capacity_bytes)
    }
}

impl ByteKind for Mpsc {
    fn channel(capacity_bytes: usize) -> (ByteSender<Self>, ByteReceiver<Self>) {
        mpsc_bytes::channel(capacity_bytes)
    }
}

/// A typed kind as a [`Channel`].
pub struct Typed<K>(PhantomData<K>);

/// A byte kind as a [`Channel`]: a number is eight bytes.
pub struct Bytes<K>(PhantomData<K>);

fn came_back(sent: u64, back: u64) -> Refused {
    assert_eq!(sent, back, "another value came back than was sent");
    Refused::Gone
}

impl<K: TypedKind> Channel for Typed<K> {
    type Sender = Sender<u64, K>;
    type Receiver = Receiver<u64, K>;
    const UNIT: usize = 1;
    const LEAST: usize = 1;

    fn channel(messages: usize) -> (Self::Sender, Self::Receiver) {
        K::channel(messages)
    }

    fn try_send(tx: &mut Self::Sender, n: u64) -> Result<(), Refused> {
        tx.try_send(n).map_err(|error| {
            let refused = match error {
                TrySendError::Full(_) => Refused::Full,
                TrySendError::Disconnected(_) => Refused::Gone,
            };
            came_back(n, error.into_inner());
            refused
        })
    }

    fn send(tx: &mut Self::Sender, n: u64) -> impl Future<Output = Result<(), Refused>> {
        then(tx.send(n), move |sent| {
            sent.map_err(|error| came_back(n, error.0))
        })
    }

    fn try_recv(rx: &mut Self::Receiver) -> Result<u64, TryRecvError> {
        rx.try_recv()
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = Result<u64, RecvError>> {
        rx.recv()
    }

    fn close(rx: &Self::Receiver) {
        rx.close();
    }

    fn sender_says(tx: &Self::Sender) -> Snapshot {
        Snapshot {
            capacity: tx.capacity(),
            len: tx.len(),
            empty: tx.is_empty(),
            full: tx.is_full(),
            disconnected: tx.is_disconnected(),
        }
    }

    fn receiver_says(rx: &Self::Receiver) -> Snapshot {
        Snapshot {
            capacity: rx.capacity(),
            len: rx.len(),
            empty: rx.is_empty(),
            full: rx.is_full(),
            disconnected: rx.is_disconnected(),
        }
    }
}

impl<K: TypedKind + CrossThread> Threaded for Typed<K> {
    async fn send_migrating(tx: &mut Self::Sender, n: u64) -> Result<(), Refused> {
        tx.send_mut(n).await.map_err(|error| came_back(n, error.0))
    }

    fn recv_migrating(
        rx: &mut Self::Receiver,
    ) -> impl Future<Output = Result<u64, RecvError>> + Send {
        rx.recv_mut()
    }

    fn blocking_send(tx: &mut Self::Sender, n: u64) -> Result<(), Refused> {
        tx.blocking_send(n).map_err(|error| came_back(n, error.0))
    }

    fn blocking_recv(rx: &mut Self::Receiver) -> Result<u64, RecvError> {
        rx.blocking_recv()
    }
}

impl<K: TypedKind + ManyProducers> FanIn for Typed<K> {}

fn number(message: &[u8]) -> u64 {
    u64::from_le_bytes(message.try_into().expect("a message of eight bytes"))
}

fn gone(error: ClaimError) -> Refused {
    assert_eq!(error, ClaimError::Disconnected);
    Refused::Gone
}

impl<K: ByteKind> Channel for Bytes<K> {
    type Sender = ByteSender<K>;
    type Receiver = ByteReceiver<K>;
    const UNIT: usize = 8;
    const LEAST: usize = 8;

    fn channel(messages: usize) -> (Self::Sender, Self::Receiver) {
        K::channel(8 * messages)
    }

    fn try_send(tx: &mut Self::Sender, n: u64) -> Result<(), Refused> {
        tx.try_send(&n.to_le_bytes()).map_err(|error| match error {
            TryClaimError::Full => Refused::Full,
            other => {
                assert_eq!(other, TryClaimError::Disconnected);
                Refused::Gone
            }
        })
    }

    fn send(tx: &mut Self::Sender, n: u64) -> impl Future<Output = Result<(), Refused>> {
        then(tx.claim(8), move |claimed| {
            let mut claim = claimed.map_err(gone)?;
            claim.copy_from_slice(&n.to_le_bytes());
            claim.commit();
            Ok(())
        })
    }

    fn try_recv(rx: &mut Self::Receiver) -> Result<u64, TryRecvError> {
        rx.try_recv().map(|message| number(&message))
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = Result<u64, RecvError>> {
        then(rx.recv(), |received| {
            received.map(|message| number(&message))
        })
    }

    fn close(rx: &Self::Receiver) {
        rx.close();
    }

    fn sender_says(tx: &Self::Sender) -> Snapshot {
        Snapshot {
            capacity: tx.capacity(),
            len: tx.len(),
            empty: tx.is_empty(),
            full: tx.is_full(),
            disconnected: tx.is_disconnected(),
        }
    }

    fn receiver_says(rx: &Self::Receiver) -> Snapshot {
        Snapshot {
            capacity: rx.capacity(),
            len: rx.len(),
            empty: rx.is_empty(),
            full: rx.is_full(),
            disconnected: rx.is_disconnected(),
        }
    }
}

impl<K: ByteKind> Threaded for Bytes<K> {
    async fn send_migrating(tx: &mut Self::Sender, n: u64) -> Result<(), Refused> {
        tx.send(&n.to_le_bytes()).await.map_err(gone)
    }

    async fn recv_migrating(rx: &mut Self::Receiver) -> Result<u64, RecvError> {
        rx.recv().await.map(|message| number(&message))
    }

    fn blocking_send(tx: &mut Self::Sender, n: u64) -> Result<(), Refused> {
        let mut claim = tx.blocking_claim(8).map_err(gone)?;
        claim.copy_from_slice(&n.to_le_bytes());
        claim.commit();
        Ok(())
    }

    fn blocking_recv(rx: &mut Self::Receiver) -> Result<u64, RecvError> {
        rx.blocking_recv().map(|message| number(&message))
    }
}

impl<K: ByteKind + ManyProducers> FanIn for Bytes<K> {}

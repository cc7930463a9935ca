//! What ends a wait, under every executor: the other side goes, closes, or
//! drops the future that waits. On one thread with the other side, and on
//! another.

use crate::kinds::{Bytes, Channel, Refused, Threaded, Typed, fill};
use crate::macros::on_kinds;
use crate::sides::Side;
use futures_lite::future::{or, zip};
use nexus_async_rt::channel::{Local, Mpsc, RecvError, Spsc, TryRecvError};
use nexus_testkit::within;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

on_kinds! {
    local: super::super::Here<super::super::Typed<super::super::Local>>,
    spsc: super::super::Here<super::super::Typed<super::super::Spsc>>,
    mpsc: super::super::Here<super::super::Typed<super::super::Mpsc>>,
    spsc_bytes: super::super::Here<super::super::Bytes<super::super::Spsc>>,
    mpsc_bytes: super::super::Here<super::super::Bytes<super::super::Mpsc>>;
    here (
        a_receive_ends_with_the_last_sender
        a_send_fails_at_a_close
        a_send_fails_when_the_receiver_goes
        a_receive_dropped_when_notified_loses_no_message
        a_send_dropped_when_notified_sends_nothing_and_keeps_no_room
    )
}

on_kinds! {
    spsc: super::super::Across<super::super::Typed<super::super::Spsc>>,
    mpsc: super::super::Across<super::super::Typed<super::super::Mpsc>>,
    spsc_bytes: super::super::Across<super::super::Bytes<super::super::Spsc>>,
    mpsc_bytes: super::super::Across<super::super::Bytes<super::super::Mpsc>>;
    across (
        a_receive_ends_with_the_last_sender
        a_send_fails_at_a_close
        a_send_fails_when_the_receiver_goes
        a_receive_dropped_when_notified_loses_no_message
        a_send_dropped_when_notified_sends_nothing_and_keeps_no_room
    )
}

/// Set by one side, looked at by the other.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn set(&self) {
        // Ordering: Release; pairs with the Acquire load in `is_set`, so that
        // what came before is seen.
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        // Ordering: Acquire; pairs with the Release store in `set`.
        self.0.load(Ordering::Acquire)
    }

    /// Wakes nobody: for a future that is woken by something else.
    async fn given_up<T>(self) -> Option<T> {
        poll_fn(|_| match self.is_set() {
            true => Poll::Ready(None),
            false => Poll::Pending,
        })
        .await
    }
}

/// A future that says when it has begun to wait.
struct Watched<F> {
    future: Pin<Box<F>>,
    waits: Flag,
}

impl<F: Future> Watched<F> {
    fn new(future: F) -> (Self, Flag) {
        let waits = Flag::default();
        let future = Box::pin(future);
        (
            Self {
                future,
                waits: waits.clone(),
            },
            waits,
        )
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = self.future.as_mut().poll(cx);
        if polled.is_pending() {
            self.waits.set();
        }
        polled
    }
}

type Received<C> = (Option<Result<u64, RecvError>>, <C as Channel>::Receiver);
type Sent<C> = (Option<Result<(), Refused>>, <C as Channel>::Sender);

/// Where the other side is. `then` is what it does once the first waits; a
/// future that is given up before it is polled again is dropped, for `None`.
trait Way {
    type C: Channel;
    const SIDES: &[Side];

    fn recv<T: 'static>(
        side: Side,
        rx: <Self::C as Channel>::Receiver,
        given_up: Flag,
        then: impl FnOnce() -> T + 'static,
    ) -> (Received<Self::C>, T);

    fn send<T: 'static>(
        side: Side,
        tx: <Self::C as Channel>::Sender,
        n: u64,
        given_up: Flag,
        then: impl FnOnce() -> T + 'static,
    ) -> (Sent<Self::C>, T);
}

/// In the same task.
struct Here<C>(PhantomData<C>);

fn here<R: 'static, T: 'static>(
    side: Side,
    task: impl Future<Output = R> + 'static,
    then: impl FnOnce() -> T + 'static,
) -> (R, T) {
    let (task, waits) = Watched::new(task);
    side.run_local(zip(task, async move {
        assert!(waits.is_set(), "{side:?}: it should have waited");
        then()
    }))
}

impl<C: Channel> Way for Here<C> {
    type C = C;
    const SIDES: &[Side] = &[
        #[cfg(feature = "rt")]
        Side::Parked,
        #[cfg(feature = "rt")]
        Side::Busy,
        Side::TokioCurrentThread,
        Side::AsyncExecutor,
    ];

    fn recv<T: 'static>(
        side: Side,
        mut rx: C::Receiver,
        given_up: Flag,
        then: impl FnOnce() -> T + 'static,
    ) -> (Received<C>, T) {
        let task = async move {
            let recv = async { Some(C::recv(&mut rx).await) };
            (or(given_up.given_up(), recv).await, rx)
        };
        here(side, task, then)
    }

    fn send<T: 'static>(
        side: Side,
        mut tx: C::Sender,
        n: u64,
        given_up: Flag,
        then: impl FnOnce() -> T + 'static,
    ) -> (Sent<C>, T) {
        let task = async move {
            let send = async { Some(C::send(&mut tx, n).await) };
            (or(given_up.given_up(), send).await, tx)
        };
        here(side, task, then)
    }
}

/// On a plain thread.
struct Across<C>(PhantomData<C>);

fn across<R: Send + 'static, T>(
    side: Side,
    task: impl Future<Output = R> + Send + 'static,
    then: impl FnOnce() -> T,
) -> (R, T) {
    let (task, waits) = Watched::new(task);
    let thread = thread::spawn(move || side.run(task));
    while !waits.is_set() {
        assert!(!thread.is_finished(), "{side:?}: it should have waited");
        thread::yield_now();
    }
    let then = then();
    (thread.join().unwrap(), then)
}

impl<C: Threaded> Way for Across<C> {
    type C = C;
    const SIDES: &[Side] = &[
        #[cfg(feature = "rt")]
        Side::Parked,
        #[cfg(feature = "rt")]
        Side::Busy,
        Side::TokioCurrentThread,
        Side::TokioMultiThread,
        Side::AsyncExecutor,
    ];

    fn recv<T: 'static>(
        side: Side,
        mut rx: C::Receiver,
        given_up: Flag,
        then: impl FnOnce() -> T + 'static,
    ) -> (Received<C>, T) {
        let task = async move {
            let recv = async { Some(C::recv_migrating(&mut rx).await) };
            (or(given_up.given_up(), recv).await, rx)
        };
        across(side, task, then)
    }

    fn send<T: 'static>(
        side: Side,
        mut tx: C::Sender,
        n: u64,
        given_up: Flag,
        then: impl FnOnce() -> T + 'static,
    ) -> (Sent<C>, T) {
        let task = async move {
            let send = async { Some(C::send_migrating(&mut tx, n).await) };
            (or(given_up.given_up(), send).await, tx)
        };
        across(side, task, then)
    }
}

/// Once under every executor, with a new channel.
fn on_every_side<W: Way>(test: fn(Side, <W::C as Channel>::Sender, <W::C as Channel>::Receiver)) {
    within(Duration::from_secs(20), || {
        for side in W::SIDES {
            let (tx, rx) = W::C::channel(1);
            test(*side, tx, rx);
        }
    });
}

/// All that is left, and then the end.
fn rest<C: Channel>(mut rx: C::Receiver) -> Vec<u64> {
    let rest = std::iter::from_fn(|| C::try_recv(&mut rx).ok()).collect();
    assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Disconnected));
    rest
}

fn a_receive_ends_with_the_last_sender<W: Way>() {
    on_every_side::<W>(|side, tx, rx| {
        let ((received, _), ()) = W::recv(side, rx, Flag::default(), || drop(tx));
        assert_eq!(received, Some(Err(RecvError)), "{side:?}");
    });
}

fn a_send_fails_at_a_close<W: Way>() {
    on_every_side::<W>(|side, mut tx, rx| {
        let count = fill::<W::C>(&mut tx);
        let close = || {
            W::C::close(&rx);
            rx
        };
        let ((sent, tx), rx) = W::send(side, tx, 100, Flag::default(), close);
        assert_eq!(sent, Some(Err(Refused::Gone)), "{side:?}");
        assert!(rest::<W::C>(rx).into_iter().eq(0..count), "{side:?}");
        drop(tx);
    });
}

/// That the value comes back is checked where it does.
fn a_send_fails_when_the_receiver_goes<W: Way>() {
    on_every_side::<W>(|side, mut tx, rx| {
        fill::<W::C>(&mut tx);
        let ((sent, _), ()) = W::send(side, tx, 100, Flag::default(), || drop(rx));
        assert_eq!(sent, Some(Err(Refused::Gone)), "{side:?}");
    });
}

fn a_receive_dropped_when_notified_loses_no_message<W: Way>() {
    on_every_side::<W>(|side, mut tx, rx| {
        let given_up = Flag::default();
        let gives_up = given_up.clone();
        let ((received, rx), ()) = W::recv(side, rx, given_up, move || {
            gives_up.set();
            W::C::try_send(&mut tx, 7).unwrap();
        });
        assert_eq!(received, None, "{side:?}");
        assert_eq!(rest::<W::C>(rx), [7], "{side:?}");
    });
}

fn a_send_dropped_when_notified_sends_nothing_and_keeps_no_room<W: Way>() {
    on_every_side::<W>(|side, mut tx, mut rx| {
        let count = fill::<W::C>(&mut tx);
        let given_up = Flag::default();
        let gives_up = given_up.clone();
        let ((sent, mut tx), rx) = W::send(side, tx, 100, given_up, move || {
            gives_up.set();
            assert_eq!(W::C::try_recv(&mut rx), Ok(0));
            rx
        });
        assert_eq!(sent, None, "{side:?}");
        assert_eq!(W::C::try_send(&mut tx, 101), Ok(()), "{side:?}");
        drop(tx);
        let rest = rest::<W::C>(rx);
        assert!(rest.into_iter().eq((1..count).chain([101])), "{side:?}");
    });
}

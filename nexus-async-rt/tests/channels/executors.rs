//! Every kind under every executor and between plain threads, each end of each
//! cross-thread kind.

use crate::kinds::{Channel, Threaded};
use crate::macros::{on_every_kind, on_threaded_kinds};
use crate::sides::{SIDES, Side};
use crate::transfer::{transfer, without_stall};
use nexus_async_rt::channel::RecvError;
use nexus_testkit::{scaled, within};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

on_every_kind! { every:
    a_pipeline_runs_on_tokio_current_thread
    a_pipeline_runs_on_async_executor
}

on_threaded_kinds! { threaded:
    from_every_side_to_tokio_current_thread
    from_every_side_to_tokio_multi_thread
    from_every_side_to_async_executor
    from_every_side_to_a_plain_thread
    from_every_side_to_a_spinning_thread
    futures_of_exclusive_handles_migrate
    a_request_and_its_reply_cross_threads
}

#[cfg(feature = "rt")]
on_every_kind! { every_on_ours:
    a_pipeline_runs_on_our_runtime_parked
    a_pipeline_runs_on_our_runtime_busy
}

#[cfg(feature = "rt")]
on_threaded_kinds! { threaded_on_ours:
    from_every_side_to_our_runtime_parked
    from_every_side_to_our_runtime_busy
}

/// A producer and a consumer in one task each, on one thread.
fn pipeline<C: Channel>(side: Side) {
    within(Duration::from_secs(20), || {
        for messages in [1, 2, 3, 64] {
            let (mut tx, mut rx) = C::channel(messages);
            let count = scaled(500) as u64;
            let received = Rc::new(Cell::new(0));
            let so_far = received.clone();
            let consumer = async move {
                while let Ok(n) = C::recv(&mut rx).await {
                    assert_eq!(n, so_far.get());
                    so_far.set(n + 1);
                }
                assert_eq!(C::recv(&mut rx).await, Err(RecvError));
            };
            let producer = async move {
                for n in 0..count {
                    C::send(&mut tx, n).await.unwrap();
                }
            };
            side.run_local(async move {
                futures_lite::future::zip(consumer, producer).await;
            });
            assert_eq!(received.get(), count);
        }
    });
}

#[cfg(feature = "rt")]
fn a_pipeline_runs_on_our_runtime_parked<C: Channel>() {
    pipeline::<C>(Side::Parked);
}

#[cfg(feature = "rt")]
fn a_pipeline_runs_on_our_runtime_busy<C: Channel>() {
    pipeline::<C>(Side::Busy);
}

fn a_pipeline_runs_on_tokio_current_thread<C: Channel>() {
    pipeline::<C>(Side::TokioCurrentThread);
}

fn a_pipeline_runs_on_async_executor<C: Channel>() {
    pipeline::<C>(Side::AsyncExecutor);
}

fn from_every_side_to<C: Threaded>(to: Side) {
    without_stall("a transfer", Duration::from_secs(10), |pulse| {
        for &from in SIDES {
            for messages in [1, 2, 3, 64] {
                let (tx, rx) = C::channel(messages);
                let count = scaled(50) as u64;
                transfer::<C>(pulse, vec![tx], rx, (from, to), count);
            }
        }
    });
}

#[cfg(feature = "rt")]
fn from_every_side_to_our_runtime_parked<C: Threaded>() {
    from_every_side_to::<C>(Side::Parked);
}

#[cfg(feature = "rt")]
fn from_every_side_to_our_runtime_busy<C: Threaded>() {
    from_every_side_to::<C>(Side::Busy);
}

fn from_every_side_to_tokio_current_thread<C: Threaded>() {
    from_every_side_to::<C>(Side::TokioCurrentThread);
}

fn from_every_side_to_tokio_multi_thread<C: Threaded>() {
    from_every_side_to::<C>(Side::TokioMultiThread);
}

fn from_every_side_to_async_executor<C: Threaded>() {
    from_every_side_to::<C>(Side::AsyncExecutor);
}

fn from_every_side_to_a_plain_thread<C: Threaded>() {
    from_every_side_to::<C>(Side::Thread);
}

fn from_every_side_to_a_spinning_thread<C: Threaded>() {
    from_every_side_to::<C>(Side::Spinning);
}

/// A future is polled here, waits, and is finished on another thread.
fn futures_of_exclusive_handles_migrate<C: Threaded>() {
    use nexus_testkit::hand::Hand;
    let (mut tx, mut rx) = C::channel(1);
    std::thread::scope(|scope| {
        let mut recv = Hand::new(C::recv_migrating(&mut rx));
        recv.pending();
        C::try_send(&mut tx, 1).unwrap();
        let received = scope.spawn(move || recv.ready());
        assert_eq!(received.join().unwrap(), Ok(1));
    });
    let count = crate::kinds::fill::<C>(&mut tx);
    std::thread::scope(|scope| {
        let mut send = Hand::new(C::send_migrating(&mut tx, 9));
        send.pending();
        assert_eq!(C::try_recv(&mut rx), Ok(0));
        let sent = scope.spawn(move || send.ready());
        assert_eq!(sent.join().unwrap(), Ok(()));
    });
    let rest: Vec<_> = std::iter::from_fn(|| C::try_recv(&mut rx).ok()).collect();
    assert!(rest.into_iter().eq((1..count).chain([9])));
}

/// Ping-pong: each side sleeps until the other has answered.
fn a_request_and_its_reply_cross_threads<C: Threaded>() {
    without_stall("ping-pong", Duration::from_secs(10), |pulse| {
        for (asks, answers) in [
            (Side::PARKED, Side::PARKED),
            (Side::BUSY, Side::PARKED),
            (Side::TokioMultiThread, Side::PARKED),
            (Side::PARKED, Side::AsyncExecutor),
        ] {
            let (mut ask, mut asked) = C::channel(1);
            let (mut answer, mut answered) = C::channel(1);
            let server = std::thread::spawn(move || {
                answers.run(async move {
                    while let Ok(n) = C::recv_migrating(&mut asked).await {
                        C::send_migrating(&mut answer, n + 1).await.unwrap();
                    }
                });
            });
            let (count, pulse) = (scaled(100) as u64, pulse.clone());
            asks.run(async move {
                for n in 0..count {
                    C::send_migrating(&mut ask, n).await.unwrap();
                    assert_eq!(C::recv_migrating(&mut answered).await, Ok(n + 1));
                    pulse.beat();
                }
                drop(ask);
                assert_eq!(C::recv_migrating(&mut answered).await, Err(RecvError));
            });
            server.join().unwrap();
        }
    });
}

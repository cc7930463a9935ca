//! Futures that are dropped, aborted or leaked while they wait: whatever they
//! had been told passes on.

use crate::kinds::{Channel, FanIn, TypedKind, fill};
use crate::macros::{on_every_kind, on_fan_in_kinds, on_typed_kinds};
#[cfg(feature = "rt")]
use crate::support::with_runtime;
#[cfg(feature = "rt")]
use nexus_async_rt::channel::{Local, Mpsc, Spsc};
#[cfg(feature = "rt")]
use nexus_async_rt::{spawn_boxed, yield_now};
use nexus_testkit::hand::Hand;
#[cfg(feature = "rt")]
use std::rc::Rc;
use std::time::Duration;

on_every_kind! { every:
    a_receive_dropped_at_any_poll_loses_nothing
}

on_fan_in_kinds! { fan_in:
    u36_a_notified_send_that_is_dropped_wakes_the_next
    a_send_that_begins_later_does_not_overtake_a_notified_one
    a_send_in_front_that_is_dropped_lets_the_next_pass
    a_send_that_gave_way_once_gives_way_again
}

on_typed_kinds! { typed:
    u36_on_one_handle
    u38_a_second_receive_that_is_dropped_leaves_the_first_registered
    notifications_pass_along_a_chain_of_dropped_futures
    a_leaked_receive_moves_with_its_handle_and_harms_nobody
}

#[cfg(feature = "rt")]
on_every_kind! { in_tasks:
    a_task_aborted_in_its_receive_leaves_the_channel_usable
}

#[cfg(feature = "rt")]
on_fan_in_kinds! { fan_in_in_tasks:
    a_task_aborted_in_its_send_passes_its_place_on
}

fn a_receive_dropped_at_any_poll_loses_nothing<C: Channel>() {
    let (mut tx, mut rx) = C::channel(8);
    let mut expected = 0;
    for sent_at in 0..4 {
        for dropped_at in 0..4 {
            let mut recv = Hand::new(C::recv(&mut rx));
            let mut received = None;
            for step in 0..4 {
                if step == sent_at {
                    C::try_send(&mut tx, expected).unwrap();
                }
                if step == dropped_at {
                    recv.cancel();
                } else if step < dropped_at && received.is_none() {
                    received = match recv.poll() {
                        std::task::Poll::Ready(n) => Some(n.unwrap()),
                        std::task::Poll::Pending => None,
                    };
                }
            }
            drop(recv);
            let received = received.unwrap_or_else(|| C::try_recv(&mut rx).unwrap());
            assert_eq!(received, expected);
            expected += 1;
        }
    }
}

#[cfg(feature = "rt")]
fn a_task_aborted_in_its_receive_leaves_the_channel_usable<C: Channel>() {
    with_runtime(|rt| {
        let (mut tx, rx) = C::channel(1);
        rt.block_on(async {
            let task = spawn_boxed(async move {
                let mut rx = rx;
                C::recv(&mut rx).await
            });
            yield_now().await;
            assert!(task.abort());
            assert!(
                C::sender_says(&tx).disconnected,
                "the receiver went with it"
            );
            assert!(C::try_send(&mut tx, 1).is_err());
        });
    });
}

fn u36_a_notified_send_that_is_dropped_wakes_the_next<C: FanIn>() {
    let (mut tx, mut rx) = C::channel(1);
    let mut other = tx.clone();
    fill::<C>(&mut tx);
    let mut first = Hand::new(C::send(&mut tx, 100));
    let mut second = Hand::new(C::send(&mut other, 200));
    first.pending();
    second.pending();
    C::try_recv(&mut rx).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    first.cancel();
    assert_eq!(second.wakes(), 1, "the notification was swallowed");
    assert_eq!(second.ready(), Ok(()));
}

/// Else a task that sends in a loop keeps all others from sending.
fn a_send_that_begins_later_does_not_overtake_a_notified_one<C: FanIn>() {
    let (mut tx, mut rx) = C::channel(1);
    let mut other = tx.clone();
    fill::<C>(&mut tx);
    let mut first = Hand::new(C::send(&mut tx, 100));
    first.pending();
    while C::try_recv(&mut rx).is_ok() {}
    assert_eq!(first.wakes(), 1);
    let mut later = Hand::new(C::send(&mut other, 200));
    later.pending();
    assert_eq!(later.wakes(), 1, "it gives way, and looks again");
    assert_eq!(first.ready(), Ok(()));
    assert_eq!(C::try_recv(&mut rx), Ok(100));
    assert_eq!(later.ready(), Ok(()));
    assert_eq!(C::try_recv(&mut rx), Ok(200));
}

/// Each turn is whole, also for one that gave way to an earlier turn.
fn a_send_that_gave_way_once_gives_way_again<C: FanIn>() {
    let (mut tx, mut rx) = C::channel(1);
    let [mut other, mut third] = [tx.clone(), tx.clone()];
    fill::<C>(&mut tx);
    let mut first = Hand::new(C::send(&mut tx, 100));
    let mut second = Hand::new(C::send(&mut other, 200));
    first.pending();
    second.pending();
    C::try_recv(&mut rx).unwrap();
    second.pending();
    // Overtaken, the first waits again, and is notified again much later.
    fill::<C>(&mut third);
    first.pending();
    std::thread::sleep(Duration::from_millis(5));
    C::try_recv(&mut rx).unwrap();
    second.pending();
    assert_eq!(first.ready(), Ok(()));
}

fn a_send_in_front_that_is_dropped_lets_the_next_pass<C: FanIn>() {
    let (tx, mut rx) = C::channel(1);
    let mut senders = [tx.clone(), tx.clone(), tx.clone(), tx];
    let [a, b, c, d] = &mut senders;
    fill::<C>(d);
    let mut sends = [
        Hand::new(C::send(a, 100)),
        Hand::new(C::send(b, 200)),
        Hand::new(C::send(c, 300)),
    ];
    for send in &mut sends {
        send.pending();
    }
    sends[0].cancel();
    C::try_recv(&mut rx).unwrap();
    assert_eq!((sends[1].wakes(), sends[2].wakes()), (1, 0));
    assert_eq!(sends[1].ready(), Ok(()));
    sends[2].pending();
    C::try_recv(&mut rx).unwrap();
    assert_eq!(sends[2].ready(), Ok(()));
}

#[cfg(feature = "rt")]
fn a_task_aborted_in_its_send_passes_its_place_on<C: FanIn>() {
    with_runtime(|rt| {
        let (mut tx, mut rx) = C::channel(1);
        rt.block_on(async {
            fill::<C>(&mut tx);
            let mut senders = [tx.clone(), tx.clone()].into_iter();
            let mut spawn = |n| {
                let mut tx = senders.next().unwrap();
                spawn_boxed(async move { C::send(&mut tx, n).await })
            };
            let (first, second) = (spawn(100), spawn(200));
            yield_now().await;
            // Notified and aborted before it runs.
            C::try_recv(&mut rx).unwrap();
            assert!(first.abort());
            assert_eq!(second.await, Ok(()));
            let mut last = None;
            while let Ok(n) = C::try_recv(&mut rx) {
                last = Some(n);
            }
            assert_eq!(last, Some(200));
        });
    });
}

fn u36_on_one_handle<K: TypedKind>() {
    let (tx, rx) = K::channel(1);
    tx.try_send(0).unwrap();
    let mut first = Hand::new(tx.send(1));
    let mut second = Hand::new(tx.send(2));
    first.pending();
    second.pending();
    assert_eq!(rx.try_recv(), Ok(0));
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[cfg(feature = "rt")]
#[test]
fn u39_a_woken_sender_of_a_local_channel_that_is_dropped_wakes_the_next() {
    u36_on_one_handle::<Local>();
    with_runtime(|rt| {
        let (tx, rx) = Local::channel(1);
        rt.block_on(async {
            let tx = Rc::new(tx);
            tx.try_send(0).unwrap();
            let spawn = |n| {
                let tx = tx.clone();
                spawn_boxed(async move { tx.send(n).await })
            };
            let (first, second) = (spawn(1), spawn(2));
            yield_now().await;
            assert_eq!(rx.try_recv(), Ok(0));
            assert!(first.abort());
            assert_eq!(second.await, Ok(()));
            assert_eq!(rx.recv().await, Ok(2));
        });
    });
}

fn u38_a_second_receive_that_is_dropped_leaves_the_first_registered<K: TypedKind>() {
    for polled in [false, true] {
        let (tx, rx) = K::channel(1);
        let mut first = Hand::new(rx.recv());
        first.pending();
        let mut second = Hand::new(rx.recv());
        if polled {
            second.pending();
        }
        second.cancel();
        assert_eq!(first.wakers_left(), 1);
        tx.try_send(7).unwrap();
        assert_eq!(first.wakes(), 1);
        assert_eq!(first.ready(), Ok(7));
    }
}

fn notifications_pass_along_a_chain_of_dropped_futures<K: TypedKind>() {
    for alive in 0..5 {
        let (tx, rx) = K::channel(1);
        tx.try_send(0).unwrap();
        let mut sends = [1, 2, 3, 4, 5].map(|n| Hand::new(tx.send(n)));
        for send in &mut sends {
            send.pending();
        }
        assert_eq!(rx.try_recv(), Ok(0));
        for at in (0..5).filter(|at| *at != alive) {
            sends[at].cancel();
        }
        assert!(sends[alive].wakes() > 0);
        assert_eq!(sends[alive].ready(), Ok(()));
        drop(sends);
        assert_eq!(rx.try_recv(), Ok(alive as u64 + 1));

        let mut recvs = [(); 5].map(|()| Hand::new(rx.recv()));
        for recv in &mut recvs {
            recv.pending();
        }
        tx.try_send(9).unwrap();
        for at in (0..5).filter(|at| *at != alive) {
            recvs[at].cancel();
        }
        assert!(recvs[alive].wakes() > 0);
        assert_eq!(recvs[alive].ready(), Ok(9));
    }
}

fn a_leaked_receive_moves_with_its_handle_and_harms_nobody<K: TypedKind>() {
    let (tx, rx) = K::channel(4);
    let mut leaked = Hand::new(rx.recv());
    leaked.pending();
    leaked.leak();
    drop(leaked);
    // Elsewhere in memory, and with others waiting beside the leaked one.
    let rx = Box::new(rx);
    let mut recvs = [(); 3].map(|()| Hand::new(rx.recv()));
    for recv in &mut recvs {
        recv.pending();
    }
    for n in 0..4 {
        tx.try_send(n).unwrap();
    }
    for (n, recv) in recvs.iter_mut().enumerate() {
        assert_eq!(recv.wakes(), 1);
        assert_eq!(recv.ready(), Ok(n));
    }
    drop(recvs);
    drop(rx);
    drop(tx);
}

/// The two futures of one handle in two tasks of two different executors that
/// share the thread.
#[cfg(feature = "rt")]
#[test]
fn futures_of_one_handle_under_two_executors() {
    let (tx, rx) = Mpsc::channel(1);
    let (other_tx, other_rx) = Spsc::channel(1);
    with_runtime(|rt| {
        rt.block_on(async {
            let mut by_hand = Hand::new(rx.recv());
            by_hand.pending();
            let mine = async {
                let n = rx.recv().await;
                other_tx.send(n).await.unwrap();
            };
            let feed = async {
                yield_now().await;
                tx.send(1).await.unwrap();
                // One of the two has been woken: if not the task, the other.
                assert_eq!(by_hand.wakes(), 1);
                by_hand.cancel();
                assert_eq!(other_rx.recv().await, Ok(Ok(1)));
            };
            futures_lite::future::zip(mine, feed).await;
        });
    });
}

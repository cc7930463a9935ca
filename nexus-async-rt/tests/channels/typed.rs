//! What the typed kinds promise beyond the rest: exact capacity, two futures
//! on one handle, turns, and payloads of every sort.

use crate::kinds::TypedKind;
use crate::macros::on_typed_kinds;
#[cfg(feature = "rt")]
use crate::support::with_runtime;
use nexus_async_rt::channel::{Mpsc, RecvError, SendError, TryRecvError, TrySendError};
#[cfg(feature = "rt")]
use nexus_async_rt::{spawn_boxed, yield_now};
use nexus_testkit::hand::Hand;
use nexus_testkit::panic_of;
use std::marker::PhantomPinned;
#[cfg(feature = "rt")]
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

on_typed_kinds! { typed:
    capacity_is_exact
    values_come_back_as_they_are
    a_dropped_receiver_drops_what_is_buffered
    a_dropped_send_drops_its_value_and_a_dropped_receive_loses_nothing
    sends_are_served_in_the_order_in_which_they_began_to_wait
    a_woken_sender_that_finds_no_room_keeps_its_place
    two_receives_on_one_handle_complete_in_every_order
    the_end_reaches_every_receive
    zero_sized_values_are_counted
    over_aligned_values_are_aligned
    values_that_must_not_move_once_pinned_may_be_sent
    a_value_whose_drop_panics_costs_no_other
    values_that_all_panic_are_dropped_and_the_first_panic_goes_on
    values_are_dropped_once
}

#[cfg(feature = "rt")]
on_typed_kinds! { in_tasks:
    two_receives_in_two_tasks_complete
    u37_two_sends_on_one_handle_in_two_tasks_complete
}

fn capacity_is_exact<K: TypedKind>() {
    for capacity in [1, 2, 3, 4, 5, 7, 8, 9, 63, 100] {
        let (tx, rx) = K::channel::<usize>(capacity);
        assert_eq!((tx.capacity(), rx.capacity()), (capacity, capacity));
        for lap in 0..3 {
            for n in 0..capacity {
                assert_eq!(tx.try_send(lap + n), Ok(()));
            }
            assert!(tx.is_full() && rx.is_full());
            assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)));
            for n in 0..capacity {
                assert_eq!(rx.try_recv(), Ok(lap + n));
            }
            assert!(tx.is_empty() && rx.is_empty());
        }
    }
}

fn values_come_back_as_they_are<K: TypedKind>() {
    let (tx, rx) = K::channel::<Box<u8>>(1);
    let boxed = |n: u8| {
        let value = Box::new(n);
        let address = std::ptr::from_ref(&*value).addr();
        (value, address)
    };
    let is = |value: Box<u8>, address| std::ptr::from_ref(&*value).addr() == address;
    let (first, first_at) = boxed(1);
    tx.try_send(first).unwrap();
    let (value, at) = boxed(2);
    let Err(TrySendError::Full(value)) = tx.try_send(value) else {
        panic!("there was no room");
    };
    assert!(is(value, at));
    let (value, at) = boxed(3);
    let mut send = Hand::new(tx.send(value));
    send.pending();
    assert!(is(rx.try_recv().unwrap(), first_at));
    rx.close();
    let Err(SendError(value)) = send.ready() else {
        panic!("the channel was closed");
    };
    assert!(is(value, at));
    let (value, at) = boxed(4);
    let Err(TrySendError::Disconnected(value)) = tx.try_send(value) else {
        panic!("the channel was closed");
    };
    assert!(is(value, at));
}

/// Counts the drops of its clones.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn value(&self) -> Counted {
        Counted(self.clone())
    }
}

struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn a_dropped_receiver_drops_what_is_buffered<K: TypedKind>() {
    let (tx, rx) = K::channel(3);
    let drops = Drops::default();
    for _ in 0..3 {
        assert!(tx.try_send(drops.value()).is_ok());
    }
    drop(rx);
    assert_eq!(drops.count(), 3, "there and then, not with the sender");
    drop(tx);
    assert_eq!(drops.count(), 3);
}

fn a_dropped_send_drops_its_value_and_a_dropped_receive_loses_nothing<K: TypedKind>() {
    let (tx, rx) = K::channel(1);
    let drops = Drops::default();
    assert!(tx.try_send(drops.value()).is_ok());
    let mut send = Hand::new(tx.send(drops.value()));
    send.pending();
    send.cancel();
    assert_eq!(drops.count(), 1);
    assert!(rx.try_recv().is_ok());
    assert_eq!(drops.count(), 2);
    let mut recv = Hand::new(rx.recv());
    recv.pending();
    assert!(tx.try_send(drops.value()).is_ok());
    recv.cancel();
    assert_eq!(drops.count(), 2);
    assert!(rx.try_recv().is_ok());
    assert_eq!(rx.try_recv().err(), Some(TryRecvError::Empty));
}

fn sends_are_served_in_the_order_in_which_they_began_to_wait<K: TypedKind>() {
    let (tx, rx) = K::channel(2);
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let mut sends: Vec<_> = (2..8).map(|n| Hand::new(tx.send(n))).collect();
    for send in &mut sends {
        send.pending();
    }
    for n in 0..6 {
        assert_eq!(rx.try_recv(), Ok(n));
        let woken: Vec<_> = sends.iter().map(Hand::wakes).collect();
        let expected: Vec<_> = (0..6).map(|at| usize::from(at <= n)).collect();
        assert_eq!(woken, expected, "one receive wakes the next one alone");
        assert_eq!(sends[n].ready(), Ok(()));
        // Those behind it do not pass.
        for later in &mut sends[n + 1..] {
            later.pending();
        }
    }
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(6), Ok(7)));
}

fn a_woken_sender_that_finds_no_room_keeps_its_place<K: TypedKind>() {
    let (tx, rx) = K::channel(1);
    tx.try_send(0).unwrap();
    let (mut a, mut b) = (Hand::new(tx.send(1)), Hand::new(tx.send(2)));
    a.pending();
    b.pending();
    for round in 1..4 {
        assert!(rx.try_recv().is_ok());
        assert_eq!((a.wakes(), b.wakes()), (round, 0));
        tx.try_send(0).unwrap();
        a.pending();
        b.pending();
    }
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!((a.wakes(), b.wakes()), (4, 0));
    assert_eq!(a.ready(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(b.wakes(), 1);
    assert_eq!(b.ready(), Ok(()));
}

/// Two receives wait, two messages come. Whatever is polled first, and whatever
/// is dropped: nothing sleeps on a message.
fn two_receives_on_one_handle_complete_in_every_order<K: TypedKind>() {
    for registered in [[0, 1], [1, 0]] {
        for polled in [[0, 1], [1, 0]] {
            let (tx, rx) = K::channel(2);
            let mut recvs = [Hand::new(rx.recv()), Hand::new(rx.recv())];
            for at in registered {
                recvs[at].pending();
            }
            tx.try_send(1).unwrap();
            tx.try_send(2).unwrap();
            assert_eq!(recvs.each_ref().map(Hand::wakes), [1, 1]);
            assert_eq!(recvs[polled[0]].ready(), Ok(1));
            assert_eq!(recvs[polled[1]].ready(), Ok(2));
        }
        for dropped in [0, 1] {
            for sent_before in [false, true] {
                let (tx, rx) = K::channel(2);
                let mut recvs = [Hand::new(rx.recv()), Hand::new(rx.recv())];
                for at in registered {
                    recvs[at].pending();
                }
                if sent_before {
                    tx.try_send(1).unwrap();
                }
                recvs[dropped].cancel();
                if !sent_before {
                    tx.try_send(1).unwrap();
                }
                let other = &mut recvs[1 - dropped];
                assert!(other.wakes() > 0, "the message and its receive both sleep");
                assert_eq!(other.ready(), Ok(1));
            }
        }
    }
}

#[cfg(feature = "rt")]
fn two_receives_in_two_tasks_complete<K: TypedKind>() {
    for busy in [false, true] {
        with_runtime(|rt| {
            let (tx, rx) = K::channel(1);
            let root = async {
                let rx = Rc::new(rx);
                let tasks = [(); 2].map(|()| {
                    let rx = rx.clone();
                    spawn_boxed(async move {
                        let mut sum = 0;
                        while let Ok(n) = rx.recv().await {
                            sum += n;
                        }
                        sum
                    })
                });
                for n in 1..=100 {
                    tx.send(n).await.unwrap();
                }
                drop(tx);
                let mut sum = 0;
                for task in tasks {
                    sum += task.await;
                }
                assert_eq!(sum, 5050);
            };
            if busy {
                rt.block_on_busy(root);
            } else {
                rt.block_on(root);
            }
        });
    }
}

#[cfg(feature = "rt")]
fn u37_two_sends_on_one_handle_in_two_tasks_complete<K: TypedKind>() {
    with_runtime(|rt| {
        let (tx, rx) = K::channel(1);
        rt.block_on(async {
            let tx = Rc::new(tx);
            for task in 0..2 {
                let tx = tx.clone();
                spawn_boxed(async move {
                    for n in 0..50 {
                        tx.send(100 * task + n).await.unwrap();
                    }
                });
            }
            drop(tx);
            let mut next = [0, 100];
            while let Ok(n) = rx.recv().await {
                let task = n / 100;
                assert_eq!(n, next[task]);
                next[task] += 1;
                yield_now().await;
            }
            assert_eq!(next, [50, 150]);
        });
    });
}

fn the_end_reaches_every_receive<K: TypedKind>() {
    let (tx, rx) = K::channel::<u8>(1);
    let mut recvs = [(); 3].map(|()| Hand::new(rx.recv()));
    for recv in &mut recvs {
        recv.pending();
    }
    drop(tx);
    for recv in &mut recvs {
        assert_eq!(recv.wakes(), 1);
        assert_eq!(recv.ready(), Err(RecvError));
    }
    let (_tx, rx) = K::channel::<u8>(1);
    let mut recvs = [(); 3].map(|()| Hand::new(rx.recv()));
    for recv in &mut recvs {
        recv.pending();
    }
    rx.close();
    for recv in &mut recvs {
        assert_eq!(recv.wakes(), 1);
        assert_eq!(recv.ready(), Err(RecvError));
    }
}

fn zero_sized_values_are_counted<K: TypedKind>() {
    let (tx, rx) = K::channel(3);
    for _ in 0..3 {
        assert_eq!(tx.try_send(()), Ok(()));
    }
    assert_eq!(tx.try_send(()), Err(TrySendError::Full(())));
    let mut send = Hand::new(tx.send(()));
    send.pending();
    for _ in 0..3 {
        assert_eq!(rx.try_recv(), Ok(()));
    }
    assert_eq!(send.ready(), Ok(()));
    assert_eq!((rx.len(), rx.try_recv()), (1, Ok(())));
}

fn over_aligned_values_are_aligned<K: TypedKind>() {
    #[repr(align(256))]
    struct Wide(u8);
    let (tx, rx) = K::channel(3);
    for lap in 0..3 {
        for n in 0..3 {
            assert!(tx.try_send(Wide(lap + n)).is_ok());
        }
        let mut send = Hand::new(tx.send(Wide(99)));
        send.pending();
        for n in 0..3 {
            let wide = rx.try_recv().ok().unwrap();
            assert_eq!(std::ptr::from_ref(&wide).addr() % 256, 0);
            assert_eq!(wide.0, lap + n);
        }
    }
}

fn values_that_must_not_move_once_pinned_may_be_sent<K: TypedKind>() {
    struct Unmovable(u8, PhantomPinned);
    let (tx, rx) = K::channel(1);
    assert!(tx.try_send(Unmovable(1, PhantomPinned)).is_ok());
    let mut send = Hand::new(tx.send(Unmovable(2, PhantomPinned)));
    send.pending();
    let mut recv = Hand::new(rx.recv());
    assert_eq!(recv.ready().ok().map(|value| value.0), Some(1));
    assert!(send.ready().is_ok());
    assert_eq!(rx.try_recv().ok().map(|value| value.0), Some(2));
}

/// Panics when dropped, if told so; counted first.
struct Bomb(
    #[expect(dead_code, reason = "counted when it is dropped")] Counted,
    bool,
);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.1, "a bomb was dropped");
    }
}

fn a_value_whose_drop_panics_costs_no_other<K: TypedKind>() {
    let drops = Drops::default();
    let (tx, rx) = K::channel(4);
    for n in 0..4 {
        assert!(tx.try_send(Bomb(drops.value(), n == 1)).is_ok());
    }
    assert!(panic_of(|| drop(rx)).contains("bomb"));
    assert_eq!(drops.count(), 4);

    let (tx, rx) = K::channel(1);
    assert!(tx.try_send(Bomb(drops.value(), false)).is_ok());
    let mut send = Hand::new(tx.send(Bomb(drops.value(), true)));
    send.pending();
    let mut next = Hand::new(tx.send(Bomb(drops.value(), false)));
    next.pending();
    assert!(panic_of(|| send.cancel()).contains("bomb"));
    assert!(rx.try_recv().is_ok());
    assert_eq!(
        next.wakes(),
        1,
        "the place of the one that was dropped passed on"
    );
    assert!(next.ready().is_ok());
    assert!(rx.try_recv().is_ok());
    assert_eq!(drops.count(), 7);
}

/// Counted, then panics with its number.
struct Mine(
    #[expect(dead_code, reason = "counted when it is dropped")] Counted,
    u8,
);

impl Drop for Mine {
    fn drop(&mut self) {
        panic!("mine {}", self.1);
    }
}

fn values_that_all_panic_are_dropped_and_the_first_panic_goes_on<K: TypedKind>() {
    let drops = Drops::default();
    let filled = || {
        let (tx, rx) = K::channel(4);
        for n in 0..4 {
            assert!(tx.try_send(Mine(drops.value(), n)).is_ok());
        }
        (tx, rx)
    };
    // The sender lives on, or goes first.
    let (tx, rx) = filled();
    assert!(panic_of(|| drop(rx)).contains("mine 0"));
    assert_eq!(drops.count(), 4);
    drop(tx);
    let (tx, rx) = filled();
    drop(tx);
    assert!(panic_of(|| drop(rx)).contains("mine 0"));
    assert_eq!(drops.count(), 8);
    // Closed before.
    let (_tx, rx) = filled();
    rx.close();
    assert!(panic_of(|| drop(rx)).contains("mine 0"));
    assert_eq!(drops.count(), 12);
    // While the thread unwinds, none of them ends the process.
    let (_tx, rx) = filled();
    let message = panic_of(|| {
        let _rx = rx;
        panic!("first");
    });
    assert_eq!((message.as_str(), drops.count()), ("first", 16));
}

/// However a value goes, it goes once.
fn values_are_dropped_once<K: TypedKind>() {
    let drops = Drops::default();
    let (tx, rx) = K::channel(2);
    let mut made = 0;
    let mut value = || {
        made += 1;
        drops.value()
    };
    for _ in 0..5 {
        assert!(tx.try_send(value()).is_ok());
        assert!(tx.try_send(value()).is_ok());
        drop(tx.try_send(value()));
        let mut waits = Hand::new(tx.send(value()));
        waits.pending();
        assert!(rx.try_recv().is_ok());
        assert!(waits.ready().is_ok());
        let mut cancelled = Hand::new(tx.send(value()));
        cancelled.pending();
        cancelled.cancel();
        assert!(rx.try_recv().is_ok() && rx.try_recv().is_ok());
    }
    assert!(tx.try_send(value()).is_ok());
    drop(tx);
    drop(rx);
    assert_eq!(drops.count(), made);
}

#[test]
fn a_reply_sender_inside_a_dropped_queue_fails_at_once() {
    let (requests, inbox) = Mpsc::channel(4);
    let (reply, replies) = Mpsc::channel::<u8>(1);
    requests.try_send(reply).unwrap();
    let mut recv = Hand::new(replies.recv());
    recv.pending();
    drop(inbox);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Err(RecvError));
}

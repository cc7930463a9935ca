//! The races of the published crate, between two threads, again and again. A
//! lost wake is a stall, which the watch turns into a failure.

use crate::kinds::{Bytes, Channel, FanIn, Threaded, Typed};
use crate::macros::{on_many_producer_kinds, on_threaded_kinds};
use crate::sides::Side;
use crate::transfer::{Pulse, transfer, with_senders, without_stall};
use nexus_async_rt::channel::{Mpsc, Spsc, TryClaimError, TryRecvError, mpsc_bytes};
use nexus_testkit::scaled;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel as hand_over;
use std::thread;
use std::time::Duration;

on_threaded_kinds! { threaded:
    u35_the_end_is_never_seen_before_the_last_message
    a_receiver_that_goes_leaves_no_sender_waiting
    futures_dropped_in_the_middle_lose_no_wake
}

on_many_producer_kinds! { many:
    many_senders_that_wait_are_all_served
}

fn many_senders_that_wait_are_all_served<C: Threaded + FanIn>() {
    stalls_nowhere("many senders", |pulse| {
        for to in [Side::PARKED, Side::BUSY, Side::Thread] {
            for from in [Side::Thread, Side::PARKED, Side::AsyncExecutor] {
                let (senders, rx) = with_senders::<C>(2, 3);
                transfer::<C>(pulse, senders, rx, (from, to), scaled(300) as u64);
            }
        }
    });
}

fn stalls_nowhere(what: &str, f: impl FnOnce(&Pulse)) {
    without_stall(what, Duration::from_secs(10), f);
}

/// One producer and one consumer, over the given pairs and capacities.
fn cross<C: Threaded>(name: &str, pairs: &[(Side, Side)], capacities: &[usize], count: usize) {
    stalls_nowhere(name, |pulse| {
        for pair in pairs {
            for messages in capacities {
                let (tx, rx) = C::channel(*messages);
                transfer::<C>(pulse, vec![tx], rx, *pair, scaled(count) as u64);
            }
        }
    });
}

/// The consumer sleeps, the producer never does.
const RECEIVE_WAITS: [(Side, Side); 4] = [
    (Side::Spinning, Side::PARKED),
    (Side::Spinning, Side::BUSY),
    (Side::Spinning, Side::AsyncExecutor),
    (Side::Spinning, Side::TokioMultiThread),
];

/// The producer sleeps, the consumer never does.
const SEND_WAITS: [(Side, Side); 4] = [
    (Side::PARKED, Side::Spinning),
    (Side::BUSY, Side::Spinning),
    (Side::AsyncExecutor, Side::Spinning),
    (Side::TokioMultiThread, Side::Spinning),
];

#[test]
fn u31_no_wake_of_a_byte_receive_is_lost() {
    cross::<Bytes<Spsc>>("U31", &RECEIVE_WAITS, &[8, 64], 500);
    cross::<Bytes<Mpsc>>("U31", &RECEIVE_WAITS, &[8, 64], 500);
}

#[test]
fn u32_no_wake_of_a_claim_is_lost() {
    cross::<Bytes<Spsc>>("U32", &SEND_WAITS, &[1, 16], 500);
    cross::<Bytes<Mpsc>>("U32", &SEND_WAITS, &[1, 16], 500);
}

#[test]
fn u32_no_wake_of_a_send_is_lost() {
    cross::<Typed<Spsc>>("U32", &SEND_WAITS, &[1, 2, 64], 150);
    cross::<Typed<Mpsc>>("U32", &SEND_WAITS, &[1, 2, 64], 150);
}

#[test]
fn u33_no_wake_of_a_typed_receive_is_lost() {
    cross::<Typed<Spsc>>("U33", &RECEIVE_WAITS, &[1, 2, 64], 150);
    cross::<Typed<Mpsc>>("U33", &RECEIVE_WAITS, &[1, 2, 64], 150);
}

/// Both sides register and wake all the time: what a sanitizer is shown.
#[test]
fn u21_u22_registering_and_waking_never_race() {
    let pairs = [
        (Side::Thread, Side::Thread),
        (Side::PARKED, Side::Thread),
        (Side::AsyncExecutor, Side::AsyncExecutor),
    ];
    cross::<Typed<Spsc>>("U21", &pairs, &[1, 2], 500);
    cross::<Typed<Mpsc>>("U22", &pairs, &[1, 2], 500);
    cross::<Bytes<Spsc>>("U21", &pairs, &[1], 500);
    cross::<Bytes<Mpsc>>("U22", &pairs, &[1], 500);
    stalls_nowhere("U22", |pulse| {
        let (senders, rx) = with_senders::<Typed<Mpsc>>(1, 2);
        let pair = (Side::Thread, Side::Thread);
        transfer::<Typed<Mpsc>>(pulse, senders, rx, pair, scaled(500) as u64);
    });
}

/// The sender sends and goes while the receiver looks: it has seen every
/// message before it sees the end.
fn u35_the_end_is_never_seen_before_the_last_message<C: Threaded>() {
    stalls_nowhere("U35", |pulse| {
        let (give, take) = hand_over::<(C::Sender, u64)>();
        let sender = thread::spawn(move || {
            for (mut tx, count) in take {
                for n in 0..count {
                    C::try_send(&mut tx, n).expect("there is room for all");
                }
            }
        });
        for round in 0..scaled(3000) as u64 {
            let (tx, mut rx) = C::channel(8);
            let count = round % 4;
            give.send((tx, count)).unwrap();
            let mut seen = 0;
            if round % 3 == 0 {
                while let Ok(n) = C::blocking_recv(&mut rx) {
                    assert_eq!(n, seen);
                    seen += 1;
                }
            } else {
                loop {
                    match C::try_recv(&mut rx) {
                        Ok(n) => {
                            assert_eq!(n, seen);
                            seen += 1;
                        }
                        Err(TryRecvError::Empty) => std::hint::spin_loop(),
                        Err(TryRecvError::Disconnected) => break,
                    }
                }
            }
            assert_eq!(seen, count, "the end came before a message, round {round}");
            pulse.beat();
        }
        drop(give);
        sender.join().unwrap();
    });
}

fn a_receiver_that_goes_leaves_no_sender_waiting<C: Threaded>() {
    stalls_nowhere("a receiver that goes", |pulse| {
        let (give, take) = hand_over::<C::Receiver>();
        let receiver = thread::spawn(move || {
            for (round, rx) in take.into_iter().enumerate() {
                if round % 2 == 0 {
                    C::close(&rx);
                }
                drop(rx);
            }
        });
        for _ in 0..scaled(1000) {
            let (mut tx, rx) = C::channel(1);
            give.send(rx).unwrap();
            while C::blocking_send(&mut tx, 1).is_ok() {}
            pulse.beat();
        }
        drop(give);
        receiver.join().unwrap();
    });
}

/// Each side starts, abandons and repeats its operations, while the other
/// side's notifications arrive.
fn futures_dropped_in_the_middle_lose_no_wake<C: Threaded>() {
    use futures_lite::future::{block_on, or, yield_now};
    let count = scaled(300) as u64;
    stalls_nowhere("dropped futures", |pulse| {
        let (mut tx, mut rx) = C::channel(1);
        let sender = thread::spawn(move || {
            block_on(async {
                for n in 0..count {
                    loop {
                        let sent = async { C::send_migrating(&mut tx, n).await.is_ok() };
                        if n % 3 != 0 {
                            assert!(sent.await);
                            break;
                        }
                        // A send that is abandoned sends nothing.
                        let abandoned = async {
                            yield_now().await;
                            false
                        };
                        if or(sent, abandoned).await {
                            break;
                        }
                    }
                }
            });
        });
        block_on(async {
            for n in 0..count {
                let received = loop {
                    let abandoned = async {
                        yield_now().await;
                        None
                    };
                    if n % 2 == 0 {
                        let recv = async { Some(C::recv_migrating(&mut rx).await) };
                        if let Some(received) = or(recv, abandoned).await {
                            break received;
                        }
                    } else {
                        break C::recv_migrating(&mut rx).await;
                    }
                };
                assert_eq!(received, Ok(n));
                pulse.beat();
            }
            assert!(C::recv_migrating(&mut rx).await.is_err());
        });
        sender.join().unwrap();
    });
}

/// As many messages under way as there are producers, and room for more: no
/// claim is ever refused.
#[test]
fn u48_no_claim_is_refused_while_there_is_room() {
    const PRODUCERS: usize = 3;
    let (tx, mut rx) = mpsc_bytes::channel(64);
    let released = Arc::new([const { AtomicUsize::new(0) }; PRODUCERS]);
    stalls_nowhere("U48", |pulse| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|who| {
                let (mut tx, released) = (tx.clone(), released.clone());
                thread::spawn(move || {
                    for n in 0..scaled(3000) {
                        while released[who].load(Ordering::Acquire) != n {
                            thread::yield_now();
                        }
                        match tx.try_claim(8) {
                            Ok(mut claim) => {
                                claim.fill(who as u8);
                                claim.commit();
                            }
                            Err(TryClaimError::Full) => panic!("there was room"),
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        drop(tx);
        while let Ok(message) = rx.blocking_recv() {
            let who = message[0] as usize;
            drop(message);
            released[who].fetch_add(1, Ordering::Release);
            pulse.beat();
        }
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

/// The same of the typed kinds: room freed by a receive that returned is there.
#[test]
fn u48_no_send_is_refused_while_there_is_room() {
    const PRODUCERS: usize = 3;
    let (mut senders, mut rx) = with_senders::<Typed<Mpsc>>(PRODUCERS, PRODUCERS);
    let released = Arc::new([const { AtomicUsize::new(0) }; PRODUCERS]);
    stalls_nowhere("U48", |pulse| {
        let producers: Vec<_> = senders
            .drain(..)
            .enumerate()
            .map(|(who, mut tx)| {
                let released = released.clone();
                thread::spawn(move || {
                    for n in 0..scaled(3000) {
                        while released[who].load(Ordering::Acquire) != n {
                            thread::yield_now();
                        }
                        let sent = Typed::<Mpsc>::try_send(&mut tx, who as u64);
                        sent.expect("there was room");
                    }
                })
            })
            .collect();
        while let Ok(who) = Typed::<Mpsc>::blocking_recv(&mut rx) {
            released[who as usize].fetch_add(1, Ordering::Release);
            pulse.beat();
        }
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

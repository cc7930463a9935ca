//! Streams that are dense for a while, and then pause. Where messages are dense
//! neither side fences, and a side that begins to wait fences for the other: a
//! wake that is lost then is a stall.

use crate::kinds::{Bytes, Refused, Threaded, Typed};
use crate::macros::on_threaded_kinds;
use crate::sides::Side;
use crate::transfer::{Pulse, consume, produce, without_stall};
use nexus_async_rt::channel::{Mpsc, Spsc, TryRecvError};
use nexus_testkit::hand::Hand;
use nexus_testkit::scaled;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

on_threaded_kinds! { dense:
    a_receiver_that_has_caught_up_is_woken
    a_sender_that_has_filled_the_channel_is_woken
    one_wait_against_one_send_after_each_burst
}

/// Enough in a row to be called dense, and some that are not.
const BURSTS: [u64; 4] = [4000, 1, 1500, 3];

const SIDES: [Side; 4] = [Side::PARKED, Side::BUSY, Side::Thread, Side::AsyncExecutor];

fn bursts() -> impl Iterator<Item = u64> {
    BURSTS.into_iter().cycle().take(scaled(24))
}

fn on_each_side(what: &str, f: impl Fn(&Pulse, Side)) {
    without_stall(what, Duration::from_secs(10), |pulse| {
        for side in SIDES {
            f(pulse, side);
        }
    });
}

/// The sender sends a burst and goes on when all of it was received: by then
/// the receiver is about to wait, or does.
fn a_receiver_that_has_caught_up_is_woken<C: Threaded>() {
    on_each_side("dense, the receiver waits", |pulse, side| {
        let (mut tx, rx) = C::channel(64);
        let received = Arc::new(AtomicU64::new(0));
        let (seen, beat) = (received.clone(), pulse.clone());
        let receiver = thread::spawn(move || {
            consume::<C>(side, rx, move |n| {
                assert_eq!(n, seen.load(Ordering::Relaxed), "{side:?}");
                seen.store(n + 1, Ordering::Release);
                beat.beat();
            });
        });
        let mut sent = 0;
        for burst in bursts() {
            for _ in 0..burst {
                while C::try_send(&mut tx, sent) == Err(Refused::Full) {
                    thread::yield_now();
                }
                sent += 1;
            }
            while received.load(Ordering::Acquire) != sent {
                spin_loop();
            }
        }
        drop(tx);
        receiver.join().unwrap();
    });
}

/// The receiver takes a burst and pauses: by then the sender is about to wait
/// for room, or does.
fn a_sender_that_has_filled_the_channel_is_woken<C: Threaded>() {
    on_each_side("dense, the sender waits", |pulse, side| {
        let (tx, mut rx) = C::channel(64);
        let all: u64 = bursts().sum();
        let sender = thread::spawn(move || produce::<C>(side, tx, 0..all));
        let mut next = 0;
        for burst in bursts() {
            for _ in 0..burst {
                let n = loop {
                    match C::try_recv(&mut rx) {
                        Ok(n) => break n,
                        Err(TryRecvError::Empty) => thread::yield_now(),
                        Err(TryRecvError::Disconnected) => panic!("it ended before {next}"),
                    }
                };
                assert_eq!(n, next, "{side:?}");
                next += 1;
            }
            pulse.beat();
            (0..burst * 8).for_each(|_| spin_loop());
        }
        sender.join().unwrap();
        assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Disconnected));
    });
}

/// A burst that makes the channel dense; then a send and a receive that is about
/// to wait begin at the same moment, give or take some nanoseconds. The
/// receive has the message or has been woken by the time that the send has
/// returned: that is judged then, so nothing else can wake it.
fn one_wait_against_one_send_after_each_burst<C: Threaded>() {
    one_wait_against_one_send::<C>(Duration::from_millis(scaled(20) as u64));
}

/// For long, and with both cores to itself: without the heavy fence of the
/// receiver some wakes in ten thousand are lost.
#[test]
#[ignore = "stress"]
fn stress_one_wait_against_one_send() {
    let time = Duration::from_millis(scaled(200) as u64);
    one_wait_against_one_send::<Typed<Spsc>>(time);
    one_wait_against_one_send::<Typed<Mpsc>>(time);
    one_wait_against_one_send::<Bytes<Spsc>>(time);
    one_wait_against_one_send::<Bytes<Mpsc>>(time);
}

fn one_wait_against_one_send<C: Threaded>(time: Duration) {
    without_stall("dense, one wait", Duration::from_secs(10), |pulse| {
        let (mut tx, mut rx) = C::channel(64);
        // Odd: the burst of that round may begin. Even: so may its last send.
        let step = Arc::new(AtomicU64::new(0));
        let sent = Arc::new(AtomicU64::new(0));
        let (steps, says) = (step.clone(), sent.clone());
        let sender = thread::spawn(move || {
            let mut round = 0;
            loop {
                let begins = wait_for(&steps, 2 * round + 1);
                if begins == u64::MAX {
                    return;
                }
                for n in 0..BURST {
                    while C::try_send(&mut tx, n) == Err(Refused::Full) {
                        spin_loop();
                    }
                }
                wait_for(&steps, 2 * round + 2);
                (0..round % 127).for_each(|_| spin_loop());
                C::try_send(&mut tx, BURST).unwrap();
                round += 1;
                says.store(round, Ordering::Release);
            }
        });
        let begin = Instant::now();
        let mut round = 0;
        while begin.elapsed() < time {
            step.store(2 * round + 1, Ordering::Release);
            let mut next = 0;
            while next < BURST {
                match C::try_recv(&mut rx) {
                    Ok(n) => {
                        assert_eq!(n, next);
                        next += 1;
                    }
                    Err(_) => spin_loop(),
                }
            }
            let mut recv = Hand::new(C::recv(&mut rx));
            step.store(2 * round + 2, Ordering::Release);
            (0..round % 101).for_each(|_| spin_loop());
            let poll = recv.poll();
            round += 1;
            wait_for(&sent, round);
            if poll.is_pending() {
                assert!(recv.wakes() > 0, "a wake was lost in round {round}");
                assert_eq!(recv.ready(), Ok(BURST));
            }
            pulse.beat();
        }
        step.store(u64::MAX, Ordering::Release);
        sender.join().unwrap();
    });
}

/// More than a stream has to have to be called dense.
const BURST: u64 = 1100;

/// Until `word` is at least `value`; what it is.
fn wait_for(word: &AtomicU64, value: u64) -> u64 {
    let mut looks = 0_u32;
    loop {
        let now = word.load(Ordering::Acquire);
        if now >= value {
            return now;
        }
        looks += 1;
        if looks.is_multiple_of(4096) {
            thread::yield_now();
        }
        spin_loop();
    }
}

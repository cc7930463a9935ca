//! Streams that are dense for a while, and then pause. Where messages are dense
//! neither side fences, and whoever begins to wait fences for the other: a wake
//! that is lost then is a stall.

use crate::channel_kinds::{Refused, Threaded};
use crate::channel_macros::on_threaded_kinds;
use crate::channel_sides::{Pulse, Side, without_stall};
use crate::watchdog::scaled;
use nexus_async_rt::channel::TryRecvError;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

on_threaded_kinds! { dense:
    a_receiver_that_has_caught_up_is_woken
    a_sender_that_has_filled_the_channel_is_woken
}

/// Enough in a row to be called dense, and some that are not.
const BURSTS: [u64; 4] = [4000, 1, 1500, 3];

const SIDES: [Side; 4] = [Side::Parked, Side::Busy, Side::Thread, Side::AsyncExecutor];

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
            side.consume::<C>(rx, move |n| {
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
        let sender = thread::spawn(move || side.produce::<C>(tx, 0..all));
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

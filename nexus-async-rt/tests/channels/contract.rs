//! What every kind promises, checked on one thread with futures polled by hand.

#[cfg(feature = "rt")]
use crate::kinds::Threaded;
use crate::kinds::{Channel, FanIn, Refused, Snapshot, fill};
#[cfg(feature = "rt")]
use crate::macros::on_threaded_kinds;
use crate::macros::{on_every_kind, on_fan_in_kinds};
#[cfg(feature = "rt")]
use crate::support::with_runtime;
use nexus_async_rt::channel::{
    ClaimError, RecvError, SendError, TryClaimError, TryRecvError, TrySendError,
};
use nexus_testkit::hand::Hand;
use nexus_testkit::panic_of;
use std::error::Error;

on_every_kind! { every:
    order_is_kept_over_many_laps
    a_full_channel_refuses_until_a_receive
    a_send_waits_for_room
    a_receive_waits_for_a_message
    the_end_comes_after_the_last_message
    the_last_sender_wakes_a_waiting_receive
    a_dropped_receiver_fails_waiting_and_later_sends
    a_close_fails_waiting_and_later_sends_and_keeps_what_was_accepted
    after_the_end_never_a_message
    snapshots_tell_the_truth
    futures_never_polled_do_nothing
    a_future_polled_again_panics
    a_capacity_of_zero_panics
    no_waker_stays_behind
    a_future_can_be_woken_by_its_last_waker_alone
    handles_print_themselves
}

on_fan_in_kinds! { fan_in:
    the_end_comes_after_the_last_clone
    each_producer_keeps_its_order
    close_reaches_every_waiting_sender
}

#[cfg(feature = "rt")]
on_threaded_kinds! { blocking:
    inside_a_runtime_it_panics
}

fn order_is_kept_over_many_laps<C: Channel>() {
    for messages in [1, 2, 3, 5, 8, 9] {
        let (mut tx, mut rx) = C::channel(messages);
        let (mut sent, mut received) = (0, 0);
        for burst in (1..=messages as u64).cycle().take(50) {
            for _ in 0..burst {
                if C::try_send(&mut tx, sent).is_ok() {
                    sent += 1;
                }
            }
            for _ in 0..burst {
                if let Ok(n) = C::try_recv(&mut rx) {
                    assert_eq!(n, received);
                    received += 1;
                }
            }
        }
        while let Ok(n) = C::try_recv(&mut rx) {
            assert_eq!(n, received);
            received += 1;
        }
        assert_eq!(sent, received);
        assert!(sent >= 50);
    }
}

fn a_full_channel_refuses_until_a_receive<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    for _ in 0..3 {
        assert_eq!(fill::<C>(&mut tx), C::LEAST as u64);
        assert_eq!(C::try_recv(&mut rx), Ok(0));
        assert_eq!(C::try_send(&mut tx, 77), Ok(()));
        assert_eq!(C::try_send(&mut tx, 78), Err(Refused::Full));
        for n in (1..C::LEAST as u64).chain([77]) {
            assert_eq!(C::try_recv(&mut rx), Ok(n));
        }
        assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Empty));
    }
}

fn a_send_waits_for_room<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 99));
    send.pending();
    send.pending();
    assert_eq!((send.wakes(), send.wakers_left()), (0, 1));
    assert_eq!(C::try_recv(&mut rx), Ok(0));
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Ok(()));
    drop(send);
    for n in (1..C::LEAST as u64).chain([99]) {
        assert_eq!(C::try_recv(&mut rx), Ok(n));
    }
}

fn a_receive_waits_for_a_message<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    recv.pending();
    assert_eq!((recv.wakes(), recv.wakers_left()), (0, 1));
    let mut send = Hand::new(C::send(&mut tx, 5));
    assert_eq!(send.ready(), Ok(()));
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Ok(5));
}

fn the_end_comes_after_the_last_message<C: Channel>() {
    let (mut tx, mut rx) = C::channel(3);
    for n in 0..3 {
        assert_eq!(C::try_send(&mut tx, n), Ok(()));
    }
    drop(tx);
    assert!(C::receiver_says(&rx).disconnected);
    assert_eq!(Hand::new(C::recv(&mut rx)).ready(), Ok(0));
    assert_eq!(C::try_recv(&mut rx), Ok(1));
    assert_eq!(Hand::new(C::recv(&mut rx)).ready(), Ok(2));
    for _ in 0..2 {
        assert_eq!(Hand::new(C::recv(&mut rx)).ready(), Err(RecvError));
        assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Disconnected));
    }
}

fn the_last_sender_wakes_a_waiting_receive<C: Channel>() {
    let (tx, mut rx) = C::channel(1);
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    drop(tx);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Err(RecvError));
}

fn a_dropped_receiver_fails_waiting_and_later_sends<C: Channel>() {
    let (mut tx, rx) = C::channel(1);
    fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 9));
    send.pending();
    drop(rx);
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Err(Refused::Gone));
    drop(send);
    assert!(C::sender_says(&tx).disconnected);
    assert_eq!(C::try_send(&mut tx, 9), Err(Refused::Gone));
    assert_eq!(Hand::new(C::send(&mut tx, 9)).ready(), Err(Refused::Gone));
}

fn a_close_fails_waiting_and_later_sends_and_keeps_what_was_accepted<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let accepted = fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 9));
    send.pending();
    C::close(&rx);
    C::close(&rx);
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Err(Refused::Gone));
    drop(send);
    assert_eq!(C::try_send(&mut tx, 9), Err(Refused::Gone));
    assert!(C::sender_says(&tx).disconnected && C::receiver_says(&rx).disconnected);
    for n in 0..accepted {
        assert_eq!(Hand::new(C::recv(&mut rx)).ready(), Ok(n));
    }
    // The sender is still there: the close alone ends it.
    assert_eq!(Hand::new(C::recv(&mut rx)).ready(), Err(RecvError));
    drop(tx);
    assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Disconnected));
}

fn after_the_end_never_a_message<C: Channel>() {
    let (mut tx, mut rx) = C::channel(2);
    C::close(&rx);
    assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Disconnected));
    assert_eq!(C::try_send(&mut tx, 1), Err(Refused::Gone));
    assert_eq!(Hand::new(C::recv(&mut rx)).ready(), Err(RecvError));
    assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Disconnected));
}

fn snapshots_tell_the_truth<C: Channel>() {
    let (mut tx, mut rx) = C::channel(8);
    let says = |len: usize| Snapshot {
        capacity: 8 * C::UNIT,
        len: len * C::UNIT,
        empty: len == 0,
        full: len == 8,
        disconnected: false,
    };
    for len in 0..8 {
        assert_eq!(C::sender_says(&tx), says(len));
        assert_eq!(C::receiver_says(&rx), says(len));
        C::try_send(&mut tx, 0).unwrap();
    }
    for len in (1..=8).rev() {
        assert_eq!(C::sender_says(&tx), says(len));
        assert_eq!(C::receiver_says(&rx), says(len));
        C::try_recv(&mut rx).unwrap();
    }
    drop(rx);
    assert!(C::sender_says(&tx).disconnected);
}

fn futures_never_polled_do_nothing<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    drop(C::send(&mut tx, 1));
    drop(C::recv(&mut rx));
    assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Empty));
    fill::<C>(&mut tx);
    drop(C::send(&mut tx, 1));
    assert_eq!(C::try_recv(&mut rx), Ok(0));
}

fn a_future_polled_again_panics<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let mut send = Hand::new(C::send(&mut tx, 1));
    assert_eq!(send.ready(), Ok(()));
    panic_of(|| send.poll());
    drop(send);
    let mut recv = Hand::new(C::recv(&mut rx));
    assert_eq!(recv.ready(), Ok(1));
    panic_of(|| recv.poll());
    drop(recv);
    assert_eq!(C::try_send(&mut tx, 2), Ok(()));
    assert_eq!(C::try_recv(&mut rx), Ok(2));
}

fn a_capacity_of_zero_panics<C: Channel>() {
    let message = panic_of(|| C::channel(0));
    assert!(message.contains("got 0"), "{message}");
}

fn no_waker_stays_behind<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    assert_eq!(recv.wakers_left(), 1);
    recv.cancel();
    assert_eq!(recv.wakers_left(), 0, "a receive that was dropped");
    drop(recv);
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    assert_eq!(C::try_send(&mut tx, 1), Ok(()));
    assert_eq!(recv.ready(), Ok(1));
    assert_eq!(recv.wakers_left(), 0, "a receive that completed");
    drop(recv);

    fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 9));
    send.pending();
    assert_eq!(send.wakers_left(), 1);
    send.cancel();
    assert_eq!(send.wakers_left(), 0, "a send that was dropped");
    drop(send);
    let mut send = Hand::new(C::send(&mut tx, 9));
    send.pending();
    C::try_recv(&mut rx).unwrap();
    assert_eq!(send.ready(), Ok(()));
    assert_eq!(send.wakers_left(), 0, "a send that completed");
    drop(send);
    let mut send = Hand::new(C::send(&mut tx, 9));
    send.pending();
    drop(rx);
    assert_eq!(send.ready(), Err(Refused::Gone));
    assert_eq!(send.wakers_left(), 0, "a send that failed");
}

/// Each poll brings another waker: the last one is woken, the others are let go.
fn a_future_can_be_woken_by_its_last_waker_alone<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let others = [(); 3].map(|()| Hand::new(async {}));
    let mut recv = Hand::new(C::recv(&mut rx));
    for other in &others {
        assert!(recv.poll_with(&other.waker()).is_pending());
    }
    let holds = others.each_ref().map(Hand::wakers_left);
    assert_eq!(holds, [0, 0, 1]);
    C::try_send(&mut tx, 1).unwrap();
    assert_eq!(others.each_ref().map(Hand::wakes), [0, 0, 1]);
    assert_eq!(recv.ready(), Ok(1));
    drop(recv);

    fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 2));
    for other in &others {
        assert!(send.poll_with(&other.waker()).is_pending());
    }
    let holds = others.each_ref().map(Hand::wakers_left);
    assert_eq!(holds, [0, 0, 1]);
    C::try_recv(&mut rx).unwrap();
    assert_eq!(others.each_ref().map(Hand::wakes), [0, 0, 2]);
    assert_eq!(send.ready(), Ok(()));
}

fn handles_print_themselves<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    C::try_send(&mut tx, 1).unwrap();
    let (sender, receiver) = (format!("{tx:?}"), format!("{rx:?}"));
    assert!(
        sender.contains("Sender") && sender.contains("capacity"),
        "{sender}"
    );
    assert!(receiver.contains("Receiver"), "{receiver}");
    C::try_recv(&mut rx).unwrap();
}

#[cfg(feature = "rt")]
fn inside_a_runtime_it_panics<C: Threaded>() {
    let (mut tx, mut rx) = C::channel(1);
    with_runtime(|rt| {
        rt.block_on(async {
            let message = panic_of(|| C::blocking_send(&mut tx, 1));
            assert!(message.contains("would stop the runtime"), "{message}");
            let message = panic_of(|| C::blocking_recv(&mut rx));
            assert!(message.contains("`blocking_recv`"), "{message}");
        });
    });
    // Between the runs it may.
    assert_eq!(C::blocking_send(&mut tx, 1), Ok(()));
    assert_eq!(C::blocking_recv(&mut rx), Ok(1));
}

fn the_end_comes_after_the_last_clone<C: FanIn>() {
    let (tx, mut rx) = C::channel(2);
    let mut other = tx.clone();
    drop(tx);
    assert_eq!(C::try_recv(&mut rx), Err(TryRecvError::Empty));
    C::try_send(&mut other, 3).unwrap();
    let third = other.clone();
    drop(other);
    assert_eq!(C::try_recv(&mut rx), Ok(3));
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    drop(third);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Err(RecvError));
}

fn each_producer_keeps_its_order<C: FanIn>() {
    let (tx, mut rx) = C::channel(3);
    let mut producers = [tx.clone(), tx.clone(), tx];
    let (mut next, mut seen) = ([0; 3], [0; 3]);
    for step in 0..300 {
        let producer = step * 7 % 3;
        let n = producer as u64 * 1000 + next[producer];
        if C::try_send(&mut producers[producer], n).is_ok() {
            next[producer] += 1;
        }
        if step % 2 == 0
            && let Ok(n) = C::try_recv(&mut rx)
        {
            let producer = (n / 1000) as usize;
            assert_eq!(n % 1000, seen[producer]);
            seen[producer] += 1;
        }
    }
    assert!(seen.iter().all(|seen| *seen > 10));
}

fn close_reaches_every_waiting_sender<C: FanIn>() {
    let (mut tx, rx) = C::channel(1);
    fill::<C>(&mut tx);
    let mut senders = [tx.clone(), tx.clone(), tx];
    let mut sends = senders.each_mut().map(|tx| Hand::new(C::send(tx, 5)));
    for send in &mut sends {
        send.pending();
    }
    C::close(&rx);
    for send in &mut sends {
        assert_eq!(send.wakes(), 1);
        assert_eq!(send.ready(), Err(Refused::Gone));
    }
}

/// A payload that implements nothing.
struct Opaque;

#[test]
fn errors_print_themselves_whatever_the_payload() {
    fn says(error: &dyn Error) -> (String, String) {
        (error.to_string(), format!("{error:?}"))
    }
    let gone = "the receiver is gone or has closed";
    let full = "the channel is full";
    let over = "the channel is empty and disconnected";
    let too_long = "a message of 9 bytes is longer than the channel's limit of 8";
    let zero = "a message of 0 bytes cannot be sent";
    let (len, max) = (9, 8);
    for (error, display, debug) in [
        (&SendError(Opaque) as &dyn Error, gone, "SendError"),
        (&TrySendError::Full(Opaque), full, "Full"),
        (&TrySendError::Disconnected(Opaque), gone, "Disconnected"),
        (&RecvError, over, "RecvError"),
        (&TryRecvError::Empty, "the channel is empty", "Empty"),
        (&TryRecvError::Disconnected, over, "Disconnected"),
        (&ClaimError::ZeroLength, zero, "ZeroLength"),
        (&ClaimError::TooLong { len, max }, too_long, "TooLong"),
        (&ClaimError::Disconnected, gone, "Disconnected"),
        (&TryClaimError::ZeroLength, zero, "ZeroLength"),
        (&TryClaimError::TooLong { len, max }, too_long, "TooLong"),
        (&TryClaimError::Full, full, "Full"),
        (&TryClaimError::Disconnected, gone, "Disconnected"),
    ] {
        let (displayed, debugged) = says(error);
        assert_eq!(displayed, display);
        assert!(debugged.contains(debug), "{debugged}");
    }
}

#[test]
fn errors_give_the_value_back() {
    assert_eq!(SendError("kept").into_inner(), "kept");
    let full = TrySendError::Full(1);
    assert!(full.is_full() && !full.is_disconnected());
    assert_eq!(full.into_inner(), 1);
    let gone = TrySendError::Disconnected(2);
    assert!(!gone.is_full() && gone.is_disconnected());
    assert_eq!(gone.into_inner(), 2);
    assert!(TryRecvError::Empty.is_empty() && !TryRecvError::Empty.is_disconnected());
    assert!(TryClaimError::Full.is_full() && TryClaimError::Disconnected.is_disconnected());
    let long = ClaimError::TooLong { len: 9, max: 8 };
    assert_eq!(
        TryClaimError::from(long),
        TryClaimError::TooLong { len: 9, max: 8 }
    );
}

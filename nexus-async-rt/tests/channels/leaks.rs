//! Futures that were polled and are never dropped: they delay the others on their
//! side until the other side's next operation, and no longer.

use crate::kinds::{Channel, TypedKind, fill};
use crate::macros::{on_every_kind, on_typed_kinds};
use nexus_async_rt::channel::{RecvError, mpsc_bytes};
use nexus_testkit::hand::Hand;
use std::task::Poll;

on_every_kind! { every:
    a_leaked_receive_keeps_no_message_from_the_next
    a_leaked_send_delays_another_until_the_next_operation
    leaked_sends_in_a_row_do_not_hold_up_a_receiver_that_waits
    a_newcomer_gives_way_to_a_leaked_send_for_a_limited_time
    a_receive_that_is_polled_once_notifies_past_a_leaked_send
    a_receive_gives_a_notified_send_time_to_come
}

on_typed_kinds! { typed:
    every_receive_of_a_handle_is_woken
}

fn leak<F: Future>(future: F) {
    let mut leaked = Hand::new(future);
    leaked.pending();
    leaked.leak();
}

fn a_leaked_receive_keeps_no_message_from_the_next<C: Channel>() {
    let (mut tx, mut rx) = C::channel(8);
    leak(C::recv(&mut rx));
    for n in 0..4 {
        let mut recv = Hand::new(C::recv(&mut rx));
        recv.pending();
        C::try_send(&mut tx, n).unwrap();
        assert_eq!(recv.wakes(), 1);
        assert_eq!(recv.ready(), Ok(n));
    }
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    drop(tx);
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Err(RecvError));
}

/// The first receive notifies the leaked send. The second, which may find nothing,
/// notifies the one behind it.
fn a_leaked_send_delays_another_until_the_next_operation<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    for n in 0..3 {
        fill::<C>(&mut tx);
        leak(C::send(&mut tx, 100));
        let mut send = Hand::new(C::send(&mut tx, n));
        send.pending();
        C::try_recv(&mut rx).unwrap();
        let _ = C::try_recv(&mut rx);
        assert!(send.wakes() > 0, "there is room, and it sleeps");
        assert_eq!(send.ready(), Ok(()));
        drop(send);
        while C::try_recv(&mut rx).is_ok() {}
    }
}

/// A receiver that waits performs no other operation: it goes on until one is
/// notified that is still there.
fn leaked_sends_in_a_row_do_not_hold_up_a_receiver_that_waits<C: Channel>() {
    const LEAKED: usize = 5;
    let (mut tx, mut rx) = C::channel(1);
    fill::<C>(&mut tx);
    for _ in 0..LEAKED {
        leak(C::send(&mut tx, 100));
    }
    let mut send = Hand::new(C::send(&mut tx, 7));
    send.pending();
    while C::try_recv(&mut rx).is_ok() {}
    let mut recv = Hand::new(C::recv(&mut rx));
    for _ in 0..=LEAKED {
        let wakes = recv.wakes();
        recv.pending();
        if send.wakes() > 0 {
            break;
        }
        assert!(recv.wakes() > wakes, "both sides sleep");
    }
    assert_eq!(send.ready(), Ok(()));
    assert_eq!(recv.ready(), Ok(7));
}

fn a_newcomer_gives_way_to_a_leaked_send_for_a_limited_time<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    fill::<C>(&mut tx);
    leak(C::send(&mut tx, 100));
    // The leaked one has its turn.
    C::try_recv(&mut rx).unwrap();
    let mut send = Hand::new(C::send(&mut tx, 7));
    let polls = (0..2000).find(|_| {
        let wakes = send.wakes();
        let poll = send.poll();
        assert!(
            poll.is_ready() || send.wakes() > wakes,
            "it sleeps beside room"
        );
        poll == Poll::Ready(Ok(()))
    });
    assert!(polls.is_some(), "it gives way for ever");
}

/// A program that tries its receives once and drops them.
fn a_receive_that_is_polled_once_notifies_past_a_leaked_send<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    fill::<C>(&mut tx);
    leak(C::send(&mut tx, 100));
    let mut send = Hand::new(C::send(&mut tx, 7));
    send.pending();
    while Hand::new(C::recv(&mut rx)).poll().is_ready() {}
    assert!(send.wakes() > 0, "there is room, and it sleeps");
    assert_eq!(send.ready(), Ok(()));
}

/// Senders that nobody leaked are not woken for room that one of them has been
/// notified of.
fn a_receive_gives_a_notified_send_time_to_come<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let count = fill::<C>(&mut tx);
    leak(C::send(&mut tx, 100));
    let mut send = Hand::new(C::send(&mut tx, 7));
    send.pending();
    for _ in 0..count {
        assert!(Hand::new(C::recv(&mut rx)).poll().is_ready());
        if send.wakes() > 0 {
            return;
        }
    }
    let mut recv = Hand::new(C::recv(&mut rx));
    recv.pending();
    assert_eq!(send.wakes(), 0, "the first has been notified just now");
    assert_eq!(recv.wakes(), 1, "both sides sleep");
    recv.pending();
    assert_eq!(send.wakes(), 1);
}

fn every_receive_of_a_handle_is_woken<K: TypedKind>() {
    let (tx, rx) = K::channel(4);
    let mut recvs = [(); 4].map(|()| Hand::new(rx.recv()));
    recvs.iter_mut().for_each(Hand::pending);
    tx.try_send(1).unwrap();
    assert_eq!(recvs.each_ref().map(Hand::wakes), [1; 4]);
    assert_eq!(recvs[2].ready(), Ok(1));
    recvs[3].pending();
    drop(tx);
    assert_eq!(recvs[3].ready(), Err(RecvError));
    assert_eq!(recvs[0].ready(), Err(RecvError));
}

/// Claims wait for more room than there is, behind one that stays open. Nobody is
/// leaked: woken to no avail, each goes back to sleep, and so does the receiver.
#[test]
fn claims_that_do_not_fit_and_a_receiver_do_not_keep_each_other_awake() {
    fn again<F: Future>(hand: &mut Hand<F>, seen: &mut usize) -> bool {
        let woken = hand.wakes() > *seen;
        *seen = hand.wakes();
        if woken {
            hand.pending();
        }
        woken
    }
    let (mut first, mut rx) = mpsc_bytes::channel(64);
    let mut second = first.clone();
    let mut others = [(); 5].map(|()| first.clone());
    let open = [&mut first, &mut second].map(|tx| tx.try_claim(24).unwrap());
    let mut claims = others.each_mut().map(|tx| (Hand::new(tx.claim(24)), 0));
    claims.iter_mut().for_each(|(claim, _)| claim.pending());
    let (mut recv, mut seen) = (Hand::new(rx.recv()), 0);
    recv.pending();
    let sleeps = (0..100).any(|_| {
        let woken = claims
            .iter_mut()
            .filter_map(|(claim, seen)| again(claim, seen).then_some(()))
            .count();
        !again(&mut recv, &mut seen) && woken == 0
    });
    assert!(sleeps, "they wake each other for ever");
    drop(open);
    assert!(recv.wakes() > seen, "space is given up, and it sleeps");
    recv.pending();
    assert!(claims[0].0.wakes() > claims[0].1);
    drop(claims[0].0.ready().unwrap());
}

/// A claim that waits for more room than there is, while others are open, has been
/// told so: neither it nor the receiver is woken again for the same room.
#[test]
fn a_claim_that_finds_too_little_room_is_left_alone() {
    let (mut tx, mut rx) = mpsc_bytes::channel(128);
    let (mut second, mut third) = (tx.clone(), tx.clone());
    let [open, other] = [&mut tx, &mut second].map(|tx| tx.try_claim(56).unwrap());
    let mut claim = Hand::new(third.claim(56));
    claim.pending();
    let mut recv = Hand::new(rx.recv());
    recv.pending();
    let mut wakes = 0;
    for _ in 0..10 {
        if claim.wakes() > wakes {
            wakes = claim.wakes();
            claim.pending();
        }
        recv.pending();
    }
    assert!(claim.wakes() <= 1, "woken {} times", claim.wakes());
    assert!(recv.wakes() <= 1, "woken {} times", recv.wakes());
    drop(open);
    // It skips what was given up.
    recv.pending();
    assert!(claim.wakes() > wakes, "there is room now");
    drop(claim.ready().unwrap());
    other.commit();
    assert_eq!(recv.ready().unwrap().len(), 56);
}

//! What the byte kinds promise beyond the rest: lengths, claims, aborts,
//! forgotten claims, and the bytes themselves.

use crate::kinds::ByteKind;
use crate::macros::on_byte_kinds;
use nexus_async_rt::channel::{
    ByteReceiver, ByteSender, ClaimError, Mpsc, RecvError, TryClaimError, TryRecvError, mpsc_bytes,
};
use nexus_testkit::hand::Hand;
use nexus_testkit::panic_of;

on_byte_kinds! { bytes:
    capacity_is_rounded_up_and_the_longest_message_is_three_eighths_of_it
    u14_u41_no_length_beyond_the_limit_is_ever_placed
    u40_every_legal_length_is_placed_at_every_offset
    a_waiting_claim_is_served_once_the_reader_has_drained
    u15_a_claim_that_was_handed_out_is_not_handed_out_again
    u42_a_ring_full_of_aborts_is_an_empty_ring
    u42_an_abort_in_a_full_ring_lets_the_next_claim_pass
    u43_an_aborted_claim_hides_nothing_behind_it
    u44_a_forgotten_claim_is_resolved_by_the_next_or_by_the_drop
    a_forgotten_message_is_released_by_the_next_receive
    u67_claims_fail_and_receives_end_once_the_other_side_is_gone
    u68_a_length_of_zero_is_refused_at_once
    a_shortened_commit_publishes_its_first_bytes
    a_commit_of_more_than_was_claimed_panics_and_aborts
    messages_start_aligned_and_arrive_as_they_were_written
    a_claim_that_is_dropped_while_it_waits_claimed_nothing
}

/// The lengths of everything that is received until the channel is empty.
fn drain<K: ByteKind>(rx: &mut ByteReceiver<K>) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Ok(message) = rx.try_recv() {
        lengths.push(message.len());
    }
    lengths
}

/// Sends messages of 8 bytes until there is no room.
fn fill<K: ByteKind>(tx: &mut ByteSender<K>) -> usize {
    (0..)
        .take_while(|n: &u64| tx.try_send(&n.to_le_bytes()).is_ok())
        .count()
}

fn capacity_is_rounded_up_and_the_longest_message_is_three_eighths_of_it<K: ByteKind>() {
    for (asked, given) in [
        (1, 64),
        (63, 64),
        (64, 64),
        (65, 128),
        (1000, 1024),
        (5000, 8192),
    ] {
        let (tx, rx) = K::channel(asked);
        assert_eq!((tx.capacity(), rx.capacity()), (given, given));
        let max = tx.max_message_len();
        assert_eq!(max, rx.max_message_len());
        assert!(max >= given * 3 / 8 && max < given / 2, "{max} of {given}");
    }
    assert!(panic_of(|| K::channel(0)).contains("got 0"));
    assert!(panic_of(|| K::channel(usize::MAX)).contains("limit"));
}

fn u14_u41_no_length_beyond_the_limit_is_ever_placed<K: ByteKind>() {
    for capacity in [64, 128, 4096] {
        let (mut tx, mut rx) = K::channel(capacity);
        let max = tx.max_message_len();
        let beyond = (max + 1..=capacity + 9).chain(usize::MAX - 9..=usize::MAX);
        for len in beyond {
            let refused = ClaimError::TooLong { len, max };
            assert_eq!(tx.try_claim(len).err(), Some(refused.into()));
            let mut claim = Hand::new(tx.claim(len));
            assert_eq!(claim.ready().err(), Some(refused));
            drop(claim);
            assert_eq!(tx.blocking_claim(len).err(), Some(refused));
        }
        // At once, also when there is no room.
        fill(&mut tx);
        let len = max + 1;
        let message = vec![0; len];
        let mut send = Hand::new(tx.send(&message));
        assert_eq!(send.ready(), Err(ClaimError::TooLong { len, max }));
        drop(send);
        drain(&mut rx);
        assert_eq!(tx.try_send(&vec![1; max]), Ok(()));
        assert_eq!(drain(&mut rx), [max]);
    }
}

fn u40_every_legal_length_is_placed_at_every_offset<K: ByteKind>() {
    for capacity in [64, 128, 256] {
        let (mut tx, mut rx) = K::channel(capacity);
        let max = tx.max_message_len();
        for offset in 0..capacity / 8 {
            for len in 1..=max {
                // Moves on by one granule, then by the length.
                for _ in 0..offset {
                    assert_eq!(tx.try_send(&[1]), Ok(()));
                    assert_eq!(drain(&mut rx), [1]);
                }
                let mut claim = Hand::new(tx.claim(len));
                claim.ready().expect("an empty ring places it").commit();
                drop(claim);
                assert_eq!(drain(&mut rx), [len]);
            }
        }
    }
}

fn a_waiting_claim_is_served_once_the_reader_has_drained<K: ByteKind>() {
    for capacity in [64, 128] {
        for filled in 0..capacity / 8 {
            let (mut tx, mut rx) = K::channel(capacity);
            for _ in 0..filled {
                tx.try_send(&[0; 8]).unwrap();
                drain(&mut rx);
            }
            let count = fill(&mut tx);
            let len = tx.max_message_len();
            let mut claim = Hand::new(tx.claim(len));
            claim.pending();
            let mut polls = 0;
            while rx.try_recv().is_ok() {
                if claim.wakes() > polls {
                    polls = claim.wakes();
                    if let std::task::Poll::Ready(granted) = claim.poll() {
                        granted.unwrap().commit();
                        break;
                    }
                }
            }
            assert!(polls > 0 && polls <= count);
            drop(claim);
            assert_eq!(drain(&mut rx).last(), Some(&len));
        }
    }
}

fn u15_a_claim_that_was_handed_out_is_not_handed_out_again<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    let mut claim = Hand::new(tx.claim(8));
    let mut first = claim.ready().unwrap();
    first.fill(1);
    panic_of(|| claim.poll().map(|again| again.unwrap().fill(2)));
    assert_eq!(*first, [1; 8]);
    first.commit();
    drop(claim);
    let mut recv = Hand::new(rx.recv());
    let message = recv.ready().unwrap();
    panic_of(|| recv.poll().map(drop));
    assert_eq!(*message, [1; 8]);
    drop(message);
    drop(recv);
    assert!(drain(&mut rx).is_empty());
}

fn u42_a_ring_full_of_aborts_is_an_empty_ring<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    let mut recv = Hand::new(rx.recv());
    recv.pending();
    // Aborts alone; the receiver is told and frees the space.
    for _ in 0..20 {
        let woken = recv.wakes();
        let mut aborted = 0;
        while let Ok(claim) = tx.try_claim(8) {
            drop(claim);
            aborted += 1;
        }
        assert!(
            aborted > 0,
            "the space of aborted claims does not come back"
        );
        assert!(recv.wakes() > woken, "both sides sleep");
        recv.pending();
    }
    let mut send = Hand::new(tx.send(&[7; 8]));
    assert_eq!(send.ready(), Ok(()));
    assert_eq!(recv.ready().map(|message| message.to_vec()), Ok(vec![7; 8]));
}

fn u42_an_abort_in_a_full_ring_lets_the_next_claim_pass<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    while tx.try_claim(8).map(drop).is_ok() {}
    let mut claim = Hand::new(tx.claim(24));
    claim.pending();
    assert_eq!(rx.try_recv().err(), Some(TryRecvError::Empty));
    assert!(
        claim.wakes() > 0,
        "the space of the aborts was freed silently"
    );
    claim.ready().unwrap().commit();
    drop(claim);
    assert_eq!(drain(&mut rx), [24]);
}

fn u43_an_aborted_claim_hides_nothing_behind_it<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    for _ in 0..20 {
        drop(tx.try_claim(8).unwrap());
        tx.try_send(&[5; 9]).unwrap();
        drop(tx.try_claim(16).unwrap());
        let mut recv = Hand::new(rx.recv());
        assert_eq!(recv.ready().map(|message| message.to_vec()), Ok(vec![5; 9]));
        drop(recv);
        assert_eq!(rx.try_recv().err(), Some(TryRecvError::Empty));
    }
}

fn u44_a_forgotten_claim_is_resolved_by_the_next_or_by_the_drop<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    for _ in 0..20 {
        std::mem::forget(tx.try_claim(16).unwrap());
        assert_eq!(rx.try_recv().err(), Some(TryRecvError::Empty));
        let mut send = Hand::new(tx.send(&[3; 8]));
        assert_eq!(send.ready(), Ok(()));
        drop(send);
        assert_eq!(drain(&mut rx), [8]);
        // The future of a claim resolves it, too, and may be dropped unpolled.
        std::mem::forget(tx.try_claim(16).unwrap());
        drop(tx.claim(8));
        assert_eq!((drain(&mut rx), rx.len()), (vec![], 0));
    }
    tx.try_send(&[4; 4]).unwrap();
    std::mem::forget(tx.try_claim(8).unwrap());
    drop(tx);
    assert_eq!(
        rx.try_recv().map(|message| message.to_vec()),
        Ok(vec![4; 4])
    );
    assert_eq!(Hand::new(rx.recv()).ready().err(), Some(RecvError));
}

#[test]
fn u44_behind_a_forgotten_claim_nothing_is_lost_and_nothing_ends() {
    let (mut first, mut rx) = mpsc_bytes::channel(128);
    let mut second = first.clone();
    std::mem::forget(first.try_claim(16).unwrap());
    second.try_send(&[1; 8]).unwrap();
    let mut recv = Hand::new(rx.recv());
    recv.pending();
    drop(second);
    recv.pending();
    drop(first);
    assert!(recv.wakes() > 0);
    assert_eq!(recv.ready().map(|message| message.to_vec()), Ok(vec![1; 8]));
}

#[test]
fn a_slow_claimer_holds_back_later_messages_and_loses_none() {
    let (mut slow, mut rx) = mpsc_bytes::channel(128);
    let mut fast = slow.clone();
    let mut claim = slow.try_claim(8).unwrap();
    for n in 2..6 {
        fast.try_send(&[n; 8]).unwrap();
    }
    let mut recv = Hand::new(rx.recv());
    recv.pending();
    claim.fill(1);
    claim.commit();
    assert!(recv.wakes() > 0);
    assert_eq!(recv.ready().map(|message| message[0]), Ok(1));
    drop(recv);
    for n in 2..6 {
        assert_eq!(rx.try_recv().map(|message| message[0]), Ok(n));
    }
}

/// What was accepted before the close is received, though a claim in front of
/// it is still open.
#[test]
fn a_close_waits_for_claims_that_are_open() {
    for commits in [false, true] {
        let (mut slow, mut rx) = mpsc_bytes::channel(128);
        let mut fast = slow.clone();
        let claim = slow.try_claim(8).unwrap();
        fast.try_send(&[2; 9]).unwrap();
        rx.close();
        assert_eq!(fast.try_send(&[3]), Err(TryClaimError::Disconnected));
        assert_eq!(rx.try_recv().err(), Some(TryRecvError::Empty));
        let mut recv = Hand::new(rx.recv());
        recv.pending();
        if commits {
            claim.commit();
        } else {
            drop(claim);
        }
        assert!(recv.wakes() > 0);
        let first = recv.ready().map(|message| message.len());
        drop(recv);
        if commits {
            assert_eq!(first, Ok(8));
            assert_eq!(drain(&mut rx), [9]);
        } else {
            assert_eq!(first, Ok(9));
        }
        assert_eq!(Hand::new(rx.recv()).ready().err(), Some(RecvError));
    }
}

fn a_forgotten_message_is_released_by_the_next_receive<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    for _ in 0..10 {
        let count = fill(&mut tx);
        std::mem::forget(rx.try_recv().unwrap());
        assert_eq!(tx.try_send(&[9; 8]), Err(TryClaimError::Full));
        // The next message is the next, not the same again.
        let second = rx
            .try_recv()
            .map(|message| u64::from_le_bytes(message[..].try_into().unwrap()));
        assert_eq!(second, Ok(1));
        assert_eq!(drain(&mut rx).len(), count - 2);
        assert_eq!(rx.len(), 0);
    }
    // A claim that waits is told by the receive that releases.
    fill(&mut tx);
    std::mem::forget(rx.try_recv().unwrap());
    let mut claim = Hand::new(tx.claim(8));
    claim.pending();
    let recv = rx.recv();
    assert_eq!(claim.wakes(), 1);
    drop(recv);
    assert!(claim.ready().is_ok());
}

fn u67_claims_fail_and_receives_end_once_the_other_side_is_gone<K: ByteKind>() {
    let (mut tx, rx) = K::channel(64);
    let open = tx.try_claim(8).unwrap();
    drop(rx);
    open.commit();
    for _ in 0..20 {
        assert_eq!(tx.try_claim(8).err(), Some(TryClaimError::Disconnected));
        assert_eq!(tx.try_send(&[0]), Err(TryClaimError::Disconnected));
        assert_eq!(
            Hand::new(tx.claim(8)).ready().err(),
            Some(ClaimError::Disconnected)
        );
        assert_eq!(tx.blocking_claim(8).err(), Some(ClaimError::Disconnected));
    }
    let (mut tx, mut rx) = K::channel(64);
    tx.try_send(&[1]).unwrap();
    drop(tx);
    assert_eq!(drain(&mut rx), [1]);
    assert_eq!(rx.try_recv().err(), Some(TryRecvError::Disconnected));
    assert_eq!(rx.blocking_recv().err(), Some(RecvError));
}

fn u68_a_length_of_zero_is_refused_at_once<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    for _ in 0..2 {
        assert_eq!(tx.try_claim(0).err(), Some(TryClaimError::ZeroLength));
        assert_eq!(tx.try_send(&[]), Err(TryClaimError::ZeroLength));
        assert_eq!(
            Hand::new(tx.claim(0)).ready().err(),
            Some(ClaimError::ZeroLength)
        );
        assert_eq!(Hand::new(tx.send(&[])).ready(), Err(ClaimError::ZeroLength));
        assert_eq!(tx.blocking_claim(0).err(), Some(ClaimError::ZeroLength));
        fill(&mut tx);
    }
    assert_eq!(drain(&mut rx), [8; 8]);
}

fn a_shortened_commit_publishes_its_first_bytes<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(256);
    let max = tx.max_message_len();
    for claimed in 1..=max {
        for committed in [0, 1, claimed / 2, claimed - 1, claimed] {
            let mut claim = tx.try_claim(claimed).expect("the ring is empty");
            assert_eq!(claim.len(), claimed);
            for (at, byte) in claim.iter_mut().enumerate() {
                *byte = at as u8;
            }
            claim.commit_len(committed);
            tx.try_send(&[77; 3]).unwrap();
            if committed != 0 {
                let message = rx.try_recv().unwrap();
                assert!(message.iter().copied().eq(0..committed as u8));
            }
            assert_eq!(
                rx.try_recv().map(|message| message.to_vec()),
                Ok(vec![77; 3])
            );
            assert_eq!((drain(&mut rx), rx.len()), (vec![], 0));
        }
    }
}

fn a_commit_of_more_than_was_claimed_panics_and_aborts<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    let claim = tx.try_claim(8).unwrap();
    let message = panic_of(|| claim.commit_len(9));
    assert!(
        message.contains("9 bytes") && message.contains("8 were"),
        "{message}"
    );
    tx.try_send(&[1]).unwrap();
    assert_eq!(drain(&mut rx), [1]);
}

fn messages_start_aligned_and_arrive_as_they_were_written<K: ByteKind>() {
    for capacity in [64, 1024, 8192] {
        let (mut tx, mut rx) = K::channel(capacity);
        let max = tx.max_message_len();
        for step in 0..2000 {
            let len = step * 31 % max + 1;
            let byte = |at: usize| (step * 7 + at) as u8;
            let mut claim = tx.try_claim(len).expect("the ring is empty");
            assert_eq!(claim.as_ptr().addr() % 8, 0);
            for (at, place) in claim.iter_mut().enumerate() {
                *place = byte(at);
            }
            claim.commit();
            let message = rx.try_recv().unwrap();
            assert_eq!(message.as_ptr().addr() % 8, 0);
            assert!(message.iter().copied().eq((0..len).map(byte)));
        }
    }
}

fn a_claim_that_is_dropped_while_it_waits_claimed_nothing<K: ByteKind>() {
    let (mut tx, mut rx) = K::channel(64);
    let count = fill(&mut tx);
    for woken in [false, true] {
        let mut claim = Hand::new(tx.claim(24));
        claim.pending();
        if woken {
            drop(rx.try_recv().unwrap());
            assert_eq!(claim.wakes(), 1);
        }
        claim.cancel();
        assert_eq!(claim.wakers_left(), 0);
    }
    assert_eq!(drain(&mut rx).len(), count - 1);
    assert_eq!((tx.len(), tx.is_empty()), (0, true));
}

/// A claim that waits in front holds back a shorter one behind it, and lets it
/// pass when it goes.
#[test]
fn claims_are_served_in_the_order_in_which_they_began_to_wait() {
    let (mut big, mut rx) = Mpsc::channel(64);
    let mut small = big.clone();
    fill(&mut big);
    let mut first = Hand::new(big.claim(24));
    let mut second = Hand::new(small.claim(8));
    first.pending();
    second.pending();
    drop(rx.try_recv().unwrap());
    first.pending();
    second.pending();
    first.cancel();
    assert!(second.wakes() > 0, "there is room for it");
    assert!(second.ready().is_ok());
}

/// Two were notified; the one in front came back in vain and waits again: the
/// other, which would find room enough, does not pass it.
#[test]
fn a_notified_claim_does_not_overtake_one_that_came_back_in_vain() {
    let (mut big, mut rx) = Mpsc::channel(64);
    let mut small = big.clone();
    fill(&mut big);
    let mut first = Hand::new(big.claim(24));
    let mut second = Hand::new(small.claim(8));
    first.pending();
    second.pending();
    for _ in 0..2 {
        drop(rx.try_recv().unwrap());
    }
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    first.pending();
    second.pending();
    let woken = first.wakes();
    drop(rx.try_recv().unwrap());
    assert!(first.wakes() > woken, "now there is room for it");
    first.ready().unwrap().commit();
    drop(first);
    drop(rx.try_recv().unwrap());
    assert!(second.ready().is_ok());
}

//! Models of the rings: every interleaving, within a bound of three
//! preemptions, of producers and the consumer on rings of one or two slots.
//!
//! loom watches the slots (and, for bytes, the granules), so a missing
//! ordering shows as a race even where the values come out right. Nobody
//! spins: each side tries a fixed number of times, and what is left is taken
//! out at the end, so that the models stay small and finish.

use ::loom::thread;

use super::bytes::{ByteRing, Claim, Shared, Single};
use super::mpsc::MpscRing;
use super::spsc::SpscRing;
use super::*;
use crate::sync::{Arc, AtomicBool, model};

/// The model's own proof that a ring may be handed to another thread.
struct Crossing<R>(R);

// SAFETY: the models below keep each ring's contract: one consumer, and one
// producer unless the ring is made for many.
unsafe impl<R> Send for Crossing<R> {}
// SAFETY: as above.
unsafe impl<R> Sync for Crossing<R> {}

/// Pushes until the ring refuses, and returns how many were taken.
fn push_some<R: Ring<u32>>(ring: &R, values: &[u32]) -> usize {
    // SAFETY: see `Crossing`.
    let taken = |value: &&u32| unsafe { ring.push(**value) }.is_ok();
    values.iter().take_while(taken).count()
}

/// Pops at most `tries` times.
fn pop_some<R: Ring<u32>>(ring: &R, tries: usize) -> Vec<u32> {
    // SAFETY: see `Crossing`.
    (0..tries).filter_map(|_| unsafe { ring.pop() }).collect()
}

#[test]
fn loom_spsc_hands_over_each_value_once_in_order() {
    for capacity in [1, 2] {
        model(3, move || {
            let ring = Arc::new(Crossing(SpscRing::with_capacity(capacity)));
            assert_eq!(push_some(&ring.0, &[0]), 1);
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || push_some(&ring.0, &[1, 2, 3]))
            };
            let mut popped = pop_some(&ring.0, 3);
            let pushed = producer.join().unwrap();
            popped.extend(pop_some(&ring.0, 4));
            assert_eq!(popped, (0..=pushed as u32).collect::<Vec<_>>());
        });
    }
}

/// The producers need room that the consumer gives back meanwhile; the one
/// may look at the head, the other trust what that one saw.
fn mpsc_model(capacity: usize, values: [&'static [u32]; 2], tries: usize) {
    model(3, move || {
        let ring = Arc::new(Crossing(MpscRing::with_capacity(capacity)));
        let first: Vec<u32> = (0..capacity as u32).collect();
        assert_eq!(push_some(&ring.0, &first), capacity);
        let producers = values.map(|values| {
            let ring = ring.clone();
            thread::spawn(move || push_some(&ring.0, values))
        });
        let mut popped = pop_some(&ring.0, tries);
        let pushed = producers.map(|producer| producer.join().unwrap());
        popped.extend(pop_some(&ring.0, 8));
        assert_eq!(popped[..capacity], first);
        for (values, pushed) in values.iter().zip(pushed) {
            let own: Vec<_> = popped
                .iter()
                .copied()
                .filter(|v| values.contains(v))
                .collect();
            assert_eq!(own, values[..pushed], "in order, and as many as were taken");
        }
        assert_eq!(popped.len(), capacity + pushed[0] + pushed[1]);
    });
}

#[test]
fn loom_mpsc_hands_over_each_value_once_in_order_of_its_producer() {
    mpsc_model(1, [&[10, 11], &[20]], 2);
}

#[test]
fn loom_mpsc_trusts_the_other_producers_view_of_the_head() {
    mpsc_model(2, [&[10], &[20]], 2);
}

/// Claims, writes and commits `len` bytes; `keep` of them become the message.
fn commit_some<C: Claim>(ring: &ByteRing<C>, len: usize, keep: usize) -> bool {
    // SAFETY: see `Crossing`; the length is legal and the span committed once.
    unsafe {
        let Some(span) = ring.claim(len) else {
            return false;
        };
        ring.commit(span, keep);
        true
    }
}

/// Reads and releases at most `tries` times; returns the messages' lengths.
fn read_some<C: Claim>(ring: &ByteRing<C>, tries: usize) -> Vec<usize> {
    let read = |_| {
        // SAFETY: see `Crossing`; each message is released before the next.
        unsafe {
            let span = ring.read().message?;
            ring.release(span);
            Some(span.len)
        }
    };
    (0..tries).filter_map(read).collect()
}

#[test]
fn loom_bytes_single_claim_hands_over_spans_and_wraps() {
    model(3, || {
        let ring = Arc::new(Crossing(ByteRing::<Single>::with_capacity(64)));
        // The next one needs what the consumer gives back, and is placed
        // behind padding.
        assert!(commit_some(&ring.0, 24, 24) && commit_some(&ring.0, 17, 17));
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || commit_some(&ring.0, 23, 23) as usize)
        };
        let mut lens = read_some(&ring.0, 3);
        let pushed = producer.join().unwrap();
        lens.extend(read_some(&ring.0, 3));
        assert_eq!(lens, [24, 17, 23][..2 + pushed]);
    });
}

#[test]
fn loom_bytes_shared_claim_hands_over_spans() {
    model(3, || {
        let ring = Arc::new(Crossing(ByteRing::<Shared>::with_capacity(64)));
        // Full, so that both producers need what the consumer gives back.
        for len in [24, 24, 16] {
            assert!(commit_some(&ring.0, len, len));
        }
        let producers = [12, 13].map(|len| {
            let ring = ring.clone();
            thread::spawn(move || commit_some(&ring.0, len, len))
        });
        let mut lens = read_some(&ring.0, 2);
        let pushed = producers.map(|producer| producer.join().unwrap());
        lens.extend(read_some(&ring.0, 5));
        assert_eq!(lens[..3], [24, 24, 16]);
        for (len, pushed) in [12, 13].into_iter().zip(pushed) {
            assert_eq!(lens[3..].contains(&len), pushed);
        }
    });
}

#[test]
fn loom_bytes_aborted_and_shortened_claims_hide_nothing() {
    model(3, || {
        let ring = Arc::new(Crossing(ByteRing::<Shared>::with_capacity(64)));
        let producers = [(20, 0), (17, 4)].map(|(len, keep)| {
            let ring = ring.clone();
            thread::spawn(move || assert!(commit_some(&ring.0, len, keep)))
        });
        let mut lens = read_some(&ring.0, 2);
        for producer in producers {
            producer.join().unwrap();
        }
        lens.extend(read_some(&ring.0, 2));
        assert_eq!((lens, ring.0.len()), (vec![4], 0));
    });
}

/// A ring that never holds more than one value says so to every thread that
/// asks. What was taken before the next was pushed is not counted with it, and
/// the tail is never behind the head.
fn counts_no_more_than_there_is<R: Bounded + 'static>(
    ring: fn() -> R,
    push: fn(&R),
    pop: fn(&R) -> bool,
) {
    model(3, move || {
        let ring = Arc::new(Crossing(ring()));
        let taken = Arc::new(AtomicBool::new(false));
        let consumer = {
            let (ring, taken) = (ring.clone(), taken.clone());
            thread::spawn(move || {
                if pop(&ring.0) {
                    taken.store(true, Ordering::Release);
                }
            })
        };
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                push(&ring.0);
                if taken.load(Ordering::Acquire) {
                    push(&ring.0);
                }
            })
        };
        let one = ring.0.capacity() / 2;
        assert!(ring.0.len() <= one, "{} of {one}", ring.0.len());
        consumer.join().unwrap();
        producer.join().unwrap();
    });
}

fn push_one<R: Ring<u32>>(ring: &R) {
    assert_eq!(push_some(ring, &[1]), 1);
}

fn pop_one<R: Ring<u32>>(ring: &R) -> bool {
    pop_some(ring, 1).len() == 1
}

#[test]
fn loom_spsc_counts_no_more_than_there_is() {
    let ring = || SpscRing::with_capacity(2);
    counts_no_more_than_there_is(ring, push_one, pop_one);
}

#[test]
fn loom_mpsc_counts_no_more_than_there_is() {
    let ring = || MpscRing::with_capacity(2);
    counts_no_more_than_there_is(ring, push_one, pop_one);
}

#[test]
fn loom_bytes_count_no_more_than_there_is() {
    fn counts<C: Claim + 'static>() {
        counts_no_more_than_there_is(
            || ByteRing::<C>::with_capacity(64),
            |ring| assert!(commit_some(ring, 24, 24)),
            |ring| read_some(ring, 1).len() == 1,
        );
    }
    counts::<Single>();
    counts::<Shared>();
}

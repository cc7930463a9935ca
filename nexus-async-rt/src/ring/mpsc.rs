//! Typed ring for many producers and one consumer.
//!
//! Slots carry a stamp, as in Vyukov's bounded queue (1024cores.net), but it
//! goes one way only. The producer of position `p` stamps `p + 1`, and the
//! consumer answers by publishing its head, so no side writes what the other
//! polls. That also makes the capacity exact: a claim compares the tail with
//! the head and not with a stamp.
//!
//! Invariants:
//! - A producer owns the positions it moved the tail over, until it stamps them.
//! - The consumer owns position `head` once its stamp is `head + 1`.
//! - A producer's view of the head is never ahead of the head, and a tail is
//!   claimed only by a compare-exchange from the value that was compared.
//! - Once the tail says [`CLOSED`] it stays as it is.

use std::mem::MaybeUninit;

use super::{Bounded, CLOSED, Ring, distance, slot_count};
use crate::sync::{AtomicU64, CachePadded, Ordering, Site, UnsafeCell, ordering};

#[derive(Debug)]
struct Slot<T> {
    stamp: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// What the producers share, on one line.
#[derive(Debug)]
struct Claims {
    tail: AtomicU64,
    /// The last any producer saw of the head.
    head_seen: AtomicU64,
}

/// The ring.
#[derive(Debug)]
pub struct MpscRing<T> {
    claims: CachePadded<Claims>,
    /// What the consumer shows.
    head: CachePadded<AtomicU64>,
    /// What the consumer keeps.
    consumer: CachePadded<UnsafeCell<u64>>,
    slots: Box<[Slot<T>]>,
    capacity: usize,
}

impl<T> MpscRing<T> {
    #[inline(always)]
    fn slot(&self, position: u64) -> &Slot<T> {
        let index = position as usize & (self.slots.len() - 1);
        // SAFETY: the index is in bounds, because the number of slots is a
        // power of two and the mask is one less, guaranteed by `slot_count`.
        unsafe { self.slots.get_unchecked(index) }
    }

    /// Whether a value fits at `tail`: never, once it says [`CLOSED`]. A tail
    /// that is out of date may be behind the head; the compare-exchange that
    /// follows then fails.
    #[inline(always)]
    fn has_room(&self, tail: u64) -> bool {
        let used = |head: u64| tail.wrapping_sub(head) as i64;
        // Ordering: Acquire; pairs with the Release store below: a producer
        // that trusts another's view takes over what that view had acquired.
        let seen = self
            .claims
            .head_seen
            .load(ordering(Site::MpscTrustHead, Ordering::Acquire));
        if used(seen) < self.capacity as i64 {
            return true;
        }
        // Ordering: Acquire; pairs with the Release store in `pop`, so that
        // the consumer is done with the slot.
        let head = self
            .head
            .load(ordering(Site::MpscReclaim, Ordering::Acquire));
        // Ordering: Release; pairs with the Acquire load above.
        self.claims
            .head_seen
            .store(head, ordering(Site::MpscShareHead, Ordering::Release));
        used(head) < self.capacity as i64
    }
}

impl<T> Bounded for MpscRing<T> {
    const SETTLES: bool = false;
    /// Between cores that are far apart its slots travel one by one: a producer that waits
    /// is then late with the next.
    const YIELDS: bool = false;

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn len(&self) -> usize {
        distance(&self.claims.tail, &self.head) as usize
    }

    fn claimed(&self) -> u64 {
        // Ordering: Relaxed; to be compared with an earlier one, no more.
        self.claims.tail.load(Ordering::Relaxed)
    }

    unsafe fn close(&self) {
        // Ordering: Release; pairs with the Acquire fence in `Core::is_refused`, so
        // that a producer that is refused sees why. Whether a claim comes before it
        // is the order of changes of one word.
        self.claims
            .tail
            .fetch_or(CLOSED, ordering(Site::CloseClaims, Ordering::Release));
    }

    unsafe fn is_drained(&self) -> bool {
        // SAFETY: nobody writes it meanwhile, because only `pop` does, on the
        // consumer's thread, guaranteed by this function's contract.
        let position = self.consumer.with(|position| unsafe { *position });
        // Ordering: Relaxed; closed, it never changes again.
        self.claims.tail.load(Ordering::Relaxed) == position | CLOSED
    }
}

impl<T> Ring<T> for MpscRing<T> {
    #[track_caller]
    fn with_capacity(capacity: usize) -> Self {
        Self {
            claims: CachePadded(Claims {
                tail: AtomicU64::new(0),
                head_seen: AtomicU64::new(0),
            }),
            head: CachePadded(AtomicU64::new(0)),
            consumer: CachePadded(UnsafeCell::new(0)),
            slots: (0..slot_count::<Slot<T>>(capacity, 0))
                .map(|_| Slot {
                    stamp: AtomicU64::new(0),
                    value: UnsafeCell::new(MaybeUninit::uninit()),
                })
                .collect(),
            capacity,
        }
    }

    #[inline(always)]
    unsafe fn push(&self, value: T) -> Result<(), T> {
        // Ordering: Relaxed; the tail hands out positions, and the stamp
        // publishes. The exchange is Release for `len` alone; pairs with its
        // Acquire load.
        let mut tail = self.claims.tail.load(Ordering::Relaxed);
        loop {
            if !self.has_room(tail) {
                return Err(value);
            }
            match self.claims.tail.compare_exchange_weak(
                tail,
                tail + 1,
                ordering(Site::MpscClaim, Ordering::Release),
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => tail = now,
            }
        }
        let slot = self.slot(tail);
        // SAFETY: the slot is this producer's alone, because it moved the tail
        // over it and the consumer has left it. That is guaranteed by the
        // exchange and by `has_room` for the same tail.
        slot.value
            .with_mut(|place| unsafe { (*place).write(value) });
        // Ordering: Release; pairs with the Acquire load in `pop`, so that the
        // slot's value is visible.
        slot.stamp
            .store(tail + 1, ordering(Site::MpscPublish, Ordering::Release));
        Ok(())
    }

    #[inline(always)]
    unsafe fn pop(&self) -> Option<T> {
        self.consumer.with_mut(|position| {
            // SAFETY: no other reference to the position exists, because only
            // `pop` makes one and one thread at a time pops, guaranteed by
            // this function's contract.
            let position = unsafe { &mut *position };
            let slot = self.slot(*position);
            let next = *position + 1;
            // Ordering: Acquire; pairs with the Release store in `push`, so
            // that the slot's value is visible.
            let stamp = slot
                .stamp
                .load(ordering(Site::MpscObserve, Ordering::Acquire));
            if stamp != next {
                return None;
            }
            // SAFETY: the slot holds a value that is the consumer's, because
            // its producer stamped it for this position, and only this
            // function moves on, guaranteed by the comparison above.
            let value = slot
                .value
                .with(|place| unsafe { (*place).assume_init_read() });
            *position = next;
            // Ordering: Release; pairs with the Acquire load in `has_room`, so
            // that the value has left the slot before it is reused.
            self.head
                .store(next, ordering(Site::MpscRelease, Ordering::Release));
            Some(value)
        })
    }
}

impl<T> Drop for MpscRing<T> {
    fn drop(&mut self) {
        super::drop_values(self);
    }
}

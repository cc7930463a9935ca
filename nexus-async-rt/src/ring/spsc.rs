//! Typed ring for one producer and one consumer, on two threads.
//!
//! Lamport's queue (*Proving the Correctness of Multiprocess Programs*, 1977)
//! with each side's last view of the other's index cached. So the line of the
//! opposite index is fetched only when the ring looks full, or empty, and not
//! once a value (Lee, Bu and Chandranmenon, *MCRingBuffer*, 2010).
//!
//! Invariants:
//! - `tail` is written by the producer alone, `head` by the consumer alone.
//! - Slots in `head..tail` hold values and belong to the consumer; the others
//!   are uninitialised and belong to the producer.
//! - A cached index is never ahead of the real one, except for a value that the
//!   producer has taken back. Such a value lies at or above the end, where the
//!   consumer pops nothing.

use std::mem::MaybeUninit;

use super::{Bounded, End, Ring, distance, slot_count};
use crate::sync::{AtomicU64, CachePadded, Ordering, Site, UnsafeCell, ordering};

/// What one side alone reads and writes.
#[derive(Debug)]
struct Half {
    /// Its own index.
    position: u64,
    /// The last it saw of the other side's index.
    opposite: u64,
}

/// The ring. Each side has a line for what it keeps and one for what it shows.
#[derive(Debug)]
pub struct SpscRing<T> {
    producer: CachePadded<UnsafeCell<Half>>,
    tail: CachePadded<AtomicU64>,
    consumer: CachePadded<UnsafeCell<Half>>,
    head: CachePadded<AtomicU64>,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    capacity: usize,
    end: End,
}

impl<T> SpscRing<T> {
    /// Slots that are never in use: two cache lines. Without them the producer at a full
    /// ring would write the slot that was freed last while the consumer reads the next
    /// one, on the same line. The models have none, so that slots are soon used again.
    const SPARE: usize = match size_of::<T>() {
        0 => 0,
        _ if cfg!(all(test, nexus_loom)) => 0,
        size => 128 / size,
    };

    #[inline(always)]
    fn slot(&self, position: u64) -> &UnsafeCell<MaybeUninit<T>> {
        let index = position as usize & (self.slots.len() - 1);
        // SAFETY: the index is in bounds, because the number of slots is a
        // power of two and the mask is one less, guaranteed by `slot_count`.
        unsafe { self.slots.get_unchecked(index) }
    }

    /// Looks at the tail, if the consumer has taken all that it knows of.
    #[inline(always)]
    fn observe(&self, consumer: &mut Half) {
        if consumer.position == consumer.opposite {
            // Ordering: Acquire; pairs with the Release store in `push`, so that
            // the slots' values are visible, and where the ring ends.
            consumer.opposite = self
                .tail
                .load(ordering(Site::SpscObserve, Ordering::Acquire));
        }
    }
}

impl<T> Bounded for SpscRing<T> {
    const SETTLES: bool = true;
    const YIELDS: bool = true;

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn len(&self) -> usize {
        distance(&self.tail, &self.head) as usize
    }

    fn claimed(&self) -> u64 {
        // Ordering: Relaxed; written by the producer alone.
        self.tail.load(Ordering::Relaxed)
    }

    unsafe fn close(&self) {
        // Ordering: Relaxed; ordered by the caller's fence. `pop` acquires.
        self.end.fix(self.tail.load(Ordering::Relaxed));
    }

    unsafe fn is_drained(&self) -> bool {
        // SAFETY: nobody writes it meanwhile, because only `pop` does, on the
        // consumer's thread, guaranteed by this function's contract.
        let position = self.consumer.with(|side| unsafe { (*side).position });
        self.end.is_at(position)
    }

    unsafe fn has_accepted(&self) -> bool {
        self.consumer.with_mut(|side| {
            // SAFETY: no other reference to the consumer's side exists, because
            // only the consumer's functions make one, guaranteed by this one's
            // contract.
            let side = unsafe { &mut *side };
            self.observe(side);
            // The end last: the producer has fixed it before it showed anything
            // above it.
            side.position != side.opposite && !self.end.is_at(side.position)
        })
    }
}

impl<T> Ring<T> for SpscRing<T> {
    #[track_caller]
    fn with_capacity(capacity: usize) -> Self {
        let side = || {
            CachePadded(UnsafeCell::new(Half {
                position: 0,
                opposite: 0,
            }))
        };
        Self {
            producer: side(),
            tail: CachePadded(AtomicU64::new(0)),
            consumer: side(),
            head: CachePadded(AtomicU64::new(0)),
            slots: super::empty_slots(slot_count::<T>(capacity, Self::SPARE)),
            capacity,
            end: End::new(),
        }
    }

    #[inline(always)]
    unsafe fn push(&self, value: T) -> Result<(), T> {
        self.producer.with_mut(|side| {
            // SAFETY: no other reference to the producer's side exists,
            // because only `push` makes one and one thread at a time pushes,
            // guaranteed by this function's contract.
            let side = unsafe { &mut *side };
            if side.position - side.opposite >= self.capacity as u64 {
                // Ordering: Acquire; pairs with the Release store in `pop`, so
                // that the consumer is done with the slot.
                side.opposite = self
                    .head
                    .load(ordering(Site::SpscReclaim, Ordering::Acquire));
                if side.position - side.opposite >= self.capacity as u64 {
                    return Err(value);
                }
            }
            // SAFETY: the slot is the producer's, because it is not in
            // `head..tail`, guaranteed by the comparison above.
            self.slot(side.position)
                .with_mut(|slot| unsafe { (*slot).write(value) });
            side.position += 1;
            // Ordering: Release; pairs with the Acquire load in `pop`, so that
            // the slot's value is visible.
            self.tail.store(
                side.position,
                ordering(Site::SpscPublish, Ordering::Release),
            );
            Ok(())
        })
    }

    #[cold]
    unsafe fn settle(&self) -> Result<(), T> {
        self.producer.with_mut(|side| {
            // SAFETY: no other reference to the producer's side exists, because
            // only `push` and this make one and one thread at a time calls them,
            // guaranteed by this function's contract.
            let side = unsafe { &mut *side };
            let Err(end) = self.end.settle(side.position) else {
                return Ok(());
            };
            if side.position <= end {
                return Ok(());
            }
            side.position -= 1;
            debug_assert_eq!(side.position, end, "all before it was settled");
            // SAFETY: the slot holds the value that was pushed last. It is the
            // producer's, because the consumer pops nothing at or above the
            // end, guaranteed by the contract of `pop`.
            let value = self
                .slot(side.position)
                .with(|slot| unsafe { (*slot).assume_init_read() });
            // Ordering: Relaxed; for `len`, and for the owner that drops the
            // ring.
            self.tail.store(side.position, Ordering::Relaxed);
            Err(value)
        })
    }

    #[inline(always)]
    unsafe fn pop(&self) -> Option<T> {
        self.consumer.with_mut(|side| {
            // SAFETY: no other reference to the consumer's side exists,
            // because only `pop` makes one and one thread at a time pops,
            // guaranteed by this function's contract.
            let side = unsafe { &mut *side };
            self.observe(side);
            if side.position == side.opposite {
                return None;
            }
            // SAFETY: the slot holds a value that is the consumer's, because
            // it is in `head..tail`, guaranteed by the comparison above.
            let value = self
                .slot(side.position)
                .with(|slot| unsafe { (*slot).assume_init_read() });
            side.position += 1;
            // Ordering: Release; pairs with the Acquire load in `push`, so that
            // the value has left the slot before it is reused.
            self.head.store(
                side.position,
                ordering(Site::SpscRelease, Ordering::Release),
            );
            Some(value)
        })
    }
}

impl<T> Drop for SpscRing<T> {
    fn drop(&mut self) {
        // Ordering: Relaxed; nobody else is left.
        let tail = self.tail.load(Ordering::Relaxed);
        // SAFETY: exclusive, as `self` is. The consumer may have seen the tail
        // before the producer took a value back.
        self.consumer
            .with_mut(|side| unsafe { (*side).opposite = tail });
        super::drop_values(self);
    }
}

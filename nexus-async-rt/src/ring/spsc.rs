//! Typed ring for one producer and one consumer, on two threads.
//!
//! Lamport's queue (*Proving the Correctness of Multiprocess Programs*, 1977)
//! with each side's last view of the other's index cached, so that the line of
//! the opposite index is fetched only when the ring looks full, or empty, and not
//! once a value (Lee, Bu and Chandranmenon, *MCRingBuffer*, 2010).
//!
//! Invariants:
//! - `tail` is written by the producer alone, `head` by the consumer alone.
//! - Slots in `head..tail` hold values and belong to the consumer; the others
//!   are uninitialised and belong to the producer.
//! - A cached index is never ahead of the real one.

use std::mem::MaybeUninit;

use super::{Bounded, Ring, slot_count};
use crate::sync::{AtomicUsize, CachePadded, Ordering, Site, UnsafeCell, ordering};

/// What one side alone reads and writes.
#[derive(Debug)]
struct Side {
    /// Its own index.
    position: usize,
    /// The last it saw of the other side's index.
    opposite: usize,
}

/// The ring. Each side has a line for what it keeps and one for what it shows.
#[derive(Debug)]
pub struct SpscRing<T> {
    producer: CachePadded<UnsafeCell<Side>>,
    tail: CachePadded<AtomicUsize>,
    consumer: CachePadded<UnsafeCell<Side>>,
    head: CachePadded<AtomicUsize>,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    capacity: usize,
}

impl<T> SpscRing<T> {
    #[inline(always)]
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        let index = position & (self.slots.len() - 1);
        // SAFETY: the index is in bounds, because the number of slots is a
        // power of two and the mask is one less, guaranteed by `slot_count`.
        unsafe { self.slots.get_unchecked(index) }
    }
}

impl<T> Bounded for SpscRing<T> {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn len(&self) -> usize {
        // Ordering: Relaxed; a snapshot that publishes nothing. The head first:
        // it cannot then be ahead of the tail.
        let head = self.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        tail.wrapping_sub(head).min(self.capacity)
    }
}

impl<T> Ring<T> for SpscRing<T> {
    fn with_capacity(capacity: usize) -> Self {
        let side = || {
            CachePadded(UnsafeCell::new(Side {
                position: 0,
                opposite: 0,
            }))
        };
        Self {
            producer: side(),
            tail: CachePadded(AtomicUsize::new(0)),
            consumer: side(),
            head: CachePadded(AtomicUsize::new(0)),
            slots: super::empty_slots(slot_count::<T>(capacity)),
            capacity,
        }
    }

    #[inline(always)]
    unsafe fn push(&self, value: T) -> Result<(), T> {
        self.producer.with_mut(|side| {
            // SAFETY: no other reference to the producer's side exists,
            // because only `push` makes one and one thread at a time pushes,
            // guaranteed by this function's contract.
            let side = unsafe { &mut *side };
            if side.position.wrapping_sub(side.opposite) >= self.capacity {
                // Ordering: Acquire; pairs with the Release store in `pop`, so
                // that the consumer is done with the slot.
                side.opposite = self
                    .head
                    .load(ordering(Site::SpscReclaim, Ordering::Acquire));
                if side.position.wrapping_sub(side.opposite) >= self.capacity {
                    return Err(value);
                }
            }
            // SAFETY: the slot is the producer's, because it is not in
            // `head..tail`, guaranteed by the comparison above.
            self.slot(side.position)
                .with_mut(|slot| unsafe { (*slot).write(value) });
            side.position = side.position.wrapping_add(1);
            // Ordering: Release; pairs with the Acquire load in `pop`, so that
            // the slot's value is visible.
            self.tail.store(
                side.position,
                ordering(Site::SpscPublish, Ordering::Release),
            );
            Ok(())
        })
    }

    #[inline(always)]
    unsafe fn pop(&self) -> Option<T> {
        self.consumer.with_mut(|side| {
            // SAFETY: no other reference to the consumer's side exists,
            // because only `pop` makes one and one thread at a time pops,
            // guaranteed by this function's contract.
            let side = unsafe { &mut *side };
            if side.position == side.opposite {
                // Ordering: Acquire; pairs with the Release store in `push`, so
                // that the slots' values are visible.
                side.opposite = self
                    .tail
                    .load(ordering(Site::SpscObserve, Ordering::Acquire));
                if side.position == side.opposite {
                    return None;
                }
            }
            // SAFETY: the slot holds a value that is the consumer's, because
            // it is in `head..tail`, guaranteed by the comparison above.
            let value = self
                .slot(side.position)
                .with(|slot| unsafe { (*slot).assume_init_read() });
            side.position = side.position.wrapping_add(1);
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
        // SAFETY: one thread pops, guaranteed by the exclusive reference.
        unsafe { super::drop_values(self) };
    }
}

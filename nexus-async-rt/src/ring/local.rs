//! A ring for one thread.
//!
//! No atomics: the positions are plain cells, and the type is neither `Send`
//! nor `Sync`. Knows no other thread.
//!
//! Invariant: slots in `head..tail` hold values, the others are uninitialised.

use std::cell::Cell;
use std::mem::MaybeUninit;

use super::{Bounded, Ring, slot_count};
use crate::sync::UnsafeCell;

/// The ring.
#[derive(Debug)]
pub struct LocalRing<T> {
    head: Cell<usize>,
    tail: Cell<usize>,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    capacity: usize,
    /// The capacity; once closed 0, so that a push has one thing to look at.
    limit: Cell<usize>,
}

impl<T> LocalRing<T> {
    #[inline(always)]
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        let index = position & (self.slots.len() - 1);
        // SAFETY: the index is in bounds, because the number of slots is a
        // power of two and the mask is one less, guaranteed by `slot_count`.
        unsafe { self.slots.get_unchecked(index) }
    }
}

impl<T> Bounded for LocalRing<T> {
    const SETTLES: bool = false;
    const YIELDS: bool = false;

    fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.tail.get().wrapping_sub(self.head.get())
    }

    fn claimed(&self) -> u64 {
        self.tail.get() as u64
    }

    unsafe fn close(&self) {
        self.limit.set(0);
    }

    unsafe fn is_drained(&self) -> bool {
        self.limit.get() == 0 && self.len() == 0
    }
}

impl<T> Ring<T> for LocalRing<T> {
    #[track_caller]
    fn with_capacity(capacity: usize) -> Self {
        Self {
            head: Cell::new(0),
            tail: Cell::new(0),
            slots: super::empty_slots(slot_count::<T>(capacity, 0)),
            capacity,
            limit: Cell::new(capacity),
        }
    }

    #[inline(always)]
    unsafe fn push(&self, value: T) -> Result<(), T> {
        let tail = self.tail.get();
        if self.len() >= self.limit.get() {
            return Err(value);
        }
        // SAFETY: the slot holds nothing and nobody else reaches it, because
        // it is not in `head..tail` and the type does not leave its thread.
        self.slot(tail)
            .with_mut(|slot| unsafe { (*slot).write(value) });
        self.tail.set(tail.wrapping_add(1));
        Ok(())
    }

    #[inline(always)]
    unsafe fn pop(&self) -> Option<T> {
        let head = self.head.get();
        if head == self.tail.get() {
            return None;
        }
        // SAFETY: the slot holds a value that is read once, because it is in
        // `head..tail` and leaves it here.
        let value = self
            .slot(head)
            .with(|slot| unsafe { (*slot).assume_init_read() });
        self.head.set(head.wrapping_add(1));
        Some(value)
    }
}

impl<T> Drop for LocalRing<T> {
    fn drop(&mut self) {
        super::drop_values(self);
    }
}

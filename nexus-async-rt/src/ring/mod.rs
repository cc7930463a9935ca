//! Lock-free data: bounded rings that hand values from producers to one
//! consumer.
//!
//! Knows no waker, no task, no handle and no runtime: an operation succeeds or
//! fails at once, and what to do about a failure is decided elsewhere.
//!
//! Invariants:
//! - A position is a counter that only grows (and wraps with its integer);
//!   the slot is its low bits. `tail - head` is never more than the capacity.
//! - The consumer publishes the head at every `pop`, so room freed by a `pop`
//!   that returned is there for every `push` that happens after it.
//! - No user code runs inside an operation: values are moved, never cloned,
//!   compared or dropped.
//!
//! | ring | stores | producers | how the tail is claimed |
//! |---|---|---|---|
//! | [`local`] | values | the thread itself | plain store |
//! | [`spsc`] | values | one | plain store |
//! | [`mpsc`] | values | many | compare-exchange |
//! | [`bytes`] | byte records | one or many | either, see [`bytes::Claim`] |

pub(crate) mod bytes;
pub(crate) mod local;
#[cfg(all(test, nexus_loom))]
mod loom;
pub(crate) mod mpsc;
mod payload;
pub(crate) mod record;
pub(crate) mod spsc;

use std::mem::MaybeUninit;

use crate::sync::UnsafeCell;

/// How much there is room for, and how much there is.
pub trait Bounded {
    /// In values, or in bytes.
    fn capacity(&self) -> usize;

    /// A snapshot where another thread is involved.
    fn len(&self) -> usize;
}

/// A bounded ring of values.
pub trait Ring<T>: Bounded {
    /// A ring for exactly `capacity` values.
    ///
    /// Panics if `capacity` is 0 or the memory cannot be addressed.
    fn with_capacity(capacity: usize) -> Self;

    /// # Safety
    ///
    /// - One thread at a time pushes, unless the ring is made for many.
    unsafe fn push(&self, value: T) -> Result<(), T>;

    /// # Safety
    ///
    /// - One thread at a time pops.
    unsafe fn pop(&self) -> Option<T>;
}

/// The most values a ring takes, whatever their size: a larger number is a
/// mistake, and making so many slots of no size would take for ever.
const MAX_CAPACITY: usize = 1 << 31;

/// Slots for a ring of `capacity`: the next power of two.
fn slot_count<S>(capacity: usize) -> usize {
    assert!(capacity > 0, "channel capacity must be at least 1, got 0");
    let limit = MAX_CAPACITY.min(isize::MAX as usize / size_of::<S>().max(1) / 2);
    assert!(
        capacity <= limit,
        "channel capacity {capacity} is more than the limit of {limit} for messages of this size"
    );
    capacity.next_power_of_two()
}

/// Slots that hold nothing, in memory that is there.
fn empty_slots<T>(count: usize) -> Box<[UnsafeCell<MaybeUninit<T>>]> {
    let empty = || UnsafeCell::new(MaybeUninit::uninit());
    let mut slots: Box<[_]> = std::iter::repeat_with(empty).take(count).collect();
    // loom's cells hold more than their content.
    if !cfg!(all(test, nexus_loom)) {
        // SAFETY: the slots are this function's alone, and hold nothing.
        unsafe { touch(&mut slots) };
    }
    slots
}

/// Has the system provide the pages of new memory now, and not one by one
/// while the first messages go through.
///
/// # Safety
///
/// - Any byte of `memory` may become 0.
unsafe fn touch<T>(memory: &mut [T]) {
    /// The smallest page there is: touching more often than needed is harmless.
    const PAGE: usize = 4096;
    let start: *mut u8 = memory.as_mut_ptr().cast();
    for offset in (0..size_of_val(memory)).step_by(PAGE) {
        // SAFETY: in bounds, and the caller allows it. Volatile, so that it is
        // not taken together with the allocation.
        unsafe { start.add(offset).write_volatile(0) };
    }
}

/// Drops what is in a ring. If a value's drop panics, the others are dropped
/// all the same.
///
/// # Safety
///
/// - One thread at a time pops.
pub(crate) unsafe fn drop_values<T>(ring: &impl Ring<T>) {
    struct Rest<'a, T, R: Ring<T>>(&'a R, std::marker::PhantomData<T>);
    impl<T, R: Ring<T>> Drop for Rest<'_, T, R> {
        fn drop(&mut self) {
            // SAFETY: one thread pops, guaranteed by the function's contract.
            while let Some(value) = unsafe { self.0.pop() } {
                drop(value);
            }
        }
    }
    let rest = Rest(ring, std::marker::PhantomData);
    // SAFETY: one thread pops, guaranteed by this function's contract.
    while let Some(value) = unsafe { rest.0.pop() } {
        drop(value);
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::local::LocalRing;
    use super::mpsc::MpscRing;
    use super::spsc::SpscRing;
    use super::*;

    /// Capacity is exact, order is kept, over several laps.
    fn is_fifo_and_exact<R: Ring<usize>>() {
        for capacity in [1, 2, 3, 4, 5, 7, 8, 9] {
            let ring = R::with_capacity(capacity);
            assert_eq!(ring.capacity(), capacity);
            let (mut pushed, mut popped) = (0, 0);
            for lap in 1..=3 * capacity {
                // SAFETY: one thread alone uses the ring.
                while unsafe { ring.push(pushed) }.is_ok() {
                    pushed += 1;
                }
                assert_eq!(ring.len(), capacity);
                assert_eq!(pushed - popped, capacity);
                for _ in 0..lap.min(capacity) {
                    // SAFETY: one thread alone uses the ring.
                    assert_eq!(unsafe { ring.pop() }, Some(popped));
                    popped += 1;
                }
            }
            // SAFETY: one thread alone uses the ring.
            while let Some(value) = unsafe { ring.pop() } {
                assert_eq!(value, popped);
                popped += 1;
            }
            assert_eq!((ring.len(), popped), (0, pushed));
        }
    }

    #[test]
    fn every_ring_is_fifo_and_exact() {
        is_fifo_and_exact::<LocalRing<usize>>();
        is_fifo_and_exact::<SpscRing<usize>>();
        is_fifo_and_exact::<MpscRing<usize>>();
    }

    struct Counted(Rc<Cell<u32>>, bool);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            assert!(!self.1, "asked to panic");
        }
    }

    fn drops_each_once<R: Ring<Counted>>() {
        let drops = Rc::new(Cell::new(0));
        let ring = R::with_capacity(5);
        for n in 0..5 {
            // SAFETY: one thread alone uses the ring.
            assert!(unsafe { ring.push(Counted(drops.clone(), n == 2)) }.is_ok());
        }
        // SAFETY: one thread alone uses the ring.
        drop(unsafe { ring.pop() });
        assert_eq!(drops.get(), 1);
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(ring)));
        assert!(unwound.is_err(), "the panic of a value's drop goes on");
        assert_eq!(drops.get(), 5);
    }

    #[test]
    fn values_left_behind_are_dropped_once_even_if_one_panics() {
        drops_each_once::<LocalRing<Counted>>();
        drops_each_once::<SpscRing<Counted>>();
        drops_each_once::<MpscRing<Counted>>();
    }

    #[test]
    #[should_panic(expected = "channel capacity must be at least 1, got 0")]
    fn capacity_zero_panics() {
        MpscRing::<u8>::with_capacity(0);
    }

    #[test]
    #[should_panic(expected = "is more than the limit of")]
    fn capacity_beyond_memory_panics() {
        SpscRing::<u64>::with_capacity(usize::MAX);
    }

    #[test]
    #[should_panic(expected = "is more than the limit of")]
    fn capacity_beyond_reason_panics_even_where_no_memory_is_needed() {
        LocalRing::<()>::with_capacity(usize::MAX / 4);
    }

    #[test]
    fn zero_sized_values_are_counted() {
        let ring = MpscRing::<()>::with_capacity(3);
        // SAFETY: one thread alone uses the ring.
        unsafe {
            assert!((0..3).all(|_| ring.push(()).is_ok()));
            assert!(ring.push(()).is_err());
            assert!((0..3).all(|_| ring.pop().is_some()));
            assert!(ring.pop().is_none());
        }
    }
}

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
//! - The consumer closes a ring. The *end* is the position of the tail at that
//!   moment, and never changes. What was claimed below the end is received,
//!   what was claimed at or above it never is.
//! - No user code runs inside an operation: values are moved, never cloned,
//!   compared or dropped.
//!
//! | ring | stores | producers | how the tail is claimed | how the end is fixed |
//! |---|---|---|---|---|
//! | [`local`] | values | the thread itself | plain store | the limit becomes 0 |
//! | [`spsc`] | values | one | plain store | [`End`] |
//! | [`mpsc`] | values | many | compare-exchange | [`CLOSED`] in the tail |
//! | [`bytes`] | byte records | one or many | either, see [`bytes::Claim`] | likewise |
//!
//! Where the tail is claimed by compare-exchange, closing is one more change of
//! the same word: a claim comes before it or after it. Where the tail is a plain
//! store of one producer there is no such order. There the producer looks
//! whether the ring is closed *after* it has published, and [settles](End) the
//! end with the consumer. The fence between the two is the caller's.

pub(crate) mod bytes;
mod end;
pub(crate) mod local;
#[cfg(all(test, nexus_loom))]
mod loom;
pub(crate) mod mpsc;
mod payload;
pub(crate) mod record;
pub(crate) mod spsc;

use std::mem::MaybeUninit;

use crate::sync::{AtomicU64, Ordering, Site, UnsafeCell, ordering};
use crate::unwind::{caught, hand_on, keep_first};
use end::End;

/// How much there is room for, how much there is, and whether more can come.
pub trait Bounded {
    /// Whether the producer has to settle what it publishes once the ring is
    /// closed: `Ring::settle`, `ByteRing::settle`. If not, a claim itself is
    /// refused.
    const SETTLES: bool;

    /// Whether a producer at a full ring holds up its consumer by looking again and
    /// again, and a moment's wait costs it less than it gains.
    const YIELDS: bool;

    /// In values, or in bytes.
    fn capacity(&self) -> usize;

    /// Where another thread is involved: exact at some moment of the call.
    fn len(&self) -> usize;

    /// The position that the next claim gets, as a producer sees it.
    fn claimed(&self) -> u64;

    /// Fixes the end. A ring that settles: after a fence that comes after the
    /// producer could see that the ring is closed.
    ///
    /// # Safety
    ///
    /// - The caller is the one consumer.
    unsafe fn close(&self);

    /// Whether the end is fixed, and everything below it was taken.
    ///
    /// # Safety
    ///
    /// - The caller is the one consumer.
    unsafe fn is_drained(&self) -> bool;

    /// Whether there may be something to take that lies below the end, although
    /// the end may not be fixed yet. For a consumer that has announced that it
    /// closes.
    ///
    /// # Safety
    ///
    /// - The caller is the one consumer.
    unsafe fn has_accepted(&self) -> bool {
        // SAFETY: guaranteed by this function's contract.
        unsafe { !self.is_drained() }
    }
}

/// In a tail that is claimed by compare-exchange: closed. It makes the ring look
/// full to a producer that compares the tail with the head, so a claim has
/// nothing more to look at. Positions stay below it: at a claim each nanosecond
/// they get there in 146 years.
const CLOSED: u64 = 1 << 62;

/// How far `tail` is ahead of `head`, as it was at some moment of the call.
///
/// The tail was the same before and after the head was loaded. Positions only
/// grow; what a producer takes back does not count, because the head never gets
/// there.
#[inline]
fn distance(tail: &AtomicU64, head: &AtomicU64) -> u64 {
    // Ordering: Acquire; pairs with the Release of each claim, so that the head
    // is no older: a producer that claimed may have known that others were
    // taken.
    let load_tail = || tail.load(ordering(Site::CountTail, Ordering::Acquire)) & !CLOSED;
    let mut before = load_tail();
    loop {
        // Ordering: Acquire; pairs with the Release store of the consumer, so
        // that the tail is no older: it is not behind the head.
        let head = head.load(ordering(Site::CountHead, Ordering::Acquire));
        let after = load_tail();
        if before == after {
            return after - head;
        }
        before = after;
    }
}

/// A bounded ring of values.
pub trait Ring<T>: Bounded {
    /// A ring for exactly `capacity` values.
    ///
    /// Panics if `capacity` is 0 or the memory cannot be addressed.
    #[track_caller]
    fn with_capacity(capacity: usize) -> Self;

    /// Gives the value back if there is no room, or the ring is closed and does
    /// not settle.
    ///
    /// # Safety
    ///
    /// - One thread at a time pushes, unless the ring is made for many.
    unsafe fn push(&self, value: T) -> Result<(), T>;

    /// The ring is closed, as the producer found when it looked after its push:
    /// gives the value back if that came too late.
    ///
    /// # Safety
    ///
    /// - Once after each push, by the thread that pushed; the consumer has
    ///   announced that it closes.
    unsafe fn settle(&self) -> Result<(), T> {
        Ok(())
    }

    /// # Safety
    ///
    /// - One thread at a time pops.
    /// - Once the consumer has announced that it closes: `has_accepted` has said
    ///   so since the last pop.
    unsafe fn pop(&self) -> Option<T>;
}

/// The most values a ring takes, whatever their size: a larger number is a
/// mistake, and making so many slots of no size would take for ever.
const MAX_CAPACITY: usize = 1 << 31;

/// Slots for a ring of `capacity`, of which `spare` are never in use: the next power of
/// two.
#[track_caller]
fn slot_count<S>(capacity: usize, spare: usize) -> usize {
    assert!(capacity > 0, "channel capacity must be at least 1, got 0");
    let limit = MAX_CAPACITY.min(isize::MAX as usize / size_of::<S>().max(1) / 2 - spare);
    assert!(
        capacity <= limit,
        "channel capacity {capacity} is more than the limit of {limit} for messages of this size"
    );
    (capacity + spare).next_power_of_two()
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

/// Drops what is in a ring that nobody else uses. If destructors panic, the
/// others run all the same, and the first panic goes on.
fn drop_values<T>(ring: &mut impl Ring<T>) {
    if !std::mem::needs_drop::<T>() {
        return;
    }
    let mut first = None;
    // SAFETY: one thread pops, guaranteed by the exclusive reference; what a
    // producer took back is out of the ring, guaranteed by `settle`.
    while let Some(value) = unsafe { ring.pop() } {
        keep_first(&mut first, caught(|| drop(value)));
    }
    hand_on(first);
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

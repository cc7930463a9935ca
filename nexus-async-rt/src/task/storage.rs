//! Slots for tasks: memory that is there before the first spawn.
//!
//! An [`Arena`] hands out slots of one size from chunks that it keeps until it
//! is dropped. A free slot holds the address of the next free one. It belongs
//! to one thread; only its destructor may run on another.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::{self, NonNull};

use super::MIN_SLOT_SIZE;

/// Slots start on cache lines of their own.
pub(crate) const SLOT_ALIGN: usize = 64;

/// Chunks know the chunk that was made before them.
#[derive(Clone, Copy)]
#[repr(C)]
struct Chunk {
    older: *mut Chunk,
    layout: Layout,
}

/// See the module.
pub(crate) struct Arena {
    free: Cell<*mut u8>,
    chunks: Cell<*mut Chunk>,
    /// What one slot holds.
    slot: Layout,
    chunk_slots: usize,
    grows: bool,
    used: Cell<usize>,
    most_used: Cell<usize>,
}

// No foreign code runs while a slot is taken or given back.
impl UnwindSafe for Arena {}
impl RefUnwindSafe for Arena {}

impl Arena {
    /// The first chunk is allocated, and its memory touched, here.
    #[track_caller]
    fn new(slot_size: usize, chunk_slots: usize, grows: bool) -> Self {
        assert!(
            slot_size >= MIN_SLOT_SIZE,
            "slot size S is {slot_size} bytes, it must be at least {MIN_SLOT_SIZE}"
        );
        let align = if slot_size.is_multiple_of(2 * SLOT_ALIGN) {
            2 * SLOT_ALIGN
        } else {
            SLOT_ALIGN
        };
        let Ok(slot) = Layout::from_size_align(slot_size, align) else {
            panic!("slot size S is {slot_size} bytes: too large")
        };
        let arena = Self {
            free: Cell::new(ptr::null_mut()),
            chunks: Cell::new(ptr::null_mut()),
            slot,
            chunk_slots,
            grows,
            used: Cell::new(0),
            most_used: Cell::new(0),
        };
        arena.grow();
        arena
    }

    /// What a task in a slot may need.
    pub(crate) fn slot(&self) -> Layout {
        self.slot
    }

    /// Slots handed out.
    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    /// The most slots that were ever handed out at once.
    pub(crate) fn most_used(&self) -> usize {
        self.most_used.get()
    }

    /// All slots that exist.
    pub(crate) fn capacity(&self) -> Option<usize> {
        (!self.grows).then_some(self.chunk_slots)
    }

    /// A slot, unless all are used and their number is bounded.
    #[inline]
    pub(crate) fn take(&self) -> Option<NonNull<u8>> {
        if self.free.get().is_null() {
            if !self.grows {
                return None;
            }
            self.grow();
        }
        let slot = NonNull::new(self.free.get())?;
        // SAFETY: a free slot holds the next one's address, guaranteed by
        // `grow` and `give_back`.
        self.free.set(unsafe { slot.cast::<*mut u8>().read() });
        let used = self.used.get() + 1;
        self.used.set(used);
        if used > self.most_used.get() {
            self.most_used.set(used);
        }
        Some(slot)
    }

    /// # Safety
    /// - `slot` came from [`Arena::take`] of this arena, once for each call,
    ///   and nothing in it is used any more.
    #[inline]
    pub(crate) unsafe fn give_back(&self, slot: NonNull<u8>) {
        // SAFETY: a slot is larger and more aligned than an address.
        unsafe { slot.cast::<*mut u8>().write(self.free.get()) };
        self.free.set(slot.as_ptr());
        self.used.set(self.used.get() - 1);
    }

    #[cold]
    #[track_caller]
    fn grow(&self) {
        let stride = self.slot.pad_to_align().size();
        let chunk = stride
            .checked_mul(self.chunk_slots)
            .and_then(|size| Layout::from_size_align(size, self.slot.align()).ok())
            .and_then(|slots| Layout::new::<Chunk>().extend(slots).ok());
        let Some((layout, first)) = chunk else {
            panic!("{} slots of {stride} bytes: too large", self.chunk_slots)
        };
        // SAFETY: the layout is not of size zero, it holds at least a `Chunk`.
        let memory = unsafe { alloc_zeroed(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        let chunk = memory.cast::<Chunk>();
        // SAFETY: the block starts with a `Chunk`, guaranteed by the layout.
        unsafe {
            chunk.write(Chunk {
                older: self.chunks.get(),
                layout,
            });
        }
        self.chunks.set(chunk);
        // Backwards, so that slots are handed out in the order of addresses.
        for index in (0..self.chunk_slots).rev() {
            // SAFETY: inside the block, guaranteed by the layout.
            let slot = unsafe { memory.add(first + index * stride) };
            // SAFETY: as in `give_back`. Every page of the slot is written:
            // its first use must not fault.
            unsafe {
                for page in (0..stride).step_by(4096) {
                    slot.add(page).write_volatile(0);
                }
                slot.cast::<*mut u8>().write(self.free.get());
            }
            self.free.set(slot);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let mut chunk = self.chunks.get();
        while !chunk.is_null() {
            // SAFETY: allocated in `grow` with the layout that it holds, and
            // linked once; its slots are unused, because the owner of one keeps
            // the arena.
            unsafe {
                let Chunk { older, layout } = chunk.read();
                dealloc(chunk.cast(), layout);
                chunk = older;
            }
        }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("slot_size", &self.slot.size())
            .field("used", &self.used.get())
            .field("bounded", &!self.grows)
            .finish_non_exhaustive()
    }
}

/// Task storage that grows: slots of `S` bytes, in chunks.
///
/// Given to `RuntimeBuilder::slab_unbounded`. A spawn into it allocates only
/// when every slot is used, and then a whole chunk, which is kept.
///
/// # Shape
/// A slot holds a task: [`TASK_HEADER_SIZE`](crate::task::TASK_HEADER_SIZE) bytes and
/// the larger of its future and its output. Slots are aligned to 64 bytes, to
/// 128 if `S` is a multiple of that. Memory is touched when it is allocated.
///
/// # How large a slot has to be
/// A future holds every value that lives across an `.await`, and every future that
/// it awaits. A `select!` holds all of its branches. These tasks need, in a build
/// without optimisation, header included:
///
/// | the task awaits, one after the other | bytes |
/// |---|---|
/// | `recv` of a channel | 184 |
/// | `sleep` | 184 |
/// | `run_until_shutdown` of an interval's `tick` | 336 |
/// | `read` and `write_all` of a socket | 392 |
/// | `run_until_shutdown` of a `timeout` of `read`, and `write_all` | 496 |
///
/// A buffer in the future counts in addition. Slots of 256 bytes are a good start for
/// tasks that move messages. For a session of a socket, start with 768 bytes and add its
/// buffer, which may be a `Vec` as well: that is 24 bytes, and one allocation.
///
/// [`task_size`](crate::task::task_size) returns the size of a slot that a given future
/// needs. Choose `S` with room to spare, because the size of a future changes with the
/// compiler and with each `.await`. A test that compares the two finds out before the
/// spawn panics.
///
/// # Example
/// ```
/// use nexus_async_rt::{ByteSlab, RuntimeBuilder, spawn_slab};
///
/// let mut rt = RuntimeBuilder::new()
///     .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(64))
///     .build();
/// assert_eq!(rt.block_on(async { spawn_slab(async { 7 }).await }), 7);
/// ```
#[derive(Debug)]
pub struct ByteSlab<const S: usize>(pub(crate) Arena);

impl<const S: usize> ByteSlab<S> {
    /// Storage that starts with one chunk of `chunk_capacity` slots and grows
    /// by such chunks.
    ///
    /// # Panics
    /// If `chunk_capacity` is zero, `S` is less than
    /// [`MIN_SLOT_SIZE`], or a chunk would be larger than
    /// the address space.
    #[must_use]
    #[track_caller]
    pub fn with_chunk_capacity(chunk_capacity: usize) -> Self {
        assert!(chunk_capacity > 0, "chunk_capacity is 0");
        Self(Arena::new(S, chunk_capacity, true))
    }
}

/// Task storage that does not grow: a number of slots of `S` bytes.
///
/// Given to `RuntimeBuilder::slab_bounded`. It allocates once; when all slots
/// are used, `try_claim_slab` says so and `spawn_slab` panics.
///
/// # Shape
/// As [`ByteSlab`].
///
/// # Example
/// ```
/// use nexus_async_rt::{BoundedByteSlab, RuntimeBuilder, try_claim_slab};
///
/// let mut rt = RuntimeBuilder::new()
///     .slab_bounded(BoundedByteSlab::<256>::with_capacity(1))
///     .build();
/// rt.block_on(async {
///     let claim = try_claim_slab().unwrap();
///     assert!(try_claim_slab().is_none());
///     assert_eq!(claim.spawn(async { 7 }).await, 7);
///     assert!(try_claim_slab().is_some());
/// });
/// ```
#[derive(Debug)]
pub struct BoundedByteSlab<const S: usize>(pub(crate) Arena);

impl<const S: usize> BoundedByteSlab<S> {
    /// Storage for `capacity` tasks.
    ///
    /// # Panics
    /// If `capacity` is zero, `S` is less than
    /// [`MIN_SLOT_SIZE`], or the whole would be larger
    /// than the address space.
    #[must_use]
    #[track_caller]
    pub fn with_capacity(capacity: usize) -> Self {
        assert!(capacity > 0, "capacity is 0");
        Self(Arena::new(S, capacity, false))
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_are_distinct_aligned_and_reused() {
        for size in [128, 136, 192, 256, 5000] {
            let arena = Arena::new(size, 3, true);
            let slots: Vec<_> = (0..8).map(|_| arena.take().unwrap()).collect();
            let align = arena.slot().align();
            let mut addresses: Vec<_> = slots.iter().map(|slot| slot.addr().get()).collect();
            addresses.sort_unstable();
            assert!(addresses.iter().all(|address| address % align == 0));
            assert!(addresses.windows(2).all(|pair| pair[1] - pair[0] >= size));
            for slot in &slots {
                // SAFETY: a slot of `size` bytes, given back once.
                unsafe {
                    slot.as_ptr().write_bytes(0xA5, size);
                    arena.give_back(*slot);
                }
            }
            assert_eq!((arena.used(), arena.most_used()), (0, 8));
            assert_eq!(arena.take(), slots.last().copied(), "the warmest first");
        }
    }

    #[test]
    fn bounded_is_bounded() {
        let BoundedByteSlab(arena) = BoundedByteSlab::<128>::with_capacity(2);
        let first = arena.take().unwrap();
        assert!(arena.take().is_some() && arena.take().is_none());
        // SAFETY: taken above, unused.
        unsafe { arena.give_back(first) };
        assert_eq!(arena.take(), Some(first));
    }

    #[test]
    #[should_panic(expected = "slot size S is 64 bytes, it must be at least 128")]
    fn slot_below_the_minimum_is_refused() {
        let _ = ByteSlab::<64>::with_chunk_capacity(1);
    }
}

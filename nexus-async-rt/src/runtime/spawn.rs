//! New tasks: on the heap, in a slot, in a slot claimed before.

use super::block::Block;
use super::context;
use super::drive::Runtime;
use super::inbox::Intake;
use crate::task::{Header, JoinHandle, fits, place};
use std::alloc::{Layout, alloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// Spawns a task in memory of its own, of any size and alignment.
///
/// # Panics
/// Outside a runtime.
///
/// # Cost
/// One allocation. The future is moved once, from the caller's stack to its place:
/// the stack has room for it once, and in a debug build up to three times. A future
/// larger than that is boxed by the caller.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
///
/// let mut rt = RuntimeBuilder::new().build();
/// let text = rt.block_on(async { spawn_boxed(async { "done" }).await });
/// assert_eq!(text, "done");
/// ```
#[track_caller]
pub fn spawn_boxed<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let location = Location::caller();
    let place: Place<F> = context::with("spawn_boxed", |shared| shared.boxed_place(location));
    // SAFETY: the place of such a future; no code runs in between.
    unsafe {
        place.future.write(future);
        place.admit()
    }
}

/// Spawns a task in a slot of the runtime's slab.
///
/// # Panics
/// - Outside a runtime, or if the runtime has no slab.
/// - If the task is too large or too aligned for a slot: the message says what
///   it needs and what there is.
/// - If the slab is bounded and full; see [`try_claim_slab`].
///
/// # Cost
/// No allocation, unless the slab grows. Of the stack, as much as
/// [`spawn_boxed`](crate::spawn_boxed()).
///
/// # Example
/// See [`ByteSlab`](crate::ByteSlab).
#[track_caller]
pub fn spawn_slab<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let location = Location::caller();
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current("spawn_slab") };
    let place: Place<F> = shared.claimed_place(shared.claim("spawn_slab"), location);
    // SAFETY: as in `spawn_boxed`.
    unsafe {
        place.future.write(future);
        place.admit()
    }
}

/// Reserves a slot for a task that is spawned later.
///
/// # Panics
/// Outside a runtime, if the runtime has no slab, and if the slab is bounded
/// and full.
#[track_caller]
pub fn claim_slab() -> SlabClaim {
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current("claim_slab") };
    shared.claim("claim_slab")
}

/// As [`claim_slab`]; `None` if the slab is bounded and full.
///
/// # Panics
/// Outside a runtime, or if the runtime has no slab.
#[track_caller]
pub fn try_claim_slab() -> Option<SlabClaim> {
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current("try_claim_slab") };
    shared.try_claim("try_claim_slab")
}

/// The same from outside, before and between runs.
impl Runtime<'_> {
    /// As [`spawn_boxed`](crate::spawn_boxed()); the task runs in the next
    /// `block_on`.
    #[track_caller]
    pub fn spawn_boxed<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        let place: Place<F> = self.shared().boxed_place(Location::caller());
        // SAFETY: the place of such a future; no code runs in between.
        unsafe {
            place.future.write(future);
            place.admit()
        }
    }

    /// As [`spawn_slab`](crate::spawn_slab()); the task runs in the next
    /// `block_on`.
    ///
    /// # Panics
    /// As [`spawn_slab`](crate::spawn_slab()).
    #[track_caller]
    pub fn spawn_slab<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        let claim = self.shared().claim("spawn_slab");
        let place: Place<F> = self.shared().claimed_place(claim, Location::caller());
        // SAFETY: as in `spawn_boxed`.
        unsafe {
            place.future.write(future);
            place.admit()
        }
    }

    /// As [`claim_slab`](crate::claim_slab()).
    ///
    /// # Panics
    /// As [`claim_slab`](crate::claim_slab()).
    #[must_use]
    #[track_caller]
    pub fn claim_slab(&self) -> SlabClaim {
        self.shared().claim("claim_slab")
    }

    /// As [`try_claim_slab`](crate::try_claim_slab()).
    ///
    /// # Panics
    /// If the runtime has no slab.
    #[must_use]
    #[track_caller]
    pub fn try_claim_slab(&self) -> Option<SlabClaim> {
        self.shared().try_claim("try_claim_slab")
    }
}

/// A slot that waits for its task.
///
/// From [`claim_slab`] or [`try_claim_slab`]. It keeps the slab's memory alive,
/// also after the runtime; dropped unspawned it gives the slot back.
///
/// # Example
/// See [`BoundedByteSlab`](crate::BoundedByteSlab).
pub struct SlabClaim {
    shared: NonNull<Block>,
    slot: NonNull<u8>,
    /// Neither `Send` nor `Sync`: the slab belongs to one thread.
    _local: PhantomData<*const ()>,
}

// No foreign code runs while a slot is claimed, used or given back.
impl UnwindSafe for SlabClaim {}
impl RefUnwindSafe for SlabClaim {}

impl SlabClaim {
    fn shared(&self) -> &Block {
        // SAFETY: alive, because a claim keeps it.
        unsafe { self.shared.as_ref() }
    }

    /// What the slot holds, in bytes.
    #[must_use]
    pub fn slot_size(&self) -> usize {
        self.shared().slot().size()
    }

    /// Spawns `future` into the slot.
    ///
    /// # Panics
    /// - Unless the claim's own runtime is running on this thread.
    /// - If the task is too large or too aligned for the slot.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(self, future: F) -> JoinHandle<F::Output> {
        let location = Location::caller();
        // SAFETY: used in this function alone.
        let shared = unsafe { context::current("SlabClaim::spawn") };
        assert!(
            std::ptr::eq(shared, self.shared.as_ptr()),
            "`SlabClaim::spawn` was called in another runtime than the claim's"
        );
        let place: Place<F> = shared.claimed_place(self, location);
        // SAFETY: the place of such a future; no code runs in between.
        unsafe {
            place.future.write(future);
            place.admit()
        }
    }
}

impl Drop for SlabClaim {
    fn drop(&mut self) {
        // SAFETY: the slot is ours and unused; the arena is there, because the
        // slot came from it; the claim was counted when it was made.
        unsafe {
            let shared = self.shared.as_ptr().cast_const();
            if let Some(arena) = &(*shared).arena {
                arena.give_back(self.slot);
            }
            Intake::let_go(shared.cast());
        }
    }
}

impl fmt::Debug for SlabClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlabClaim")
            .field("slot_size", &self.slot_size())
            .finish_non_exhaustive()
    }
}

impl Block {
    fn slot(&self) -> Layout {
        match &self.arena {
            Some(arena) => arena.slot(),
            None => Layout::new::<()>(),
        }
    }

    #[track_caller]
    #[inline]
    fn try_claim(&self, name: &str) -> Option<SlabClaim> {
        let Some(arena) = &self.arena else {
            panic!(
                "`{name}` needs a slab, and this runtime has none: give \
                 its builder a `slab_unbounded` or `slab_bounded`"
            );
        };
        let slot = arena.take()?;
        self.intake.keep();
        Some(SlabClaim {
            shared: self.block(),
            slot,
            _local: PhantomData,
        })
    }

    #[track_caller]
    #[inline]
    fn claim(&self, name: &str) -> SlabClaim {
        match self.try_claim(name) {
            Some(claim) => claim,
            None => self.full(name),
        }
    }

    #[cold]
    #[track_caller]
    fn full(&self, name: &str) -> ! {
        let capacity = self
            .arena
            .as_ref()
            .and_then(crate::task::Arena::capacity)
            .unwrap_or_default();
        panic!(
            "`{name}`: all {capacity} slots of the slab are in use: give it more slots, use \
             `spawn_boxed`, or ask `try_claim_slab`, which returns `None` then"
        )
    }

    /// Memory of its own for a task.
    #[inline(always)]
    fn boxed_place<F: Future + 'static>(&self, location: &'static Location<'static>) -> Place<F> {
        let layout = fits::<F>();
        // SAFETY: not of size zero, a header is in it.
        let Some(memory) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        self.intake.keep();
        // SAFETY: allocated just now with that layout, and counted.
        unsafe { Place::new::<true>(self, memory, location) }
    }

    /// A slot that was claimed, for a task.
    #[track_caller]
    #[inline(always)]
    fn claimed_place<F: Future + 'static>(
        &self,
        claim: SlabClaim,
        location: &'static Location<'static>,
    ) -> Place<F> {
        let (needed, slot) = (fits::<F>(), self.slot());
        if needed.size() > slot.size() || needed.align() > slot.align() {
            self.does_not_fit(needed);
        }
        let memory = claim.slot;
        // What the claim was counted for is now the task.
        std::mem::forget(claim);
        // SAFETY: a slot of this arena, large and aligned enough, ours, counted.
        unsafe { Place::new::<false>(self, memory, location) }
    }

    #[cold]
    #[track_caller]
    fn does_not_fit(&self, needed: Layout) -> ! {
        let (align, widest) = (needed.align(), 2 * crate::task::SLOT_ALIGN);
        let bounded = self.arena.as_ref().and_then(crate::task::Arena::capacity);
        let slab = bounded.map_or("ByteSlab", |_| "BoundedByteSlab");
        let remedy = if align > widest {
            format!("no slab aligns its slots to more than {widest}: use `spawn_boxed`")
        } else {
            let size = needed
                .size()
                .next_multiple_of(align.max(crate::task::SLOT_ALIGN));
            format!("make the slots larger, `{slab}::<{size}>` or more, or use `spawn_boxed`")
        };
        let slot = self.slot();
        panic!(
            "the task needs {} bytes aligned to {align}, a slot of the slab has {} bytes aligned \
             to {}: {remedy}",
            needed.size(),
            slot.size(),
            slot.align()
        )
    }
}

/// A task that has no future yet.
///
/// The functions that take a future by value write it here themselves, because
/// each function that a future passes through by value may copy it on the stack.
struct Place<F: Future> {
    shared: NonNull<Block>,
    task: *const Header,
    future: *mut F,
}

impl<F: Future + 'static> Place<F> {
    /// # Safety
    /// - `memory` is large and aligned enough for the task, and nobody else's;
    ///   `BOXED`: it came from the global allocator with that layout, else from
    ///   the arena.
    /// - [`Intake::keep`] has been called for it.
    #[inline(always)]
    unsafe fn new<const BOXED: bool>(
        shared: &Block,
        memory: NonNull<u8>,
        location: &'static Location<'static>,
    ) -> Self {
        // SAFETY: as the caller says.
        let (task, future) = unsafe {
            place::<F, Block, BOXED>(memory.as_ptr(), |vtable| shared.header(vtable, location))
        };
        Self {
            shared: NonNull::from(shared),
            task,
            future,
        }
    }

    /// The future is there.
    ///
    /// # Safety
    /// - It has been written just now, and nothing of the runtime's happened since
    ///   `new`.
    #[inline(always)]
    unsafe fn admit(self) -> JoinHandle<F::Output> {
        // SAFETY: the header is never null; its handle bit is set, and its output
        // is the future's. The block is alive, because the task keeps it.
        unsafe {
            let handle = JoinHandle::new(NonNull::new_unchecked(self.task.cast_mut()));
            self.shared.as_ref().admit(self.task);
            handle
        }
    }
}

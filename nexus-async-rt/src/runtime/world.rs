//! The World, lent to the tasks of the runtime that borrows it.
//!
//! The borrow is exclusive for the runtime's whole life, so the only references
//! are those that are made here, and a counter keeps them apart.

use super::shared::Shared;
use super::{Runtime, context};
use nexus_rt::World;
use std::cell::Cell;
use std::marker::PhantomData;

/// Runs `f` on the runtime's World. If the World's own shutdown flag is set
/// afterwards, the runtime is told to shut down, as by
/// [`ShutdownHandle::trigger`](crate::ShutdownHandle::trigger).
///
/// # Panics
/// Outside a runtime, and inside another `with_world` or `with_world_ref`.
///
/// # Example
/// ```
/// use nexus_async_rt::{Runtime, with_world};
/// use nexus_rt::{Resource, WorldBuilder};
///
/// #[derive(Resource)]
/// struct Ticks(u64);
///
/// let mut builder = WorldBuilder::new();
/// builder.register(Ticks(0));
/// let mut world = builder.build();
/// let mut rt = Runtime::new(&mut world);
/// rt.block_on(async { with_world(|world| world.resource_mut::<Ticks>().0 += 1) });
/// assert_eq!(rt.world().resource::<Ticks>().0, 1);
/// ```
#[track_caller]
pub fn with_world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current("with_world") };
    shared.lend_mut("with_world", f)
}

/// Runs `f` on the runtime's World, to look only. Nests in itself.
///
/// # Panics
/// Outside a runtime, and inside `with_world`.
#[track_caller]
pub fn with_world_ref<R>(f: impl FnOnce(&World) -> R) -> R {
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current("with_world_ref") };
    shared.lend("with_world_ref", f)
}

/// A token for the World of one runtime.
///
/// Made by [`WorldCtx::current`] or [`Runtime::world_ctx`]; a copy can be kept
/// wherever access is wanted. It holds the runtime's number and no pointer, and
/// is checked at each use.
///
/// # Example
/// ```
/// use nexus_async_rt::{Runtime, WorldCtx, spawn_boxed};
/// use nexus_rt::{Resource, WorldBuilder};
///
/// #[derive(Resource)]
/// struct Ticks(u64);
///
/// let mut builder = WorldBuilder::new();
/// builder.register(Ticks(0));
/// let mut world = builder.build();
/// let mut rt = Runtime::new(&mut world);
/// rt.block_on(async {
///     let ctx = WorldCtx::current();
///     spawn_boxed(async move { ctx.with_world(|world| world.resource_mut::<Ticks>().0 += 1) }).await;
///     assert_eq!(ctx.with_world_ref(|world| world.resource::<Ticks>().0), 1);
/// });
/// ```
///
/// It does not leave its thread:
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// fn check(ctx: nexus_async_rt::WorldCtx) {
///     send(ctx);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldCtx {
    number: u64,
    _local: PhantomData<*const ()>,
}

impl WorldCtx {
    /// The token of the runtime that the caller runs in.
    ///
    /// # Panics
    /// Outside a runtime.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        context::with("WorldCtx::current", Self::of)
    }

    fn of(shared: &Shared) -> Self {
        Self {
            number: shared.number,
            _local: PhantomData,
        }
    }

    /// As [`with_world`].
    ///
    /// # Panics
    /// As [`with_world`], and in another runtime than the token's.
    #[track_caller]
    pub fn with_world<R>(self, f: impl FnOnce(&mut World) -> R) -> R {
        // SAFETY: used in this function alone.
        let shared = unsafe { context::current("WorldCtx::with_world") };
        self.check(shared);
        shared.lend_mut("WorldCtx::with_world", f)
    }

    /// As [`with_world_ref`].
    ///
    /// # Panics
    /// As [`with_world_ref`], and in another runtime than the token's.
    #[track_caller]
    pub fn with_world_ref<R>(self, f: impl FnOnce(&World) -> R) -> R {
        // SAFETY: used in this function alone.
        let shared = unsafe { context::current("WorldCtx::with_world_ref") };
        self.check(shared);
        shared.lend("WorldCtx::with_world_ref", f)
    }

    #[track_caller]
    fn check(self, shared: &Shared) {
        assert!(
            shared.number == self.number,
            "this `WorldCtx` belongs to runtime {}, the code runs in runtime {}",
            self.number,
            shared.number
        );
    }
}

impl Runtime<'_> {
    /// The World, between runs.
    #[must_use]
    pub fn world(&self) -> &World {
        // SAFETY: borrowed exclusively by the runtime for longer than `self`;
        // not lent to a task while the reference lives, because `block_on` and
        // `drop` borrow `self` exclusively, and otherwise `Borrows` refuses.
        unsafe { self.shared().world.as_ref() }
    }

    /// The World, between runs, to change.
    #[must_use]
    pub fn world_mut(&mut self) -> &mut World {
        let mut world = self.shared().world;
        // SAFETY: as in `world`.
        unsafe { world.as_mut() }
    }

    /// The token for this runtime's World.
    #[must_use]
    pub fn world_ctx(&self) -> WorldCtx {
        WorldCtx::of(self.shared())
    }
}

/// Who borrows the World: the number of shared borrows, or one of the below.
#[derive(Debug)]
pub(super) struct Borrows(Cell<isize>);

/// An exclusive borrow.
const EXCLUSIVE: isize = -1;
/// The runtime does not run: `Runtime::world` may have lent it, and code that
/// runs in the context nevertheless, in the destructor of a task aborted from
/// outside, must not reach it.
const RESTING: isize = -2;

impl Borrows {
    pub(super) fn new() -> Self {
        Self(Cell::new(RESTING))
    }

    /// Nobody outside has a reference, until what is returned is dropped.
    pub(super) fn begin_run(&self) -> Lent<'_> {
        Lent {
            before: self.0.replace(0),
            borrows: self,
        }
    }

    /// Whether the runtime does not run.
    pub(super) fn is_resting(&self) -> bool {
        self.0.get() == RESTING
    }

    /// An exclusive borrow, until what is returned is dropped.
    #[track_caller]
    #[inline(always)]
    fn exclusive(&self, name: &str) -> Lent<'_> {
        let before = self.0.get();
        if before != 0 {
            refuse(name, before);
        }
        self.0.set(EXCLUSIVE);
        Lent {
            before,
            borrows: self,
        }
    }

    /// A shared borrow, until what is returned is dropped.
    #[track_caller]
    #[inline(always)]
    fn shared(&self, name: &str) -> Lent<'_> {
        let before = self.0.get();
        if before < 0 {
            refuse(name, before);
        }
        self.0.set(before + 1);
        Lent {
            before,
            borrows: self,
        }
    }
}

/// Puts the borrows back as they were when it is dropped.
pub(super) struct Lent<'a> {
    borrows: &'a Borrows,
    before: isize,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.borrows.0.set(self.before);
    }
}

#[cold]
#[track_caller]
fn refuse(name: &str, borrows: isize) -> ! {
    if borrows == RESTING {
        panic!(
            "`{name}` was called between two runs, by the destructor of a task \
             that was aborted from outside"
        );
    }
    panic!(
        "`{name}` was called inside another borrow of the World: only \
         `with_world_ref` nests, and only in itself"
    )
}

impl Shared {
    #[track_caller]
    #[inline(always)]
    fn lend_mut<R>(&self, name: &str, f: impl FnOnce(&mut World) -> R) -> R {
        let lent = self.borrows.exclusive(name);
        let mut world = self.world;
        // SAFETY: the only reference, guaranteed by `lent`; the World outlives
        // the runtime, guaranteed by its lifetime.
        let result = f(unsafe { world.as_mut() });
        drop(lent);
        self.look_at_world_flag();
        result
    }

    #[track_caller]
    #[inline(always)]
    fn lend<R>(&self, name: &str, f: impl FnOnce(&World) -> R) -> R {
        let _lent = self.borrows.shared(name);
        // SAFETY: no exclusive reference, guaranteed by `_lent`; the World
        // outlives the runtime, guaranteed by its lifetime.
        f(unsafe { self.world.as_ref() })
    }
}

//! The World, for the tasks of the runtime that borrows it, and between its runs.

use super::block::Block;
use super::context;
use super::drive::Runtime;
use nexus_rt::World;
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
///
/// A handler of an event that is borrowed, here a packet in a buffer:
/// ```
/// use nexus_async_rt::{Runtime, with_world};
/// use nexus_rt::{Handler, IntoHandler, ResMut, Resource, World, WorldBuilder};
///
/// #[derive(Resource)]
/// struct Bytes(usize);
///
/// fn on_packet(mut bytes: ResMut<Bytes>, packet: &[u8]) {
///     bytes.0 += packet.len();
/// }
///
/// // The type says that it takes a packet of any lifetime.
/// fn handler(world: &World) -> impl for<'a> Handler<&'a [u8]> + use<> {
///     on_packet.into_handler(world.registry())
/// }
///
/// let mut builder = WorldBuilder::new();
/// builder.register(Bytes(0));
/// let mut world = builder.build();
/// let mut handler = handler(&world);
/// Runtime::new(&mut world).block_on(async {
///     let buffer = [0; 64];
///     with_world(|world| handler.run(world, &buffer[..40]));
///     with_world(|world| handler.run(world, &buffer[..2]));
/// });
/// assert_eq!(world.resource::<Bytes>().0, 42);
/// ```
#[track_caller]
pub fn with_world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    // SAFETY: used in this function alone; 0 is not wanted.
    match unsafe { context::lendable(|number| number != 0) } {
        // SAFETY: it is lendable.
        Some(shared) => unsafe { lend_mut(shared, f) },
        None => refuse("with_world", None),
    }
}

/// # Safety
/// - The World of `shared` can be lent exclusively.
#[inline(always)]
unsafe fn lend_mut<R>(shared: &Block, f: impl FnOnce(&mut World) -> R) -> R {
    // SAFETY: as the caller says.
    let result = unsafe { shared.world.lend_mut(f) };
    shared.shutdown.look_at_world();
    result
}

/// Says why no World is lent to `name`, to which `token` was given.
#[cold]
#[track_caller]
fn refuse(name: &str, token: Option<WorldCtx>) -> ! {
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current(name) };
    if let Some(token) = token {
        token.check(shared);
    }
    shared.world.refuse(name)
}

/// Runs `f` on the runtime's World, to look only. Nests in itself.
///
/// # Panics
/// Outside a runtime, and inside `with_world`.
#[track_caller]
pub fn with_world_ref<R>(f: impl FnOnce(&World) -> R) -> R {
    // SAFETY: used in this function alone.
    let shared = unsafe { context::current("with_world_ref") };
    shared.world.lend("with_world_ref", f)
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

    fn of(shared: &Block) -> Self {
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
        // SAFETY: used in this function alone; a token's number is a runtime's, not 0.
        match unsafe { context::lendable(|number| number == self.number) } {
            // SAFETY: it is lendable.
            Some(shared) => unsafe { lend_mut(shared, f) },
            None => refuse("WorldCtx::with_world", Some(self)),
        }
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
        shared.world.lend("WorldCtx::with_world_ref", f)
    }

    #[track_caller]
    fn check(self, shared: &Block) {
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
        // SAFETY: not lent to a task while the reference lives, because `block_on` and
        // `drop` borrow `self` exclusively, and otherwise the loan refuses.
        unsafe { self.shared().world.resting() }
    }

    /// The World, between runs, to change.
    #[must_use]
    pub fn world_mut(&mut self) -> &mut World {
        // SAFETY: as in `world`, and `self` is borrowed exclusively.
        unsafe { self.shared().world.resting_mut() }
    }

    /// The token for this runtime's World.
    #[must_use]
    pub fn world_ctx(&self) -> WorldCtx {
        WorldCtx::of(self.shared())
    }
}

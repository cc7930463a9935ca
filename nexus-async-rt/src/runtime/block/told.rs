//! Whether a runtime was told to shut down: the latch, and the World's own flag.

use crate::unwind::contained;
use crate::wait::latch::{Holder, Latch};
use nexus_rt::World;
use std::fmt;
use std::sync::Arc;

/// The latch, shared by the runtime, its handles, the futures that wait, and the
/// thread that listens for signals.
#[derive(Clone, Debug)]
pub(crate) struct Told(Arc<Latch>);

impl Told {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Latch::new()))
    }

    /// Sets it and wakes all that wait for it. If a waker panics, the others are woken
    /// first.
    pub(crate) fn tell(&self) {
        self.0.set();
    }

    #[inline]
    pub(crate) fn is_told(&self) -> bool {
        self.0.is_set()
    }
}

// SAFETY: the latch lies in the block of the `Arc`, which is never exchanged.
unsafe impl Holder for Told {
    fn latch(&self) -> &Latch {
        &self.0
    }
}

/// A runtime's part of it.
#[derive(Debug)]
pub(crate) struct Shutdown {
    pub(crate) told: Told,
    /// The flag of the World.
    world: WorldFlag,
}

struct WorldFlag(nexus_rt::ShutdownHandle);

impl fmt::Debug for WorldFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorldFlag")
            .field(&self.0.is_shutdown())
            .finish()
    }
}

impl Shutdown {
    pub(crate) fn new(told: Told, world: &World) -> Self {
        Self {
            told,
            world: WorldFlag(world.shutdown_handle()),
        }
    }

    /// Takes over the World's flag. No borrow of the World is open.
    #[inline(always)]
    pub(crate) fn look_at_world(&self) {
        if self.world.0.is_shutdown() {
            self.world_is_shut_down();
        }
    }

    #[cold]
    fn world_is_shut_down(&self) {
        if !self.told.is_told() {
            // What `with_world` returns is not lost by a waker's panic.
            contained(|| self.told.tell());
        }
    }
}

//! The World on loan: the runtime has it exclusively for its whole life, so the only
//! references are those that are made here, and a counter keeps them apart.

use nexus_rt::World;
use std::cell::Cell;
use std::ptr::NonNull;

/// See the module.
#[derive(Debug)]
pub(crate) struct Loan {
    world: NonNull<World>,
    /// The number of shared borrows, or one of the below.
    borrows: Cell<isize>,
}

/// An exclusive borrow.
const EXCLUSIVE: isize = -1;
/// The runtime does not run: `Runtime::world` may have lent it. Code that runs
/// in the context nevertheless, in the destructor of a task aborted from
/// outside, must not reach it.
const RESTING: isize = -2;

impl Loan {
    /// # Safety
    /// - Until the loan is dropped or no longer used, `world` is alive, and all that
    ///   is done with it is done through the loan.
    pub(crate) unsafe fn new(world: NonNull<World>) -> Self {
        Self {
            world,
            borrows: Cell::new(RESTING),
        }
    }

    /// Nobody outside has a reference, until what is returned is dropped.
    pub(crate) fn begin_run(&self) -> Lent<'_> {
        Lent {
            before: self.borrows.replace(0),
            borrows: &self.borrows,
        }
    }

    /// Whether the runtime does not run.
    pub(crate) fn is_resting(&self) -> bool {
        self.borrows.get() == RESTING
    }

    /// An exclusive borrow, until what is returned is dropped.
    #[track_caller]
    #[inline(always)]
    fn exclusive(&self, name: &str) -> Lent<'_> {
        let before = self.borrows.get();
        if before != 0 {
            refuse(name, before);
        }
        self.borrows.set(EXCLUSIVE);
        Lent {
            before,
            borrows: &self.borrows,
        }
    }

    /// A shared borrow, until what is returned is dropped.
    #[track_caller]
    #[inline(always)]
    fn shared(&self, name: &str) -> Lent<'_> {
        let before = self.borrows.get();
        if before < 0 {
            refuse(name, before);
        }
        self.borrows.set(before + 1);
        Lent {
            before,
            borrows: &self.borrows,
        }
    }

    #[track_caller]
    #[inline(always)]
    pub(crate) fn lend_mut<R>(&self, name: &str, f: impl FnOnce(&mut World) -> R) -> R {
        let _lent = self.exclusive(name);
        let mut world = self.world;
        // SAFETY: the only reference, guaranteed by `_lent`; alive, see `new`.
        f(unsafe { world.as_mut() })
    }

    #[track_caller]
    #[inline(always)]
    pub(crate) fn lend<R>(&self, name: &str, f: impl FnOnce(&World) -> R) -> R {
        let _lent = self.shared(name);
        // SAFETY: no exclusive reference, guaranteed by `_lent`; alive, see `new`.
        f(unsafe { self.world.as_ref() })
    }

    /// The World, while the runtime does not run.
    ///
    /// # Safety
    /// - No run begins while the reference is used, and nobody has an exclusive one.
    pub(crate) unsafe fn resting(&self) -> &World {
        // SAFETY: as the caller says; everyone else that asks meanwhile is
        // refused.
        unsafe { self.world.as_ref() }
    }

    /// As [`resting`](Loan::resting), to change it.
    ///
    /// # Safety
    /// - As for [`resting`](Loan::resting), and nobody else has a reference.
    #[expect(clippy::mut_from_ref, reason = "the caller vouches for it")]
    pub(crate) unsafe fn resting_mut(&self) -> &mut World {
        let mut world = self.world;
        // SAFETY: as the caller says.
        unsafe { world.as_mut() }
    }
}

/// A World that a runtime owns.
///
/// By pointer: what a `Box` points to may not be reached by another way once the box
/// has moved.
#[derive(Debug)]
pub(crate) struct OwnWorld(NonNull<World>);

impl OwnWorld {
    pub(crate) fn new(world: Box<World>) -> Self {
        // SAFETY: a box is never null.
        Self(unsafe { NonNull::new_unchecked(Box::into_raw(world)) })
    }

    pub(crate) fn world(&self) -> NonNull<World> {
        self.0
    }
}

impl Drop for OwnWorld {
    fn drop(&mut self) {
        // SAFETY: from a box, once; the runtime that has lent it is gone.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Puts the borrows back as they were when it is dropped.
pub(crate) struct Lent<'a> {
    borrows: &'a Cell<isize>,
    before: isize,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.borrows.set(self.before);
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

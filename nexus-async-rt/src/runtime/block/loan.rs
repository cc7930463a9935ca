//! The World on loan: the runtime has it exclusively for its whole life, so the only
//! references are those that are made here, and two words keep them apart.

use nexus_rt::World;
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr::NonNull;

/// See the module.
#[derive(Debug)]
pub(crate) struct Loan {
    /// The runtime's number while the World can be lent exclusively, otherwise 0: the
    /// token of another runtime and a World that is lent fail in one comparison.
    lendable: Cell<u64>,
    number: u64,
    /// The number of shared borrows, or the below.
    borrows: Cell<isize>,
    world: NonNull<World>,
}

/// The runtime does not run: `Runtime::world` may have lent it. Code that runs
/// in the context nevertheless, in the destructor of a task aborted from
/// outside, must not reach it.
const RESTING: isize = -1;

impl Loan {
    /// Where `lendable` is.
    pub(crate) const LENDABLE: usize = offset_of!(Self, lendable);

    /// # Safety
    /// - Until the loan is dropped or no longer used, `world` is alive, and all that
    ///   is done with it is done through the loan.
    pub(crate) unsafe fn new(world: NonNull<World>, number: u64) -> Self {
        Self {
            lendable: Cell::new(0),
            number,
            borrows: Cell::new(RESTING),
            world,
        }
    }

    /// Nobody outside has a reference, until what is returned is dropped.
    pub(crate) fn begin_run(&self) -> Lent<'_> {
        self.set(self.number, 0)
    }

    /// Whether the runtime does not run.
    pub(crate) fn is_resting(&self) -> bool {
        self.borrows.get() == RESTING
    }

    /// Until what is returned is dropped.
    #[inline(always)]
    fn set(&self, lendable: u64, borrows: isize) -> Lent<'_> {
        Lent {
            lendable: self.lendable.replace(lendable),
            borrows: self.borrows.replace(borrows),
            loan: self,
        }
    }

    /// Lends the World exclusively.
    ///
    /// # Safety
    /// - `lendable` is not 0.
    #[inline(always)]
    pub(crate) unsafe fn lend_mut<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        let _lent = Exclusive {
            lendable: self.lendable.replace(0),
            loan: self,
        };
        let mut world = self.world;
        // SAFETY: the only reference: there was none, as the caller says, and none can be
        // obtained until `_lent` is dropped. Alive, see `new`.
        f(unsafe { world.as_mut() })
    }

    #[track_caller]
    #[inline(always)]
    pub(crate) fn lend<R>(&self, name: &str, f: impl FnOnce(&World) -> R) -> R {
        let before = self.borrows.get();
        if self.lendable.get() == 0 && before <= 0 {
            self.refuse(name);
        }
        let _lent = self.set(0, before + 1);
        // SAFETY: no exclusive reference, guaranteed by `_lent`; alive, see `new`.
        f(unsafe { self.world.as_ref() })
    }

    /// Says why the World is not lent.
    #[cold]
    #[track_caller]
    pub(crate) fn refuse(&self, name: &str) -> ! {
        if self.is_resting() {
            panic!(
                "`{name}` was called between two runs, by the destructor of a task \
                 that was aborted from outside"
            );
        }
        panic!(
            "`{name}` was called inside another borrow of the World: only \
             `with_world_ref` nests, and only in itself. Hand on the reference that the outer \
             call lends"
        )
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

/// Puts the state back as it was when it is dropped.
pub(crate) struct Lent<'a> {
    loan: &'a Loan,
    lendable: u64,
    borrows: isize,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.loan.lendable.set(self.lendable);
        self.loan.borrows.set(self.borrows);
    }
}

/// As [`Lent`], where there are no shared borrows.
struct Exclusive<'a> {
    loan: &'a Loan,
    lendable: u64,
}

impl Drop for Exclusive<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.loan.lendable.set(self.lendable);
    }
}

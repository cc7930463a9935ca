//! What a runtime and its tasks share: one block on the heap, where it is
//! until the runtime is gone and the last waker too.
//!
//! Everything in it but the inbox belongs to the owning thread. No method holds
//! a borrow of it while it runs foreign code: what is to be run or dropped is
//! taken out first.

mod alive;
mod counters;
mod ends;
mod loan;
mod told;

pub(crate) use alive::Alive;
pub(crate) use ends::Outermost;
pub(crate) use loan::{Lent, Loan, OwnWorld};
pub(crate) use told::{Shutdown, Told};

use super::inbox::{Bell, Inbox, Intake};
use crate::reactor::Watches;
use crate::task::{Arena, Ended, Header, Home, State, TaskVtable};
use crate::thread;
use crate::timer::Timers;
use crate::unwind::{Panic, caught, keep_first};
use counters::Counters;
use ends::Ends;
use std::cell::{Cell, RefCell};
use std::mem::offset_of;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::rc::Rc;

/// See the module.
#[repr(C)]
pub(crate) struct Block {
    /// First: the home of the tasks is its address.
    pub(crate) intake: Intake,
    pub(crate) alive: Alive,
    /// The task that is being polled, if any.
    pub(crate) current: Cell<*const Header>,
    pub(crate) ends: Ends,
    pub(crate) arena: Option<Arena>,
    pub(crate) timers: Timers,
    /// The descriptors that the poller watches; none once the runtime is gone,
    /// because the block may then be freed on any thread.
    watches: RefCell<Option<Rc<Watches>>>,
    pub(crate) counters: Counters,
    pub(crate) shutdown: Shutdown,
    /// No other runtime ever has it; that of `watches`.
    pub(crate) number: u64,
    pub(crate) world: Loan,
}

/// The root is no task: it is polled by `block_on` itself.
static ROOT_VTABLE: TaskVtable = TaskVtable {
    poll: |_, _| unreachable!("the root is not in the ready queue"),
    drop_future: |_| unreachable!("the root's future is the caller's"),
    drop_output: |_| unreachable!("the root's output is the caller's"),
    release: Block::release,
    abort: |_| unreachable!("the root has no handle"),
    discard: |_| unreachable!("the root's output is the caller's"),
    drop_waker: Block::drop_waker,
    output_offset: 0,
    dealloc: None,
};

/// Its life.
impl Block {
    /// Where the word is that says whether the World can be lent.
    pub(crate) const LENDABLE: usize = offset_of!(Self, world) + Loan::LENDABLE;

    #[track_caller]
    pub(crate) fn create(
        bell: Bell,
        watches: Rc<Watches>,
        arena: Option<Arena>,
        shutdown: Shutdown,
        world: Loan,
    ) -> NonNull<Self> {
        let owner = thread::assign_number().get();
        let number = watches.runtime();
        let shared = Box::into_raw(Box::new(Self {
            intake: Intake::new(bell, Self::destroy),
            alive: Alive::new(Header::new(
                State::root(),
                &ROOT_VTABLE,
                ptr::null(),
                owner,
                Location::caller(),
            )),
            current: Cell::new(ptr::null()),
            ends: Ends::new(),
            arena,
            timers: Timers::new(),
            watches: RefCell::new(Some(watches)),
            counters: Counters::default(),
            shutdown,
            number,
            world,
        }));
        // SAFETY: allocated above, not shared yet.
        unsafe {
            Alive::set_up(&raw mut (*shared).alive, shared.cast_const().cast());
            (*shared).intake.ready.set_up();
            NonNull::new_unchecked(shared)
        }
    }

    /// The block, by the pointer that it was made with: a claim or a task may be
    /// what frees it, which a pointer made from `&self` must not.
    pub(crate) fn block(&self) -> NonNull<Self> {
        // SAFETY: never null, because it is the address of the block, guaranteed
        // by `create`.
        unsafe { NonNull::new_unchecked(self.alive.root.home.cast_mut().cast()) }
    }

    /// # Safety
    /// Nobody knows of the block any more.
    unsafe fn destroy(inbox: *const Inbox) {
        // SAFETY: the inbox is the first field of a block from `create`. What
        // the block owns may be dropped on any thread: descriptors and memory.
        drop(unsafe { Box::from_raw(inbox.cast_mut().cast::<Self>()) });
    }

    /// Drops every future, and what else the runtime holds of the program's;
    /// then lets go of the block. Returns the first panic.
    ///
    /// # Safety
    /// - Called once, by the owner, with the context in place; `shared` is not
    ///   used afterwards.
    pub(crate) unsafe fn close(shared: *const Self) -> Option<Panic> {
        // SAFETY: alive, the owner has not let go yet.
        let this = unsafe { &*shared };
        let mut first = None;
        this.ends.closing.set(true);
        let ends = this.ends.begin();
        // Foreign code runs at each step and may cause work for all others.
        loop {
            if this.end_next(&mut first) {
                continue;
            }
            if let Some(task) = this.alive.newest() {
                // SAFETY: a listed task is alive.
                keep_first(&mut first, unsafe { this.end(task, Ended::Shutdown) });
            } else if let Some(task) = this.intake.ready.pop() {
                // SAFETY: a queued task is alive, and not touched afterwards.
                unsafe {
                    (*task).state.begin_poll();
                    Self::release(task);
                }
            } else if let Some(waker) = this.timers.abandon() {
                keep_first(&mut first, caught(|| drop(waker)));
            } else if let Some(waker) = this.watches().and_then(|watches| watches.abandon()) {
                keep_first(&mut first, caught(|| waker.wake()));
            } else {
                break;
            }
        }
        drop(ends);
        // Their count of owners is this thread's.
        drop(this.watches.take());
        // SAFETY: once; no task is left, see above.
        unsafe { Intake::close::<Self>(shared.cast(), &raw const (*shared).alive.root) };
        first
    }

    /// The descriptors that are watched; `None` once the runtime is gone.
    pub(crate) fn watches(&self) -> Option<Rc<Watches>> {
        self.watches.borrow().clone()
    }
}

/// Wakes and references.
impl Block {
    /// A wake on the owner's thread.
    ///
    /// # Safety
    /// - `task` is alive, and this is its owner's thread.
    #[inline(always)]
    pub(crate) unsafe fn wake(task: *const Header) {
        // SAFETY: as the caller says; the block lives as long as its tasks.
        unsafe {
            let shared = Self::of(task);
            (*shared).counters.local_wakes.add(1);
            (*shared).intake.wake(task);
        }
    }

    /// Takes at most `limit` tasks from the inbox.
    #[inline(always)]
    pub(crate) fn drain(&self, limit: usize) {
        if self.intake.has_mail() {
            self.drain_some(limit);
        }
    }

    #[cold]
    fn drain_some(&self, limit: usize) {
        let woken = self.intake.drain::<Self>(limit);
        self.counters.foreign_wakes.add(woken);
    }

    /// Whether a task or the root is to be polled, or the inbox to be drained.
    #[inline(always)]
    pub(crate) fn has_work(&self) -> bool {
        !self.intake.ready.is_empty() || self.alive.root.state.is_ready() || self.intake.has_mail()
    }

    /// The root's wake flag.
    #[inline(always)]
    pub(crate) fn take_root_ready(&self) -> bool {
        self.alive.root.state.take_ready()
    }

    /// Makes the root due for its first poll.
    pub(crate) fn set_root_ready(&self) {
        self.alive.root.state.set_ready();
    }
}

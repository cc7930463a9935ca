//! The end of a task on its owner's thread: aborted, discarded or freed, one by one
//! where several ends meet. See `ends`.

use super::block::{Alive, Block, Outermost};
use super::context;
use super::inbox::Intake;
use crate::task::{Ended, Header, Home};
use crate::unwind::{Panic, caught, hand_on, keep_first};
use std::ptr::{self, NonNull};

impl Block {
    /// A run begins. If a destructor drives it, the ends that wait for this
    /// destructor are done first, and none waits for it until what is returned is
    /// dropped.
    ///
    /// # Panics
    /// With the first panic of these ends.
    #[inline(always)]
    pub(super) fn begin_run(&self) -> Option<Outermost<'_>> {
        self.ends.is_busy().then(|| self.begin_run_in_end())
    }

    #[cold]
    fn begin_run_in_end(&self) -> Outermost<'_> {
        let mut first = None;
        self.end_queued(&mut first);
        let outermost = self.ends.begin_run();
        hand_on(first);
        outermost
    }

    /// Ends a task, and then what is queued meanwhile. Returns the first panic.
    ///
    /// # Safety
    /// - As for [`Block::end`]; no end is under way.
    pub(super) unsafe fn end_outermost(&self, task: *const Header, how: Ended) -> Option<Panic> {
        let _outermost = self.ends.begin();
        // SAFETY: as the caller says.
        let mut first = unsafe { self.end(task, how) };
        self.end_queued(&mut first);
        first
    }

    /// Does what is queued, and what is queued meanwhile.
    fn end_queued(&self, first: &mut Option<Panic>) {
        while self.end_next(first) {}
    }

    /// Does the oldest of what is queued. `false`: there was none.
    pub(super) fn end_next(&self, first: &mut Option<Panic>) -> bool {
        let Some(task) = self.ends.pop() else {
            return false;
        };
        // SAFETY: alive, because what is queued is; not touched afterwards. A
        // task that has not completed is not being polled, guaranteed by
        // `Home::abort`.
        let panic = unsafe {
            if (*task).state.is_completed() {
                let panic = Self::drop_output(task);
                (*task).state.end_busy();
                Self::release(task);
                panic
            } else {
                self.end_aborted(task)
            }
        };
        keep_first(first, panic);
        true
    }

    /// Drops the future of an aborted task, inside its runtime.
    ///
    /// # Safety
    /// - As for [`Block::end`].
    unsafe fn end_aborted(&self, task: *const Header) -> Option<Panic> {
        if self.world.is_resting() {
            // Between runs there is no turn, and so no time of a turn.
            self.timers.clock.forget_time();
        }
        // SAFETY: a task is alive, so the runtime is not closed, and the block
        // stays until the guard is gone: the caller keeps it.
        unsafe {
            let _context = context::enter(self.block());
            self.end(task, Ended::Aborted)
        }
    }

    /// Drops the output, if it is there. Returns its panic.
    ///
    /// # Safety
    /// - `task` is alive, and has no handle.
    pub(super) unsafe fn drop_output(task: *const Header) -> Option<Panic> {
        // SAFETY: alive, as the caller says; `take_output` says that the output
        // is the caller's.
        unsafe {
            if !(*task).state.take_output() {
                return None;
            }
            caught(|| ((*task).vtable.drop_output)(task))
        }
    }
}

impl Home for Block {
    #[inline]
    unsafe fn free(task: *const Header) {
        // SAFETY: as the caller says. A task that cannot be freed is the root,
        // which is part of the block, or in a slot of the arena.
        unsafe {
            let shared = Self::of(task);
            match ((*task).vtable.dealloc, &(*shared).arena) {
                (Some(dealloc), _) => dealloc(task),
                (None, Some(arena)) if !ptr::eq(task, &raw const (*shared).alive.root) => {
                    arena.give_back(NonNull::new_unchecked(task.cast_mut().cast()));
                }
                (None, _) => {}
            }
            Intake::let_go(shared.cast());
        }
    }

    unsafe fn abort(task: *const Header) -> bool {
        // SAFETY: alive, because the caller keeps it.
        let header = unsafe { &*task };
        if header.state.is_completed() {
            return false;
        }
        if header.state.is_aborted() {
            // It will end with the poll that is running, or is queued.
            return true;
        }
        // SAFETY: alive, because the task is, which the caller keeps.
        let shared = unsafe { &*Self::of(task) };
        if ptr::eq(shared.current.get(), task) {
            header.state.abort_later();
        } else if shared.ends.is_busy() {
            header.state.abort_later();
            Alive::unlink(header);
            // SAFETY: in no list any more; alive until it is ended.
            unsafe { shared.ends.push(task) };
        } else {
            let outermost = shared.ends.begin();
            // SAFETY: alive, and not being polled, see above.
            let mut first = unsafe { shared.end_aborted(task) };
            shared.end_queued(&mut first);
            drop(outermost);
            hand_on(first);
        }
        true
    }

    unsafe fn discard(task: *const Header) -> Option<Panic> {
        // SAFETY: alive, because it is busy; so is the block, which it keeps.
        let shared = unsafe { &*Self::of(task) };
        if shared.ends.is_busy() {
            // SAFETY: a finished task is in no list; alive while it is busy.
            unsafe { shared.ends.push(task) };
            return None;
        }
        let outermost = shared.ends.begin();
        // SAFETY: alive; its handle is gone.
        let mut first = unsafe { Self::drop_output(task) };
        shared.end_queued(&mut first);
        drop(outermost);
        // SAFETY: alive, and with it the block, until here; not touched
        // afterwards.
        unsafe {
            (*task).state.end_busy();
            Self::release(task);
        }
        first
    }
}

//! A task on its owner's thread, from spawn to end.
//!
//! The task's state says what may be done, see `task`; this does it, in an
//! order in which foreign code may panic or call back anywhere.

use super::block::Block;
use super::waker;
use crate::task::{Ended, Header, Home, State, TaskVtable};
use crate::thread;
use crate::unwind::{Panic, caught, keep_first, swallow};
use std::io::Write as _;
use std::panic::Location;
use std::ptr;
use std::task::Context;

impl Block {
    /// The home of `task`.
    ///
    /// # Safety
    /// - `task` is alive, and a task of a runtime.
    #[inline(always)]
    pub(super) unsafe fn of(task: *const Header) -> *const Self {
        // SAFETY: as the caller says; `home` is the block's address.
        unsafe { (*task).home.cast() }
    }

    /// A header for a task that is about to be [admitted](Block::admit).
    #[inline(always)]
    pub(super) fn header(
        &self,
        vtable: &'static TaskVtable,
        location: &'static Location<'static>,
    ) -> Header {
        Header::new(
            State::task(),
            vtable,
            self.alive.root.home,
            self.alive.root.owner,
            location,
        )
    }

    /// A task has been spawned.
    ///
    /// # Safety
    /// - `task` was placed just now, with [`Block::header`], and is
    ///   [counted](super::inbox::Intake::keep).
    #[inline(always)]
    pub(super) unsafe fn admit(&self, task: *const Header) {
        self.counters.spawned.add(1);
        // SAFETY: alive and in no list; it leaves them before its memory goes.
        unsafe {
            self.alive.add(task);
            self.intake.ready.push(task);
        }
        if self.ends.closing.get() {
            self.end_late(task);
        }
    }

    /// A future spawned while the runtime is being dropped: dropped at once,
    /// or, if that spawns again, by `close`: no recursion.
    #[cold]
    fn end_late(&self, task: *const Header) {
        if !self.ends.dropping_late.replace(true) {
            // SAFETY: listed just now. Its handle is about to exist.
            let panic = unsafe { self.end(task, Ended::Shutdown) };
            self.ends.dropping_late.set(false);
            if let Some(panic) = panic {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// No longer among the tasks alive.
    #[inline(always)]
    fn unlist(&self, task: &Header) {
        if task.state.unlist() {
            self.alive.remove(task);
        }
    }

    /// Polls at most `limit` tasks, oldest first.
    #[inline(always)]
    pub(super) fn poll_ready(&self, limit: usize) {
        let mut left = limit;
        while left > 0
            && let Some(task) = self.intake.ready.pop()
        {
            left -= 1;
            self.poll_task(task);
        }
        self.current.set(ptr::null());
        thread::end_budget();
    }

    /// Polls a task that was taken out of the ready queue.
    #[inline(always)]
    fn poll_task(&self, task: *const Header) {
        // SAFETY: alive, a queued task is not freed.
        let header = unsafe { &*task };
        if !header.state.begin_poll() {
            // SAFETY: alive, not touched afterwards.
            unsafe { Self::release(task) };
            return;
        }
        self.current.set(task);
        self.counters.polls.add(1);
        thread::start_budget();
        // SAFETY: the task is alive while it is polled.
        let waker = unsafe { waker::borrowed(task) };
        let mut cx = Context::from_waker(&waker);
        // SAFETY: this is the owning thread; `begin_poll` said `true`.
        if unsafe { (header.vtable.poll)(task, &mut cx) } {
            self.complete(task);
        } else if header.state.is_aborted() {
            self.abort_current(task);
        }
    }

    /// The future has returned. If foreign code panics here, `recover` does
    /// the rest.
    #[inline(always)]
    fn complete(&self, task: *const Header) {
        // SAFETY: alive, because it is busy.
        let header = unsafe { &*task };
        self.unlist(header);
        if let Some(joiner) = header.joiner.take() {
            joiner.wake();
        }
        if !header.state.has_handle() && header.state.take_output() {
            // SAFETY: `take_output` said so.
            unsafe { (header.vtable.drop_output)(task) };
        }
        self.current.set(ptr::null());
        header.state.end_busy();
        // SAFETY: alive, not touched afterwards.
        unsafe { Self::release(task) };
    }

    #[cold]
    fn abort_current(&self, task: *const Header) {
        // SAFETY: alive, because it has not ended. Nothing is polled while an end
        // is under way.
        let panic = unsafe { self.end_outermost(task, Ended::Aborted) };
        self.current.set(ptr::null());
        if let Some(panic) = panic {
            std::panic::resume_unwind(panic);
        }
    }

    /// After a panic out of the loop: ends the task that was being polled, and
    /// names it.
    #[cold]
    pub(super) fn recover(&self) {
        thread::end_budget();
        let task = self.current.replace(ptr::null());
        if task.is_null() {
            return;
        }
        // SAFETY: alive: the panic came from within its poll, or from what
        // follows it in `complete`, while it is busy.
        let location = unsafe { (*task).location };
        // Not `eprintln`, which would panic if there is no stderr.
        let _ = writeln!(std::io::stderr(), "the task spawned at {location} panicked");
        // SAFETY: as above. A second panic is swallowed: the first goes on.
        if let Some(second) = unsafe { self.end_outermost(task, Ended::Panicked) } {
            swallow(second);
        }
    }

    /// Ends a task whatever it is doing: drops its future if there is one, and
    /// its output if nobody waits for it, wakes the one that does, and releases
    /// it. Returns the first panic.
    ///
    /// # Safety
    /// - `task` is alive, and not being polled, unless the caller is what
    ///   follows that poll; it is not touched afterwards.
    pub(super) unsafe fn end(&self, task: *const Header, how: Ended) -> Option<Panic> {
        // SAFETY: alive until released below: busy.
        let header = unsafe { &*task };
        let mut first = None;
        if header.state.begin_end(how) {
            // SAFETY: `begin_end` said so.
            let dropped = caught(|| unsafe { (header.vtable.drop_future)(task) });
            keep_first(&mut first, dropped);
        }
        self.unlist(header);
        if let Some(joiner) = header.joiner.take() {
            keep_first(&mut first, caught(|| joiner.wake()));
        }
        if !header.state.has_handle() {
            // SAFETY: alive, and nobody waits for the output.
            keep_first(&mut first, unsafe { Self::drop_output(task) });
        }
        header.state.end_busy();
        // SAFETY: alive, not touched afterwards.
        unsafe { Self::release(task) };
        first
    }
}

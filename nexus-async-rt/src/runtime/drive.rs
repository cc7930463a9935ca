//! A runtime, and its loop. See the module above for a turn, `idle` for its end.

use super::block::{Block, Lent, Outermost, OwnWorld};
use super::context::{self, ContextGuard};
use super::{signals, waker};
use crate::reactor::{Poller, Watches};
use crate::thread::{self, BlockOnGuard};
use crate::unwind::hand_on;
use nexus_rt::World;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The limits of one turn of the loop, and how it idles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) tasks_per_cycle: usize,
    pub(super) cross_thread_drain_limit: usize,
    pub(super) event_interval: u32,
    pub(super) spin: Duration,
}

/// A single-threaded executor that borrows a [`World`](https://docs.rs/nexus-rt/2.5/nexus_rt/struct.World.html).
///
/// Made by [`Runtime::new`] or [`Runtime::builder`], it belongs to the thread
/// that made it. The value may be moved between runs, and driven again: tasks
/// that are still alive go on. Dropping it drops every task's future.
///
/// # Panics
/// A panic in a task comes out of `block_on`. The task is gone, everything else
/// is intact. Dropping the runtime drops all futures even if some of their
/// destructors panic, then hands on the first of these panics.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
///
/// let mut rt = RuntimeBuilder::new().build();
/// assert_eq!(rt.block_on(async { spawn_boxed(async { 6 * 7 }).await }), 42);
/// ```
///
/// The World outlives it:
/// ```compile_fail,E0505
/// let mut world = nexus_rt::WorldBuilder::new().build();
/// let mut rt = nexus_async_rt::Runtime::new(&mut world);
/// drop(world);
/// rt.block_on(async {});
/// ```
///
/// It does not leave its thread:
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// fn check(rt: nexus_async_rt::Runtime<'_>) {
///     send(rt);
/// }
/// ```
pub struct Runtime<'w> {
    pub(super) shared: NonNull<Block>,
    pub(super) poller: Poller,
    pub(super) watches: Rc<Watches>,
    pub(super) limits: Limits,
    /// Parks to come that go to the poller for the reason in `park`.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(super) parks_in_poller: u32,
    /// Signals are handled until it is dropped.
    pub(super) _signals: Option<signals::SignalGuard>,
    /// Last: nothing of the runtime's uses it any more when it is dropped.
    pub(super) _own_world: Option<OwnWorld>,
    /// Not `Send`: the thread's number is in every task.
    pub(super) world: PhantomData<(&'w mut World, *const ())>,
}

/// Held while a runtime runs. The root future is dropped before: its destructor is
/// inside the runtime.
struct RunGuard<'a> {
    _ends: Option<Outermost<'a>>,
    _running: Lent<'a>,
    _context: ContextGuard,
    _in_block_on: BlockOnGuard,
}

impl Runtime<'_> {
    pub(super) fn shared(&self) -> &Block {
        // SAFETY: alive until `drop`.
        unsafe { self.shared.as_ref() }
    }

    /// Drives the tasks until `future` has returned; sleeps in the OS while
    /// there is nothing to do.
    ///
    /// # Panics
    /// Inside another `block_on`, with the panic of a task, and if the OS refuses to
    /// wait for events.
    ///
    /// # Cost
    /// No allocation: `future` lies on the stack, where the caller has put it. In a
    /// debug build it is copied there, up to twice.
    #[track_caller]
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let _run = self.begin_run();
        self.drive(future, false)
    }

    /// As [`block_on`](Runtime::block_on), but never sleeps: the thread is busy
    /// until `future` has returned.
    ///
    /// # Panics
    /// As [`block_on`](Runtime::block_on).
    #[track_caller]
    pub fn block_on_busy<F: Future>(&mut self, future: F) -> F::Output {
        let _run = self.begin_run();
        self.drive(future, true)
    }

    /// What holds while the loop runs.
    #[track_caller]
    #[inline]
    fn begin_run<'a>(&self) -> RunGuard<'a> {
        let Some(in_block_on) = BlockOnGuard::enter() else {
            panic!(
                "`block_on` was called inside another `block_on` of the same thread: await the \
                 future there"
            )
        };
        // SAFETY: alive and on its thread, as `self` is, which the caller borrows
        // for as long as it has the guard.
        let (context, shared) = unsafe { (context::enter(self.shared), self.shared.as_ref()) };
        let running = shared.world.begin_run();
        RunGuard {
            _ends: shared.begin_run(),
            _running: running,
            _context: context,
            _in_block_on: in_block_on,
        }
    }

    /// Runs the loop. The future stays where the caller has put it: a future may
    /// be large, and each move is a copy of it on the stack.
    fn drive<F: Future>(&mut self, mut future: F, busy: bool) -> F::Output {
        // SAFETY: a parameter is not moved unless it is named, and this hides its
        // name: it is dropped where it lies.
        let mut root = unsafe { Pin::new_unchecked(&mut future) };
        self.shared().set_root_ready();
        self.shared().timers.clock.forget_time();
        // It may have been set since the last run.
        self.shared().shutdown.look_at_world();
        match catch_unwind(AssertUnwindSafe(|| self.turns(root.as_mut(), busy))) {
            Ok(output) => output,
            Err(panic) => {
                self.shared().recover();
                resume_unwind(panic)
            }
        }
    }

    /// The loop.
    fn turns<F: Future>(&mut self, mut root: Pin<&mut F>, busy: bool) -> F::Output {
        let limits = self.limits;
        let mut turns = 0;
        let mut tasks = limits.tasks_per_cycle;
        loop {
            // SAFETY: alive until `drop`.
            let shared = unsafe { self.shared.as_ref() };
            shared.poll_ready(tasks);
            if shared.take_root_ready()
                && let Poll::Ready(output) = poll_root(shared, root.as_mut())
            {
                return output;
            }
            shared.drain(limits.cross_thread_drain_limit);
            tasks = limits.tasks_per_cycle;
            if shared.timers.is_empty() {
                shared.timers.clock.forget_time();
            } else if fire_timers(shared) {
                tasks = tasks.div_ceil(SHORT_TURN);
            }
            turns += 1;
            if turns == limits.event_interval {
                turns = 0;
                if self.watches.is_watching() {
                    self.look_at_sockets();
                }
            }
            if !shared.has_work() && !self.jump() {
                if busy {
                    std::hint::spin_loop();
                } else {
                    self.idle();
                }
            }
        }
    }
}

fn poll_root<F: Future>(shared: &Block, root: Pin<&mut F>) -> Poll<F::Output> {
    thread::start_budget();
    let waker = waker::of_root(shared);
    let poll = root.poll(&mut Context::from_waker(&waker));
    thread::end_budget();
    poll
}

/// What part of a turn's tasks a short turn polls.
const SHORT_TURN: usize = 8;

/// Fires what is due at the time that begins this turn. Whether the turn is to be short:
/// what a timer woke may be the root, which comes after the tasks, and a timer that is
/// near wants the clock to be looked at.
fn fire_timers(shared: &Block) -> bool {
    let now = shared.timers.clock.begin_turn();
    let fired = shared.timers.fire(shared.timers.clock.nanos(now));
    shared.counters.timers_fired.add(fired.count);
    fired.is_near
}

impl Drop for Runtime<'_> {
    fn drop(&mut self) {
        let panic = {
            // SAFETY: alive and on its thread, as `self` is.
            let _context = unsafe { context::enter(self.shared) };
            self.shared().timers.clock.forget_time();
            // SAFETY: as above. The block may be gone when the borrows are put
            // back, so they are not: nobody asks for them any more.
            std::mem::forget(unsafe { self.shared.as_ref() }.world.begin_run());
            // SAFETY: once; the block is not used afterwards.
            unsafe { Block::close(self.shared.as_ptr()) }
        };
        hand_on(panic);
    }
}

impl fmt::Debug for Runtime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("metrics", &self.metrics())
            .field("waits_for_sockets", &self.watches.has_waiters())
            .finish_non_exhaustive()
    }
}

//! Who runs next, and the loop.
//!
//! # A turn
//!
//! 1. At most `tasks_per_cycle` tasks are polled, one by one from the front of
//!    the ready queue; a task that wakes itself goes to its end and may come up
//!    again in the same turn.
//! 2. The root, the future of `block_on`, is polled if it has been woken.
//! 3. At most `cross_thread_drain_limit` wakes of other threads are taken out
//!    of the inbox.
//! 4. If timers wait, the clock is read and those that are due are fired.
//!    Otherwise the turn that begins here has not read it yet.
//! 5. Every `event_interval` turns, the OS is asked for sockets, if any are
//!    watched; who waits for one that is ready is woken.
//! 6. If there is nothing to do: a [paused clock](crate::time::pause()) moves to the next
//!    deadline, if no socket is waited for and nobody holds it. Otherwise,
//!    [idle](#idle).
//!
//! # Idle
//!
//! 1. For `spin`, look at the inbox, the sockets and the clock again and again.
//! 2. Look at everything once more. Wakers have run in the spin, and after the
//!    turn's look at the timers: they may have begun a timer, paused the clock or
//!    ended the last hold on it, on this thread, where no wake tells of it. If
//!    there is work, or a deadline comes within `spin`, begin again.
//! 3. Step to *parked*, which fails if a wake has come in between. Nothing foreign
//!    runs between the look and this step.
//! 4. Sleep in the OS until `spin` before the next deadline, the bell or a socket.
//!    If there is no deadline and no socket is watched: on the inbox's word, where
//!    the OS has that, which is cheaper to wake from; but not for some time after
//!    a wake that came before it slept.
//! 5. Step back to *running*, and take what came.
//!
//! `block_on_busy` goes on with the next turn instead. Whatever was taken out
//! of the inbox and not yet looked at is work: nobody sleeps on it.
//!
//! # Panics
//!
//! One guard is around the whole loop. It ends the task that was being polled
//! and lets the panic go on; everything else is in order at each point where
//! foreign code runs, so the loop can be entered again.

mod bell;
mod builder;
mod context;
mod ends;
#[cfg(all(target_os = "linux", not(miri)))]
mod futex;
mod inbox;
mod intake;
mod metrics;
mod quiesce;
mod ready;
#[cfg(feature = "net")]
mod registration;
mod shared;
mod shutdown;
mod signals;
mod spawn;
mod tasks;
mod waker;
mod world;

pub use builder::RuntimeBuilder;
pub use metrics::Metrics;
pub use quiesce::QuiesceTimeout;
#[cfg(feature = "net")]
pub(crate) use registration::Registration;
pub use shutdown::{
    RunUntilShutdown, ShutdownHandle, ShutdownSignal, run_until_shutdown, shutdown_handle,
    shutdown_signal,
};
pub use spawn::{SlabClaim, claim_slab, spawn_boxed, spawn_slab, try_claim_slab};
pub use world::{WorldCtx, with_world, with_world_ref};

use crate::reactor::{Poller, Watches};
use crate::thread::{self, BlockOnGuard};
use crate::timer::{ClockHold, Timers};
use crate::unwind::hand_on;
use builder::Limits;
use context::ContextGuard;
use ends::Outermost;
use inbox::Park;
use nexus_rt::World;
use shared::Shared;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use world::Lent;

/// A single-threaded executor that borrows a [`World`].
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
/// use nexus_async_rt::{Runtime, spawn_boxed};
/// use nexus_rt::WorldBuilder;
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
/// assert_eq!(rt.block_on(async { spawn_boxed(async { 6 * 7 }).await }), 42);
/// ```
///
/// The World outlives it:
/// ```compile_fail,E0505
/// use nexus_async_rt::Runtime;
/// use nexus_rt::WorldBuilder;
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
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
    shared: NonNull<Shared>,
    poller: Poller,
    watches: Rc<Watches>,
    limits: Limits,
    /// Parks to come that go to the poller for the reason in `park`.
    #[cfg(all(target_os = "linux", not(miri)))]
    parks_in_poller: u32,
    /// Has signals handled until it is dropped.
    _signals: Option<signals::Watch>,
    /// Not `Send`: the thread's number is in every task.
    world: PhantomData<(&'w mut World, *const ())>,
}

/// Held while a runtime runs. The root future is dropped before: its destructor is
/// inside the runtime.
struct RunGuard<'a> {
    _ends: Option<Outermost<'a>>,
    _running: Lent<'a>,
    _context: ContextGuard,
    _in_block_on: BlockOnGuard,
}

/// Parks after which a runtime that was woken in a hurry sees whether it still is.
#[cfg(all(target_os = "linux", not(miri)))]
const HURRIED: u32 = 64;

impl<'w> Runtime<'w> {
    /// A runtime without a slab, with the builder's defaults.
    ///
    /// # Panics
    /// If the OS refuses a descriptor that it needs: see
    /// [`RuntimeBuilder::try_build`].
    #[must_use]
    #[track_caller]
    pub fn new(world: &'w mut World) -> Self {
        Self::builder(world).build()
    }

    /// Sets up a runtime.
    pub fn builder(world: &'w mut World) -> RuntimeBuilder<'w> {
        RuntimeBuilder::new(world)
    }

    fn shared(&self) -> &Shared {
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

    /// What the runtime has done so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared().metrics()
    }

    /// Tasks that have not ended.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.metrics().tasks_alive as usize
    }

    /// What holds while the loop runs.
    #[track_caller]
    #[inline]
    fn begin_run<'a>(&self) -> RunGuard<'a> {
        let Some(in_block_on) = BlockOnGuard::enter() else {
            panic!("`block_on` was called inside another `block_on` of the same thread")
        };
        // SAFETY: alive and on its thread, as `self` is, which the caller borrows
        // for as long as it has the guard.
        let (context, shared) = unsafe { (context::enter(self.shared), self.shared.as_ref()) };
        let running = shared.borrows.begin_run();
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
        self.shared().look_at_world_flag();
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
        loop {
            // SAFETY: alive until `drop`.
            let shared = unsafe { self.shared.as_ref() };
            shared.poll_ready(limits.tasks_per_cycle);
            if shared.take_root_ready()
                && let Poll::Ready(output) = poll_root(shared, root.as_mut())
            {
                return output;
            }
            shared.drain(limits.cross_thread_drain_limit);
            if shared.timers.is_empty() {
                shared.timers.clock.forget_time();
            } else {
                shared.fire_timers();
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

    #[cold]
    fn look_at_sockets(&mut self) {
        self.shared().counters.socket_polls.add(1);
        if let Err(error) = self.poller.look() {
            panic!("the OS refused to say what has happened: {error}");
        }
        self.report();
    }

    /// Wakes those who wait for what the poller has heard.
    fn report(&mut self) {
        let watches = &self.watches;
        self.poller
            .report(|event, first| watches.hear(event, first));
    }

    /// Moves a paused clock to the next deadline, if it may; there is no work.
    #[inline(always)]
    fn jump(&self) -> bool {
        let timers = &self.shared().timers;
        timers.clock.is_paused() && self.clock_may_jump() && timers.jump()
    }

    /// Whether nothing but a timer can cause work on this thread: no socket is
    /// waited for, and nobody holds the clock.
    #[cold]
    fn clock_may_jump(&self) -> bool {
        let shared = self.shared();
        // What a holder handed over before it let go may have come after the
        // last look at the inbox.
        !self.watches.has_waiters() && !shared.timers.clock.is_held() && !shared.has_work()
    }

    /// The complete look: at the queues, the inbox, the clock and the timers, the
    /// staged ones included. Runs no foreign code. A paused clock jumps, if it may.
    fn look(&self) -> Outlook {
        let shared = self.shared();
        if shared.has_work() || self.jump() {
            return Outlook::Work;
        }
        match shared.timers.sleep_time() {
            Some((_, left)) if left.is_zero() => Outlook::Work,
            until => Outlook::Quiet(until),
        }
    }

    /// See the module.
    #[cold]
    fn idle(&mut self) {
        // Wakers run in the spin, and may do anything.
        if !self.limits.spin.is_zero() && self.spin() {
            return;
        }
        // The last look. Between it and the step to parked nothing foreign runs.
        let Outlook::Quiet(until) = self.look() else {
            return;
        };
        // What the OS takes to wake a thread is spun away, too.
        let sleep = until.map(|(now, left)| (now, left.saturating_sub(self.limits.spin)));
        if sleep.is_some_and(|(_, sleep)| sleep.is_zero()) {
            return;
        }
        let park = self.park(sleep.is_some());
        if self.shared().intake.begin_park(park) {
            self.sleep(park, sleep);
        }
    }

    /// Sleeps in the OS, steps back to running, and wakes those who wait for a
    /// socket that is ready.
    fn sleep(&mut self, park: Park, sleep: Option<(Instant, Duration)>) {
        // SAFETY: alive until `drop`.
        let shared = unsafe { self.shared.as_ref() };
        shared.counters.parks.add(1);
        let slept = match park {
            Park::Poller => self.poller.sleep(sleep),
            #[cfg(all(target_os = "linux", not(miri)))]
            Park::Here => {
                if !shared.intake.sleep() {
                    self.parks_in_poller = HURRIED;
                }
                Ok(())
            }
        };
        shared.intake.end_park();
        shared.timers.clock.forget_time();
        if let Err(error) = slept {
            panic!("the OS refused to wait for events: {error}");
        }
        self.report();
    }

    /// Where to sleep: in the poller only if it has something to wait for; or if
    /// wakes come in such a hurry that nobody sleeps. There the time that the
    /// poller takes lets several messages come together, and spares the senders of
    /// all but the first a system call.
    fn park(&mut self, has_deadline: bool) -> Park {
        #[cfg(all(target_os = "linux", not(miri)))]
        if !has_deadline && !self.watches.is_watching() {
            if self.parks_in_poller == 0 {
                return Park::Here;
            }
            self.parks_in_poller -= 1;
        }
        let _ = has_deadline;
        Park::Poller
    }

    /// Looks for work for a while. `true`: there is some.
    fn spin(&mut self) -> bool {
        let shared = self.shared();
        shared.counters.spins.add(1);
        let found = self.spin_until_work();
        // The turn that follows, or the look before a park, reads the clock anew.
        self.shared().timers.clock.forget_time();
        found
    }

    fn spin_until_work(&mut self) -> bool {
        /// Looks at the inbox between two looks at clock and sockets.
        const LOOKS: usize = 16;
        // SAFETY: alive until `drop`.
        let shared = unsafe { self.shared.as_ref() };
        let begin = Instant::now();
        let mut outlook = self.look();
        loop {
            let Outlook::Quiet(deadline) = outlook else {
                return true;
            };
            for _ in 0..LOOKS {
                if shared.has_work() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.watches.is_watching() {
                shared.timers.clock.forget_time();
                self.look_at_sockets();
                // A waker may have begun a timer, paused the clock or ended a hold.
                outlook = self.look();
            }
            let now = Instant::now();
            if deadline.is_some_and(|(begin, left)| now.duration_since(begin) >= left) {
                return true;
            }
            if now.duration_since(begin) >= self.limits.spin {
                return false;
            }
        }
    }
}

/// What a [look](Runtime::look) has found.
#[derive(Clone, Copy)]
enum Outlook {
    /// Something for the next turn.
    Work,
    /// Nothing until then, in the system's time: so long after that moment. `None`:
    /// nothing until somebody wakes the runtime.
    Quiet(Option<(Instant, Duration)>),
}

fn poll_root<F: Future>(shared: &Shared, root: Pin<&mut F>) -> Poll<F::Output> {
    thread::start_budget();
    let waker = shared.root_waker();
    let poll = root.poll(&mut Context::from_waker(&waker));
    thread::end_budget();
    poll
}

/// Runs `f` on the timers of the current runtime, for the public function
/// `name`.
#[track_caller]
#[inline(always)]
pub(crate) fn with_timers<R>(name: &str, f: impl FnOnce(&Timers) -> R) -> R {
    context::with(name, |shared| f(&shared.timers))
}

/// As [`with_timers`], if the caller runs in a runtime.
pub(crate) fn find_timers<R>(f: impl FnOnce(&Timers) -> R) -> Option<R> {
    context::find(|shared| f(&shared.timers))
}

/// The time of the runtime that the caller runs in; outside a runtime, the
/// system's.
#[inline(always)]
pub(crate) fn clock_now() -> Instant {
    context::find(|shared| shared.timers.clock.now()).unwrap_or_else(Instant::now)
}

/// See [`ClockHold`]; for the public function `name`.
#[track_caller]
pub(crate) fn hold_clock(name: &str) -> ClockHold {
    context::with(name, Shared::hold_clock)
}

/// The same, if the caller runs in a runtime.
#[cfg(any(feature = "net", feature = "tokio-compat"))]
pub(crate) fn try_hold_clock() -> Option<ClockHold> {
    context::find(Shared::hold_clock)
}

impl Shared {
    fn hold_clock(&self) -> ClockHold {
        let root = Waker::clone(&self.root_waker());
        self.timers.clock.hold(root)
    }

    fn fire_timers(&self) {
        let now = self.timers.clock.begin_turn();
        let fired = self.timers.fire(self.timers.clock.nanos(now));
        self.counters.timers_fired.add(fired);
    }
}

impl Drop for Runtime<'_> {
    fn drop(&mut self) {
        let panic = {
            // SAFETY: alive and on its thread, as `self` is.
            let _context = unsafe { context::enter(self.shared) };
            self.shared().timers.clock.forget_time();
            // SAFETY: as above. The block may be gone when the borrows are put
            // back, so they are not: nobody asks for them any more.
            std::mem::forget(unsafe { self.shared.as_ref() }.borrows.begin_run());
            // SAFETY: once; the block is not used afterwards.
            unsafe { Shared::close(self.shared.as_ptr()) }
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

/// What the runtime that the caller runs in has done so far.
///
/// # Panics
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn metrics() -> Metrics {
    context::with("metrics", Shared::metrics)
}

/// Tasks of the runtime that the caller runs in that have not ended.
///
/// # Panics
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn task_count() -> usize {
    context::with("task_count", |shared| shared.metrics().tasks_alive as usize)
}

//! How a runtime is set up.

use super::block::{Block, Loan, OwnWorld, Shutdown, Told};
use super::drive::{Limits, Runtime};
use super::inbox::Bell;
use super::{context, signals};
use crate::reactor::{Poller, Watches};
use crate::task::{Arena, BoundedByteSlab, ByteSlab};
use nexus_rt::{World, WorldBuilder};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Duration;

/// Far below what the OS refuses, and that only when it is asked for events.
const MAX_EVENTS: usize = 1 << 20;

/// The World of a runtime to be.
enum Source<'w> {
    Lent(&'w mut World),
    Own(Box<World>),
}

impl Source<'_> {
    fn get(&self) -> &World {
        match self {
            Self::Lent(world) => world,
            Self::Own(world) => world,
        }
    }
}

/// Sets up a [`Runtime`].
///
/// Made by [`Runtime::builder`] with the World that the runtime borrows, or by
/// [`RuntimeBuilder::new`] without one.
///
/// # Example
/// ```
/// use nexus_async_rt::{ByteSlab, RuntimeBuilder};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new()
///     .tasks_per_cycle(32)
///     .spin(Duration::from_micros(20))
///     .slab_unbounded(ByteSlab::<512>::with_chunk_capacity(128))
///     .build();
/// assert_eq!(rt.block_on(async { 1 + 1 }), 2);
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct RuntimeBuilder<'w> {
    world: Source<'w>,
    limits: Limits,
    event_capacity: usize,
    arena: Option<Arena>,
    paused: bool,
    core: Option<usize>,
    signals: signals::Wanted,
}

impl fmt::Debug for RuntimeBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("limits", &self.limits)
            .field("event_capacity", &self.event_capacity)
            .field("arena", &self.arena)
            .field("paused", &self.paused)
            .field("core", &self.core)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

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
        RuntimeBuilder::of(Source::Lent(world))
    }
}

impl RuntimeBuilder<'static> {
    /// Sets up a runtime with a World of its own, which is empty: for programs that
    /// keep their state elsewhere.
    ///
    /// [`Runtime::world`] and [`with_world`](crate::with_world) reach that World. It is
    /// dropped after the runtime and all tasks.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// assert_eq!(rt.block_on(async { spawn_boxed(async { 6 * 7 }).await }), 42);
    /// ```
    pub fn new() -> Self {
        Self::of(Source::Own(Box::new(WorldBuilder::new().build())))
    }
}

impl Default for RuntimeBuilder<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> RuntimeBuilder<'w> {
    fn of(world: Source<'w>) -> Self {
        Self {
            world,
            limits: Limits {
                tasks_per_cycle: 64,
                cross_thread_drain_limit: 256,
                event_interval: 61,
                spin: Duration::ZERO,
            },
            event_capacity: 1024,
            arena: None,
            paused: false,
            core: None,
            signals: signals::Wanted::default(),
        }
    }

    /// Polls of tasks in one turn, 64 by default.
    ///
    /// # Panics
    /// If `limit` is zero.
    #[track_caller]
    pub fn tasks_per_cycle(mut self, limit: usize) -> Self {
        assert!(limit > 0, "tasks_per_cycle is 0");
        self.limits.tasks_per_cycle = limit;
        self
    }

    /// Wakes from other threads taken in one turn, 256 by default.
    ///
    /// # Panics
    /// If `limit` is zero.
    #[track_caller]
    pub fn cross_thread_drain_limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "cross_thread_drain_limit is 0");
        self.limits.cross_thread_drain_limit = limit;
        self
    }

    /// Turns between two looks at the sockets, 61 by default.
    ///
    /// # Panics
    /// If `turns` is zero.
    #[track_caller]
    pub fn event_interval(mut self, turns: u32) -> Self {
        assert!(turns > 0, "event_interval is 0");
        self.limits.event_interval = turns;
        self
    }

    /// Events taken from the OS at once, 1024 by default.
    ///
    /// # Panics
    /// If `capacity` is zero or more than 1,048,576.
    #[track_caller]
    pub fn event_capacity(mut self, capacity: usize) -> Self {
        assert!(capacity > 0, "event_capacity is 0");
        assert!(
            capacity <= MAX_EVENTS,
            "event_capacity is {capacity}, it must be at most {MAX_EVENTS}"
        );
        self.event_capacity = capacity;
        self
    }

    /// How long an idle `block_on` keeps looking before it parks; zero by
    /// default.
    ///
    /// It parks until so long before the next deadline, and looks until then. So
    /// a timer is not late by what the OS takes to wake a thread, some
    /// microseconds to some tens of them, if `spin` is longer than that.
    pub fn spin(mut self, spin: Duration) -> Self {
        self.limits.spin = spin;
        self
    }

    /// Storage for `spawn_slab` that grows.
    pub fn slab_unbounded<const S: usize>(mut self, slab: ByteSlab<S>) -> Self {
        self.arena = Some(slab.0);
        self
    }

    /// Storage for `spawn_slab` that does not grow.
    pub fn slab_bounded<const S: usize>(mut self, slab: BoundedByteSlab<S>) -> Self {
        self.arena = Some(slab.0);
        self
    }

    /// Whether the runtime's clock stands still from the beginning, as if
    /// [`pause`](crate::time::pause) had been called; it does not by default.
    pub fn start_paused(mut self, paused: bool) -> Self {
        self.paused = paused;
        self
    }

    /// Whether SIGINT and SIGTERM tell the runtime to shut down, as
    /// [`ShutdownHandle::trigger`](super::ShutdownHandle::trigger) does; off by default.
    ///
    /// While a runtime that was built so exists, the first of these signals
    /// tells all of them, on all threads. A second one ends the process as by
    /// default. A runtime that is built in between is told at once. When the
    /// last of them is dropped, what was set for the signals before is set
    /// again, unless somebody else has set something meanwhile. Until then what
    /// was set before gets neither.
    ///
    /// A signal that is ignored stays ignored, and tells nobody: a shell without
    /// job control has programs in the background ignore SIGINT, and `nohup` has
    /// them ignore SIGHUP. To handle it all the same, set it to its default before
    /// the runtime is built. A program that ignores a signal while a runtime lives
    /// keeps it ignored.
    ///
    /// A runtime that is forgotten ([`mem::forget`](std::mem::forget)) keeps the
    /// handlers: the first signal then tells a runtime that nobody drives, and the
    /// second one ends the process.
    ///
    /// The handler runs on a thread's alternate stack, where there is one.
    ///
    /// # Cost
    /// One thread for all such runtimes, which sleeps until a signal comes.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{RuntimeBuilder, shutdown_signal};
    ///
    /// let mut rt = RuntimeBuilder::new().signal_handlers(true).build();
    /// rt.shutdown_handle().trigger(); // or Ctrl-C
    /// rt.block_on(shutdown_signal());
    /// ```
    pub fn signal_handlers(mut self, on: bool) -> Self {
        self.signals.ends = on;
        self
    }

    /// Whether SIGHUP tells the runtime to shut down, as SIGINT and SIGTERM do with
    /// [`signal_handlers`](RuntimeBuilder::signal_handlers), which is a switch of its
    /// own; off by default.
    ///
    /// Without it, SIGHUP ends the process when its terminal closes. With it, the
    /// rules of [`signal_handlers`](RuntimeBuilder::signal_handlers) apply, and two
    /// more. SIGHUP also tells the runtimes that asked for the other signals only,
    /// until the last runtime with handlers is gone. It never counts as the second
    /// signal, because a terminal that closes sends two: after the first signal it
    /// does nothing.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    ///
    /// let rt = RuntimeBuilder::new()
    ///     .signal_handlers(true)
    ///     .sighup_handler(true)
    ///     .build();
    /// assert!(!rt.shutdown_handle().is_shutdown());
    /// ```
    pub fn sighup_handler(mut self, on: bool) -> Self {
        self.signals.hangup = on;
        self
    }

    /// Pins the thread that builds the runtime to the core number `core`, before the
    /// runtime is made; by default the system chooses. The thread stays pinned when the
    /// runtime is gone. What the thread has allocated before, such as a slab, stays where
    /// it is: to have that near the core too, call
    /// [`pin_thread`](super::pin_thread) first.
    ///
    /// `build` fails if the thread cannot be pinned: see
    /// [`pin_thread`](super::pin_thread).
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    ///
    /// # #[cfg(target_os = "linux")]
    /// # {
    /// let mut rt = RuntimeBuilder::new().pin(0).build();
    /// assert_eq!(rt.block_on(async { 1 + 1 }), 2);
    /// # }
    /// ```
    pub fn pin(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    /// The runtime, bound to this thread.
    ///
    /// # Panics
    /// With the error of [`try_build`](RuntimeBuilder::try_build).
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Runtime<'w> {
        match self.try_build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`build`](RuntimeBuilder::build), but returns what the OS refuses as an
    /// error. A value that makes no sense panics where it is set, here too.
    ///
    /// # Errors
    /// If the OS refuses a descriptor that the runtime sleeps on, what the handling of
    /// signals needs (a pipe, a thread or the handler), or the core that the thread is
    /// to be [pinned](RuntimeBuilder::pin) to. The message
    /// names it. The error of the OS is the
    /// [`source`](std::error::Error::source) of the inner error. Nothing that was
    /// made before stays open, except the pipe for signals, which the process keeps.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    ///
    /// let mut rt = RuntimeBuilder::new().try_build()?;
    /// assert_eq!(rt.block_on(async { 1 + 1 }), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_build(self) -> io::Result<Runtime<'w>> {
        if let Some(core) = self.core {
            super::pin_thread(core)?;
        }
        let (poller, bell, watches) = self.poller()?;
        let told = Told::new();
        let signals = if self.signals.any() {
            Some(signals::watch(&told, self.signals)?)
        } else {
            None
        };
        let shutdown = Shutdown::new(told, self.world.get());
        let (world, own_world) = match self.world {
            Source::Lent(world) => (NonNull::from(world), None),
            Source::Own(world) => {
                let own = OwnWorld::new(world);
                (own.world(), Some(own))
            }
        };
        // SAFETY: borrowed exclusively for longer than the runtime, or the runtime's
        // own, which goes after everything that uses it.
        let loan = unsafe { Loan::new(world, watches.runtime()) };
        let runtime = Runtime {
            shared: Block::create(bell, watches.clone(), self.arena, shutdown, loan),
            watches,
            poller,
            limits: self.limits,
            #[cfg(all(target_os = "linux", not(miri)))]
            parks_in_poller: 0,
            _signals: signals,
            _own_world: own_world,
            world: PhantomData,
        };
        if self.paused {
            runtime.shared().timers.clock.pause();
        }
        Ok(runtime)
    }

    fn poller(&self) -> io::Result<(Poller, Bell, Rc<Watches>)> {
        let (poller, bell) = Poller::new(self.event_capacity)?;
        let watches = Watches::new(&poller, context::next_number())?;
        Ok((poller, Bell(bell), Rc::new(watches)))
    }
}

//! Ends of tasks at random: destructors of futures and outputs of two runtimes
//! abort, join, spawn, panic, drive a runtime or drop it. Every value is dropped
//! once, and what each handle says agrees with that. A failure names the seed.

use nexus_async_rt::{AbortHandle, ByteSlab, JoinError, JoinHandle, Runtime, yield_now};
use nexus_rt::{World, WorldBuilder};
use nexus_testkit::seed::{NAME, seed};
use nexus_testkit::{scaled, within};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

/// What the tasks of one case share.
struct Case {
    random: Cell<u64>,
    runtimes: [RefCell<Option<Runtime<'static>>>; 2],
    joins: RefCell<Vec<JoinHandle<Tracked>>>,
    aborts: RefCell<Vec<AbortHandle>>,
    alive: Cell<isize>,
    spawned: Cell<usize>,
    /// Deeds in deeds: what they do to each other nests in values here.
    depth: Cell<usize>,
    aborted: Cell<usize>,
    queued: Cell<usize>,
    driven: Cell<usize>,
}

/// Is counted; its destructor may do anything, and panic.
struct Tracked(Rc<Case>);

impl Drop for Tracked {
    fn drop(&mut self) {
        let case = &self.0;
        case.alive.set(case.alive.get() - 1);
        assert!(case.alive.get() >= 0);
        for _ in 0..case.below(3) {
            case.disturb();
        }
        assert!(case.below(24) > 0 || thread::panicking(), "in a destructor");
    }
}

/// A task: some deeds, then a value, or never any.
struct Act {
    own: Tracked,
    left: u64,
}

impl Future for Act {
    type Output = Tracked;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Tracked> {
        self.own.0.disturb();
        assert!(self.own.0.below(16) > 0, "in a poll");
        if self.left == 0 {
            return Poll::Ready(self.own.0.tracked());
        }
        self.left -= 1;
        if self.own.0.below(4) > 0 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

fn poll_outcome(handle: &mut JoinHandle<Tracked>) -> Poll<Result<Tracked, JoinError>> {
    Pin::new(&mut handle.outcome()).poll(&mut Context::from_waker(Waker::noop()))
}

/// Takes any of them out; nobody's borrow is open when it is used.
fn any<T>(case: &Case, list: &RefCell<Vec<T>>) -> Option<T> {
    let mut list = list.borrow_mut();
    let count = list.len() as u64;
    (count > 0).then(|| list.swap_remove(case.below(count) as usize))
}

impl Case {
    fn below(&self, limit: u64) -> u64 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        random % limit
    }

    fn tracked(self: &Rc<Self>) -> Tracked {
        self.alive.set(self.alive.get() + 1);
        Tracked(self.clone())
    }

    fn runtime(&self) -> &RefCell<Option<Runtime<'static>>> {
        &self.runtimes[self.below(2) as usize]
    }

    fn spawn(self: &Rc<Self>) {
        if self.spawned.get() == 80 {
            return;
        }
        self.spawned.set(self.spawned.get() + 1);
        let act = Act {
            own: self.tracked(),
            left: self.below(4),
        };
        // Inside of a run, or of a drop, there is but the context.
        let handle = match self.runtime().try_borrow() {
            Ok(rt) if rt.is_some() => rt.as_ref().map(|rt| match self.below(2) {
                0 => rt.spawn_boxed(act),
                _ => rt.spawn_slab(act),
            }),
            _ => catch_unwind(AssertUnwindSafe(|| nexus_async_rt::spawn_boxed(act))).ok(),
        };
        let Some(handle) = handle else { return };
        if self.below(2) == 0 {
            self.aborts.borrow_mut().push(handle.abort_handle());
        }
        self.joins.borrow_mut().push(handle);
    }

    /// An abort by either handle, and what the other one says.
    fn abort(&self) {
        let Some(handle) = any(self, &self.joins) else {
            return;
        };
        let (state, finished) = (handle.abort_handle(), handle.is_finished());
        let aborted = match self.below(2) {
            0 => handle.abort(),
            _ => state.abort(),
        };
        assert!(!(aborted && finished));
        self.aborted.set(self.aborted.get() + usize::from(aborted));
        let queued = aborted && !state.is_finished();
        self.queued.set(self.queued.get() + usize::from(queued));
        assert!(!queued || state.abort() || state.is_finished());
    }

    fn outcome(&self) {
        let Some(mut handle) = any(self, &self.joins) else {
            return;
        };
        let finished = handle.is_finished();
        let polled = poll_outcome(&mut handle);
        assert_eq!(finished, polled.is_ready());
        if polled.is_pending() {
            self.joins.borrow_mut().push(handle);
        }
    }

    fn drive(&self) {
        if let Ok(mut rt) = self.runtime().try_borrow_mut()
            && let Some(rt) = &mut *rt
        {
            let alive = rt.task_count();
            rt.block_on(async {
                for _ in 0..self.below(4) {
                    yield_now().await;
                }
            });
            self.driven.set(self.driven.get() + alive.min(1));
        }
    }

    /// Something that any code may do at any time.
    fn disturb(self: &Rc<Self>) {
        if self.depth.get() == 6 {
            return;
        }
        self.depth.set(self.depth.get() + 1);
        let done = catch_unwind(AssertUnwindSafe(|| match self.below(16) {
            0..=3 => self.spawn(),
            4..=6 => self.abort(),
            7 | 8 => drop(any(self, &self.joins)),
            9 => self.outcome(),
            10 => drop(any(self, &self.aborts)),
            11 => {
                if let Some(handle) = any(self, &self.aborts) {
                    self.aborts.borrow_mut().push(handle.clone());
                    handle.abort();
                }
            }
            12..=14 => self.drive(),
            _ if self.below(8) == 0 => {
                let taken = self.runtime().try_borrow_mut().map(|mut rt| rt.take());
                drop(taken);
            }
            _ => {}
        }));
        self.depth.set(self.depth.get() - 1);
        if let Err(panic) = done {
            let text = panic.downcast_ref::<&str>().copied().unwrap_or("another");
            let text = panic.downcast_ref::<String>().map_or(text, String::as_str);
            let meant = ["in a destructor", "in a poll"].contains(&text)
                || text.contains("inside another `block_on`");
            if !meant {
                FAILED.set(Some(text.to_owned()));
            }
        }
    }
}

thread_local! {
    static FAILED: Cell<Option<String>> = const { Cell::new(None) };
}

fn run_case(seed: u64) -> [usize; 3] {
    let worlds = [(); 2].map(|()| Box::into_raw(Box::new(WorldBuilder::new().build())));
    let runtime = |world: *mut World| {
        // SAFETY: valid until it is freed below, after the runtime is gone, and
        // nobody else has it.
        let world = unsafe { &mut *world };
        let slab = ByteSlab::<256>::with_chunk_capacity(4);
        Runtime::builder(world).slab_unbounded(slab).build()
    };
    let case = Rc::new(Case {
        random: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        runtimes: worlds.map(|world| RefCell::new(Some(runtime(world)))),
        joins: RefCell::default(),
        aborts: RefCell::default(),
        alive: Cell::new(0),
        spawned: Cell::new(0),
        depth: Cell::new(0),
        aborted: Cell::new(0),
        queued: Cell::new(0),
        driven: Cell::new(0),
    });
    for _ in 0..60 {
        case.disturb();
    }
    for rt in &case.runtimes {
        let rt = rt.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(rt)));
    }
    while let Some(handle) = any(&case, &case.joins) {
        assert!(handle.is_finished(), "seed {seed}");
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }
    for handle in case.aborts.take() {
        assert!(handle.is_finished() && !handle.abort(), "seed {seed}");
    }
    assert_eq!(FAILED.take(), None, "seed {seed}");
    assert_eq!(case.alive.get(), 0, "seed {seed}");
    assert_eq!(Rc::strong_count(&case), 1, "seed {seed}");
    for world in worlds {
        // SAFETY: of a box; its runtime was dropped above.
        drop(unsafe { Box::from_raw(world) });
    }
    [case.aborted.get(), case.queued.get(), case.driven.get()]
}

#[test]
fn ends_in_any_order() {
    let first = seed();
    within(std::time::Duration::from_secs(600), || {
        // The panics are meant: their messages are not shown.
        let hook = std::panic::take_hook();
        let home = thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().id() != home {
                hook(info);
            }
        }));
        let cases = scaled(200) as u64;
        let mut total = [0; 3];
        for seed in (0..cases).map(|number| first.wrapping_add(number)) {
            match catch_unwind(AssertUnwindSafe(|| run_case(seed))) {
                Ok(ran) => total = std::array::from_fn(|at| total[at] + ran[at]),
                Err(panic) => {
                    let message = panic.downcast_ref::<String>();
                    eprintln!("{NAME}={seed}: {message:?}");
                    panic!("seed {seed}");
                }
            }
        }
        println!("aborted, queued, driven: {total:?}");
        assert!(
            total.iter().all(|count| *count > cases as usize / 4),
            "{total:?}"
        );
    });
}

//! Tasks that do anything to each other, at random: spawn, join, abort, wake
//! from both sides, sleep, panic in polls and destructors. And a runtime that
//! is dropped in the middle of it. A failure names the seed.

use nexus_async_rt::{ByteSlab, JoinHandle, Runtime, sleep, spawn_boxed, spawn_slab, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::handoff::Handoff;
use nexus_testkit::seed::{NAME, seed};
use nexus_testkit::{scaled, within};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// What the tasks of one case share.
struct Case {
    random: Cell<u64>,
    handles: RefCell<Vec<JoinHandle<Tracked>>>,
    wakers: RefCell<Vec<Waker>>,
    /// Values alive, see `Tracked`.
    alive: Rc<Cell<isize>>,
    spawned: Cell<usize>,
    remote: Handoff<Waker>,
    home: ThreadId,
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

    fn tracked(self: &Rc<Self>, drastic: bool) -> Tracked {
        self.alive.set(self.alive.get() + 1);
        Tracked {
            case: self.clone(),
            drastic,
        }
    }

    /// Takes a handle out; nobody's borrow is open when it is used.
    fn handle(&self) -> Option<JoinHandle<Tracked>> {
        let mut handles = self.handles.borrow_mut();
        let count = handles.len() as u64;
        (count > 0).then(|| handles.swap_remove(self.below(count) as usize))
    }

    fn waker(&self) -> Option<Waker> {
        let mut wakers = self.wakers.borrow_mut();
        let count = wakers.len() as u64;
        (count > 0).then(|| wakers.swap_remove(self.below(count) as usize))
    }

    fn spawn(self: &Rc<Self>) {
        if self.spawned.get() >= 60 {
            return;
        }
        self.spawned.set(self.spawned.get() + 1);
        let future = act(self.clone(), self.tracked(true));
        let handle = if self.below(2) == 0 {
            spawn_boxed(future)
        } else {
            spawn_slab(future)
        };
        if self.below(4) > 0 {
            self.handles.borrow_mut().push(handle);
        }
    }

    /// Something that any code may do at any time.
    fn disturb(self: &Rc<Self>) {
        match self.below(6) {
            0 => self.spawn(),
            1 => drop(self.handle().map(JoinHandle::abort)),
            2 => drop(self.handle()),
            3 => drop(self.waker().map(Waker::wake)),
            4 => {
                if let Some(waker) = self.waker() {
                    self.remote.give(waker);
                }
            }
            _ => drop(self.waker()),
        }
    }
}

/// Is counted; its destructor may do anything, and panic.
struct Tracked {
    case: Rc<Case>,
    drastic: bool,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let case = &self.case;
        assert_eq!(case.home, thread::current().id());
        case.alive.set(case.alive.get() - 1);
        if self.drastic {
            case.disturb();
            assert!(case.below(20) > 0 || thread::panicking(), "in a destructor");
        }
    }
}

/// A task.
async fn act(case: Rc<Case>, own: Tracked) -> Tracked {
    for _ in 0..case.below(6) {
        match case.below(8) {
            0 => yield_now().await,
            1 => sleep(Duration::from_micros(case.below(300))).await,
            2 => {
                if let Some(handle) = case.handle() {
                    drop(handle.await);
                }
            }
            3 => {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                case.wakers.borrow_mut().push(waker.clone());
                case.wakers.borrow_mut().push(waker);
            }
            4 if case.below(4) == 0 => panic!("in a poll"),
            5 if case.below(4) == 0 => pending().await,
            _ => case.disturb(),
        }
        assert_eq!(case.home, thread::current().id());
    }
    let output = case.tracked(false);
    drop(own);
    output
}

/// Returns how many tasks there were, and how many panics came out of runs.
fn run_case(seed: u64, remote: &Handoff<Waker>) -> (usize, usize) {
    let case = Rc::new(Case {
        random: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        handles: RefCell::default(),
        wakers: RefCell::default(),
        alive: Rc::default(),
        spawned: Cell::new(0),
        remote: remote.clone(),
        home: thread::current().id(),
    });
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .slab_unbounded(ByteSlab::<512>::with_chunk_capacity(4))
        .tasks_per_cycle(1 + case.below(5) as usize)
        .cross_thread_drain_limit(1 + case.below(3) as usize)
        .build();
    let mut panics = 0;
    for _ in 0..1 + case.below(8) {
        // Whatever panics comes out here, and the runtime goes on.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            rt.block_on(async {
                case.spawn();
                for _ in 0..case.below(20) {
                    yield_now().await;
                    case.disturb();
                }
            });
        }));
        panics += usize::from(ran.is_err());
    }
    let _ = catch_unwind(AssertUnwindSafe(|| drop(rt)));
    // Handles that are left hold outputs, wakers hold memory.
    for handle in case.handles.take() {
        assert!(handle.is_finished(), "seed {seed}");
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }
    for waker in case.wakers.take() {
        waker.wake_by_ref();
        remote.give(waker);
    }
    assert_eq!(case.alive.get(), 0, "seed {seed}");
    assert_eq!(Rc::strong_count(&case), 1, "seed {seed}");
    (case.spawned.get(), panics)
}

#[test]
fn anything_at_any_time() {
    let first = seed();
    within(Duration::from_secs(600), || {
        let remote = Handoff::<Waker>::new();
        let waking = remote.clone();
        let thread = thread::spawn(move || {
            while let Some(waker) = waking.take() {
                let other = waker.clone();
                waker.wake();
                drop(other);
            }
        });
        // The panics are meant: their messages are not shown.
        let hook = std::panic::take_hook();
        let home = thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().id() != home {
                hook(info);
            }
        }));
        let mut total = (0, 0);
        let cases = scaled(300) as u64;
        for seed in (0..cases).map(|number| first.wrapping_add(number)) {
            let ran = catch_unwind(AssertUnwindSafe(|| run_case(seed, &remote)));
            match ran {
                Ok((tasks, panics)) => total = (total.0 + tasks, total.1 + panics),
                Err(panic) => {
                    remote.close();
                    let message = panic.downcast_ref::<String>().map(String::as_str);
                    let message = message.or(panic.downcast_ref().copied());
                    // Not by the panic, which is not shown.
                    eprintln!("{NAME}={seed}: {message:?}");
                    panic!("seed {seed}");
                }
            }
        }
        remote.close();
        thread.join().unwrap();
        // It is not as harmless as it looks.
        let (tasks, panics) = total;
        assert!(tasks > 5 * cases as usize, "{tasks} tasks");
        assert!(panics > cases as usize / 2, "{panics} panics");
        println!("cases: {cases}");
    });
}

//! Structures of tasks and handles of any depth: ending one takes no stack for
//! the others.
//!
//! A stack that overflows ends the process, so each case runs in a child.

use nexus_async_rt::{JoinHandle, Runtime, spawn_boxed, yield_now};
use nexus_rt::{World, WorldBuilder};
use nexus_testkit::within;
use std::cell::Cell;
use std::future::pending;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

const LENGTH: usize = 100_000;

/// A fraction of what a frame for each link would need.
const STACK: usize = 256 << 10;

const VARIABLE: &str = "NEXUS_DEPTH_CASE";

/// What was dropped.
type Count = Rc<Cell<usize>>;

/// A link of a chain of tasks, each of which ends the next when it is dropped.
struct Link {
    next: Option<JoinHandle<Link>>,
    count: Count,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.count.set(self.count.get() + 1);
        if let Some(next) = self.next.take() {
            next.abort();
        }
    }
}

/// A chain of tasks of which each `waits` or has returned its link. The runtimes
/// take turns.
fn chain(runtimes: &[&Runtime<'_>], waits: fn(usize) -> bool, count: &Count) -> JoinHandle<Link> {
    let mut last = None;
    for index in 0..LENGTH {
        let link = Link {
            next: last.take(),
            count: count.clone(),
        };
        let waits = waits(index);
        last = Some(runtimes[index % runtimes.len()].spawn_boxed(async move {
            if waits {
                pending::<()>().await;
            }
            link
        }));
    }
    last.unwrap()
}

fn alive(_: usize) -> bool {
    true
}

fn finished(_: usize) -> bool {
    false
}

/// One of two, without a pattern that the runtimes' turns could hide.
fn mixed(index: usize) -> bool {
    index.is_multiple_of(3)
}

fn run(rt: &mut Runtime<'_>) {
    while rt.metrics().polls < rt.metrics().tasks_spawned {
        rt.block_on(yield_now());
    }
}

type Case = fn(&mut World, &Count);

const CASES: &[(&str, Case)] = &[
    ("abort", |world, count| {
        let rt = Runtime::new(world);
        assert!(chain(&[&rt], alive, count).abort());
        assert_eq!((count.get(), rt.task_count()), (LENGTH, 0));
    }),
    ("abort in a run", |world, count| {
        let mut rt = Runtime::new(world);
        let first = chain(&[&rt], alive, count);
        run(&mut rt);
        rt.block_on(async { assert!(first.abort()) });
        assert_eq!((count.get(), rt.task_count()), (LENGTH, 0));
    }),
    ("the runtime is dropped", |world, count| {
        let mut rt = Runtime::new(world);
        let first = chain(&[&rt], alive, count);
        run(&mut rt);
        drop(rt);
        assert_eq!(count.get(), LENGTH);
        assert!(first.is_finished());
    }),
    ("outputs in outputs", |world, count| {
        let mut rt = Runtime::new(world);
        let first = chain(&[&rt], finished, count);
        run(&mut rt);
        assert_eq!(count.get(), 0);
        drop(first);
        assert_eq!(count.get(), LENGTH);
    }),
    ("outputs in outputs after the runtime", |world, count| {
        let mut rt = Runtime::new(world);
        let first = chain(&[&rt], finished, count);
        run(&mut rt);
        drop(rt);
        assert_eq!(count.get(), 0);
        drop(first);
        assert_eq!(count.get(), LENGTH);
    }),
    ("outputs and futures", |world, count| {
        let mut rt = Runtime::new(world);
        let first = chain(&[&rt], mixed, count);
        run(&mut rt);
        assert!(first.abort());
        assert_eq!(count.get(), LENGTH);
    }),
    (
        "futures and outputs when the runtime is dropped",
        |world, count| {
            let mut rt = Runtime::new(world);
            let first = chain(&[&rt], mixed, count);
            run(&mut rt);
            drop(rt);
            drop(first);
            assert_eq!(count.get(), LENGTH);
        },
    ),
    ("two runtimes", |world, count| {
        let mut other = WorldBuilder::new().build();
        let mut runtimes = [Runtime::new(world), Runtime::new(&mut other)];
        let [one, two] = &runtimes;
        let first = chain(&[one, two], mixed, count);
        runtimes.iter_mut().for_each(run);
        first.abort();
        assert_eq!(count.get(), LENGTH);
        assert_eq!(runtimes.map(|rt| rt.task_count()), [0, 0]);
    }),
    ("a task returns", |world, count| {
        // Its future is dropped with what it holds, then its output.
        let mut rt = Runtime::new(world);
        for waits in [alive, finished, mixed] {
            let held = chain(&[&rt], waits, count);
            let given = chain(&[&rt], waits, count);
            rt.block_on(async {
                let task = spawn_boxed(async move {
                    let _held = Link {
                        next: Some(held),
                        count: Count::default(),
                    };
                    Link {
                        next: Some(given),
                        count: Count::default(),
                    }
                });
                drop(task);
                yield_now().await;
            });
            while rt.task_count() > 0 {
                rt.block_on(yield_now());
            }
        }
        assert_eq!(count.get(), 6 * LENGTH);
    }),
    ("a task aborts itself, or panics", |world, count| {
        let mut rt = Runtime::new(world);
        for panics in [false, true] {
            let next = chain(&[&rt], mixed, count);
            run(&mut rt);
            let own: Rc<Cell<Option<JoinHandle<()>>>> = Rc::default();
            let handle = own.clone();
            let link = Link {
                next: Some(next),
                count: Count::default(),
            };
            own.set(Some(rt.spawn_boxed(std::future::poll_fn(move |_| {
                let _link = &link;
                assert!(!panics, "on purpose");
                handle.take().unwrap().abort();
                std::task::Poll::Pending
            }))));
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                rt.block_on(yield_now());
            }));
            assert_eq!(ended.is_err(), panics);
        }
        assert_eq!((count.get(), rt.task_count()), (2 * LENGTH, 0));
    }),
];

#[test]
#[ignore = "is run by the test below, once for each case"]
fn one_case() {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| CASES[0].0.into());
    let (_, case) = CASES.iter().find(|(name, _)| *name == wanted).unwrap();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let case = move || {
        let mut world = WorldBuilder::new().build();
        case(&mut world, &Count::default());
    };
    thread.spawn(case).unwrap().join().unwrap();
}

#[test]
fn no_structure_of_tasks_costs_stack() {
    let failed: Vec<_> = CASES
        .iter()
        .filter_map(|(name, _)| {
            let output = within(Duration::from_secs(120), || {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "runtime::depth::one_case", "--ignored"])
                    .env(VARIABLE, name)
                    .output()
                    .unwrap()
            });
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let said = said + &String::from_utf8_lossy(&output.stdout);
            (!output.status.success()).then_some((name, said))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

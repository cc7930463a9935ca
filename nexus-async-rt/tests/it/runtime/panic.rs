//! Foreign code that panics, everywhere it is run.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::{
    BoundedByteSlab, JoinHandle, claim_slab, sleep, spawn_boxed, spawn_slab, yield_now,
};
use nexus_testkit::{panic_of, within};
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Panics when it is woken.
struct BadWaker;

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        panic!("in the waker");
    }
}

#[test]
fn u08_a_task_panics_and_the_runtime_goes_on() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(2)),
        |rt| {
            let owned = Rc::new(());
            for slab in [false, true] {
                let before = rt.spawn_boxed(async { yield_now().await });
                let held = owned.clone();
                let future = async move {
                    let _held = held;
                    yield_now().await;
                    panic!("on purpose")
                };
                let task = if slab {
                    rt.spawn_slab(future)
                } else {
                    rt.spawn_boxed(future)
                };
                let after = rt.spawn_boxed(async {
                    sleep(Duration::from_millis(1)).await;
                    5
                });
                let message = panic_of(|| rt.block_on(pending::<()>()));
                assert_eq!(message, "on purpose");
                assert_eq!(Rc::strong_count(&owned), 1, "its future is gone");
                assert!(task.is_finished());
                rt.block_on(async {
                    before.await;
                    assert_eq!(after.await, 5);
                });
            }
            assert_eq!((rt.task_count(), rt.metrics().slots_used), (0, 0));
        },
    );
}

#[test]
fn the_destructor_of_a_future_panics() {
    with_runtime(|rt| {
        // On the way out of a completed task.
        let task = rt.spawn_boxed(async {
            let _bomb = Bomb("after the end");
        });
        assert_eq!(panic_of(|| rt.block_on(yield_now())), "after the end");
        assert!(task.is_finished());
        // While another panic unwinds through the loop it is swallowed.
        struct PanicsTwice {
            _bomb: Bomb,
        }
        impl Future for PanicsTwice {
            type Output = ();
            fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                panic!("first")
            }
        }
        let task = rt.spawn_boxed(PanicsTwice {
            _bomb: Bomb("second"),
        });
        assert_eq!(panic_of(|| rt.block_on(yield_now())), "first");
        drop(task);
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn u09_the_destructor_of_a_future_that_returned_panics() {
    thread_local! {
        static DROPS: Cell<u32> = const { Cell::new(0) };
    }
    /// Returns at once, and panics when it is dropped; counted first.
    struct Returns {
        output: Option<Rc<()>>,
    }
    impl Future for Returns {
        type Output = Rc<()>;
        fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Rc<()>> {
            Poll::Ready(self.output.take().unwrap())
        }
    }
    impl Drop for Returns {
        fn drop(&mut self) {
            DROPS.set(DROPS.get() + 1);
            panic!("dropped");
        }
    }
    with_runtime(|rt| {
        let output = Rc::new(());
        let mut task = rt.spawn_boxed(Returns {
            output: Some(output.clone()),
        });
        assert_eq!(panic_of(|| rt.block_on(yield_now())), "dropped");
        assert_eq!(Rc::strong_count(&output), 1);
        let message = panic_of(|| rt.block_on(&mut task));
        assert!(message.contains("it panicked"), "{message}");
    });
    assert_eq!(DROPS.get(), 1, "not by the end of the runtime either");
}

#[test]
fn the_destructor_of_an_output_panics() {
    with_runtime(|rt| {
        let detached = rt.spawn_boxed(async { Bomb("detached") });
        drop(detached);
        assert_eq!(panic_of(|| rt.block_on(yield_now())), "detached");
        let task = rt.spawn_boxed(async { Bomb("in the handle") });
        rt.block_on(yield_now());
        assert_eq!(panic_of(|| drop(task)), "in the handle");
        assert_eq!(rt.block_on(async { spawn_boxed(async { 1 }).await }), 1);
    });
}

#[test]
#[ignore = "is run by the test below: where a second panic goes on, the process ends"]
fn handles_are_dropped_by_an_unwinding_thread() {
    with_runtime(|rt| {
        let message = panic_of(|| {
            let finished = rt.spawn_boxed(async { Bomb("swallowed") });
            let mut waiting = rt.spawn_boxed(pending::<()>());
            rt.block_on(yield_now());
            assert!(finished.is_finished());
            let waker = Waker::from(Arc::new(DropBomb));
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
            drop(waker);
            let _handles = (finished, waiting);
            panic!("the one that goes on");
        });
        assert_eq!(message, "the one that goes on");
        assert_eq!(rt.task_count(), 1);
    });
}

/// A waker that panics when it is dropped.
struct DropBomb;

impl Wake for DropBomb {
    fn wake(self: Arc<Self>) {}
}

impl Drop for DropBomb {
    fn drop(&mut self) {
        panic!("swallowed");
    }
}

#[test]
fn an_output_that_panics_does_not_end_an_unwinding_process() {
    let output = within(Duration::from_secs(60), || {
        let name = "runtime::panic::handles_are_dropped_by_an_unwinding_thread";
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored"])
            .output()
            .unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Ends a task when it is dropped, then panics.
struct Chained(&'static str, Option<JoinHandle<Chained>>);

impl Drop for Chained {
    fn drop(&mut self) {
        if let Some(next) = self.1.take() {
            next.abort();
        }
        panic!("{}", self.0);
    }
}

fn dropped(_: JoinHandle<Chained>) -> bool {
    false
}

#[test]
fn the_first_panic_of_a_chain_goes_on_when_all_is_done() {
    with_runtime(|rt| {
        for waits in [true, false] {
            let spawn = |name, next| {
                let link = Chained(name, next);
                rt.spawn_boxed(async move {
                    if waits {
                        pending::<()>().await;
                    }
                    link
                })
            };
            let last = spawn("third", None);
            let middle = spawn("second", Some(last));
            let first = spawn("first", Some(middle));
            rt.block_on(yield_now());
            assert_eq!(rt.task_count(), if waits { 3 } else { 0 });
            let message = panic_of(|| {
                let ends = if waits { JoinHandle::abort } else { dropped };
                ends(first)
            });
            assert_eq!(message, "first");
            assert_eq!(rt.task_count(), 0);
        }
    });
}

#[test]
fn the_first_panic_of_a_chain_leaves_the_drop_of_the_runtime() {
    let mut world = nexus_rt::WorldBuilder::new().build();
    let rt = nexus_async_rt::Runtime::new(&mut world);
    let spawn = |name, next| {
        let link = Chained(name, next);
        rt.spawn_boxed(async move {
            pending::<()>().await;
            link
        })
    };
    let last = spawn("third", None);
    let state = last.abort_handle();
    let middle = spawn("second", Some(last));
    // The newest is dropped first.
    let first = spawn("first", Some(middle));
    assert_eq!(panic_of(|| drop(rt)), "first");
    assert!(first.is_finished() && state.is_finished());
}

#[test]
fn a_join_waker_panics() {
    with_runtime(|rt| {
        let mut task = rt.spawn_boxed(async { 4 });
        let waker = Waker::from(Arc::new(BadWaker));
        let poll = std::pin::Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        assert_eq!(panic_of(|| rt.block_on(yield_now())), "in the waker");
        assert_eq!(rt.block_on(task), 4, "the output is there");
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn the_waker_of_a_timer_panics() {
    with_runtime(|rt| {
        let mut bad = Box::pin(sleep(Duration::from_millis(1)));
        let good = rt.spawn_boxed(sleep(Duration::from_millis(1)));
        rt.block_on(poll_fn(|_| {
            let waker = Waker::from(Arc::new(BadWaker));
            assert!(
                bad.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            Poll::Ready(())
        }));
        assert_eq!(panic_of(|| rt.block_on(pending::<()>())), "in the waker");
        rt.block_on(good);
        rt.block_on(bad);
    });
}

#[test]
fn the_root_panics() {
    with_runtime(|rt| {
        let task = rt.spawn_boxed(async { 6 });
        let message = panic_of(|| {
            rt.block_on(async {
                yield_now().await;
                panic!("in the root")
            })
        });
        assert_eq!(message, "in the root");
        assert_eq!(rt.block_on(task), 6);
    });
}

/// The line of the first spawn below.
const SPAWNED: u32 = line!() + 3;

fn spawn_what_panics() {
    spawn_boxed(boom());
    spawn_slab(boom());
    claim_slab().spawn(boom());
}

async fn boom() {
    panic!("on purpose")
}

#[test]
#[ignore = "is run by the test below, which reads what it says"]
fn three_tasks_panic() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(2)),
        |rt| {
            rt.block_on(async { spawn_what_panics() });
            for _ in 0..3 {
                assert_eq!(panic_of(|| rt.block_on(yield_now())), "on purpose");
            }
        },
    );
}

#[test]
fn a_task_that_panics_is_named() {
    let output = within(Duration::from_secs(60), || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "runtime::panic::three_tasks_panic", "--ignored"])
            .output()
            .unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("the task spawned at "))
        .collect();
    assert_eq!(lines.len(), 3, "{said}");
    for (line, number) in lines.iter().zip(SPAWNED..) {
        let place = format!("the task spawned at {}:{number}:", file!());
        assert!(line.starts_with(&place), "{line}");
        assert!(line.ends_with(" panicked"), "{line}");
    }
}

#[test]
fn every_second_task_panics() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<512>::with_capacity(128)),
        |rt| {
            let done = Rc::new(Cell::new(0));
            for task in 0..50 {
                let done = done.clone();
                drop(rt.spawn_slab(async move {
                    for _ in 0..task % 7 {
                        spawn_slab(async {}).await;
                    }
                    assert!(task % 2 == 0, "odd");
                    done.set(done.get() + 1);
                }));
            }
            let mut panics = 0;
            while rt.task_count() > 0 {
                let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    rt.block_on(yield_now());
                }));
                panics += usize::from(ran.is_err());
            }
            assert_eq!((panics, done.get()), (25, 25));
            assert_eq!(rt.metrics().slots_used, 0);
        },
    );
}

#[test]
fn an_unwinding_thread_drops_its_runtime() {
    let message = panic_of(|| {
        with_runtime(|rt| {
            let task = rt.spawn_boxed(async {
                let _bomb = Bomb("swallowed");
                pending::<()>().await;
            });
            rt.block_on(yield_now());
            assert!(!task.is_finished());
            panic!("the one that goes on");
        })
    });
    assert_eq!(message, "the one that goes on");
}

#[test]
fn an_unwinding_thread_aborts_a_task_whose_destructor_panics() {
    struct AbortOnDrop(Option<nexus_async_rt::JoinHandle<()>>);
    impl Drop for AbortOnDrop {
        fn drop(&mut self) {
            assert!(self.0.take().unwrap().abort());
        }
    }
    with_runtime(|rt| {
        let task = rt.spawn_boxed(async {
            let _bomb = Bomb("swallowed");
            pending::<()>().await;
        });
        rt.block_on(yield_now());
        let message = panic_of(|| {
            let _abort = AbortOnDrop(Some(task));
            panic!("the one that goes on");
        });
        assert_eq!(message, "the one that goes on");
        assert_eq!(rt.task_count(), 0);
    });
}

/// Carried by a panic; panics with another of its kind when it is dropped.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        std::panic::panic_any(Payload);
    }
}

/// Panics when it is dropped, with a payload that does the same.
struct PayloadBomb;

impl Drop for PayloadBomb {
    fn drop(&mut self) {
        std::panic::panic_any(Payload);
    }
}

#[test]
fn what_a_swallowed_panic_carries_panics_too() {
    /// Returns at once, and panics when it is dropped; so does its output.
    struct Returns {
        _bomb: Bomb,
    }
    impl Future for Returns {
        type Output = PayloadBomb;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<PayloadBomb> {
            Poll::Ready(PayloadBomb)
        }
    }
    /// Wakes nobody.
    struct BadPayload;
    impl Wake for BadPayload {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Payload);
        }
    }
    with_runtime(|rt| {
        let task = rt.spawn_boxed(Returns {
            _bomb: Bomb("first"),
        });
        assert_eq!(panic_of(|| rt.block_on(yield_now())), "first");
        assert!(task.is_finished());
        // Two wakers of one channel: the first panic goes on.
        let (tx, rx) = nexus_async_rt::channel::mpsc::channel::<u8>(1);
        let [mut a, mut b, mut c] = [(); 3].map(|()| nexus_testkit::hand::Hand::new(rx.recv()));
        assert!(a.poll_with(&Waker::from(Arc::new(BadWaker))).is_pending());
        assert!(b.poll_with(&Waker::from(Arc::new(BadPayload))).is_pending());
        c.pending();
        assert_eq!(panic_of(|| drop(tx)), "in the waker");
        assert_eq!(c.wakes(), 1);
    });
}

//! Tasks that are spawned, from inside and from outside.

use crate::support::with_runtime;
use nexus_async_rt::{spawn_boxed, yield_now};
use nexus_testkit::panic_of;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[test]
fn tasks_run_in_the_order_of_their_wakes() {
    with_runtime(|rt| {
        let log = Rc::new(RefCell::new(Vec::new()));
        rt.block_on(async {
            let tasks: Vec<_> = (0..3)
                .map(|task| {
                    let log = log.clone();
                    spawn_boxed(async move {
                        for round in 0..3 {
                            log.borrow_mut().push((round, task));
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        });
        let expected: Vec<_> = (0..3)
            .flat_map(|round| (0..3).map(move |task| (round, task)))
            .collect();
        assert_eq!(*log.borrow(), expected);
    });
}

#[test]
fn a_detached_task_goes_on_in_the_next_run() {
    with_runtime(|rt| {
        let done = Rc::new(Cell::new(false));
        let flag = done.clone();
        rt.block_on(async {
            spawn_boxed(async move {
                yield_now().await;
                yield_now().await;
                flag.set(true);
            });
        });
        assert!(!done.get());
        assert_eq!(rt.task_count(), 1);
        rt.block_on(async {
            while !done.get() {
                yield_now().await;
            }
        });
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn spawned_between_runs() {
    with_runtime(|rt| {
        let task = rt.spawn_boxed(async { 5 });
        assert!(!task.is_finished());
        assert_eq!(rt.block_on(task), 5);
    });
}

#[test]
fn the_root_may_borrow() {
    with_runtime(|rt| {
        let mut text = String::new();
        rt.block_on(async {
            text.push('a');
            yield_now().await;
            text.push('b');
        });
        assert_eq!(text, "ab");
    });
}

#[test]
fn outside_a_runtime_the_message_names_the_function() {
    let message = panic_of(|| spawn_boxed(async {}));
    assert!(
        message.contains("`spawn_boxed`") && message.contains("block_on"),
        "{message}"
    );
}

#[test]
fn a_nested_block_on_is_refused_and_harms_nothing() {
    with_runtime(|rt| {
        let message = rt.block_on(async {
            panic_of(|| {
                let mut world = nexus_rt::WorldBuilder::new().build();
                let mut inner = nexus_async_rt::Runtime::new(&mut world);
                inner.block_on(async {});
            })
        });
        assert!(message.contains("inside another `block_on`"), "{message}");
        assert_eq!(rt.block_on(async { spawn_boxed(async { 1 }).await }), 1);
    });
}

#[test]
fn u17_any_alignment_on_the_heap() {
    // Such a future is copied several times on the stack in a debug build.
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let test = thread.spawn(any_alignment_on_the_heap).unwrap();
    test.join().unwrap();
}

fn any_alignment_on_the_heap() {
    #[repr(align(65536))]
    struct Wide(u8);
    #[repr(align(32))]
    struct Small(u8);
    with_runtime(|rt| {
        rt.block_on(async {
            let wide = Wide(7);
            let task = spawn_boxed(async move {
                let wide = &wide;
                assert_eq!(std::ptr::from_ref(wide).addr() % 65536, 0);
                yield_now().await;
                wide.0
            });
            let small = Small(8);
            let other = spawn_boxed(async move {
                let small = &small;
                assert_eq!(std::ptr::from_ref(small).addr() % 32, 0);
                yield_now().await;
                small.0
            });
            assert_eq!((task.await, other.await), (7, 8));
        });
    });
}

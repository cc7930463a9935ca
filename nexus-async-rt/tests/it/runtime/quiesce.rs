//! Running until no task is left.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::runtime::QuiesceTimeout;
use nexus_async_rt::{CancellationToken, shutdown_signal, sleep, spawn_boxed, yield_now};
use nexus_testkit::panic_of;
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn without_tasks_it_is_quiet_at_once() {
    with_runtime(|rt| {
        for timeout in [Duration::ZERO, LONG, Duration::MAX] {
            assert_eq!(rt.shutdown_quiesce(timeout), Ok(()));
        }
        rt.block_on(yield_now());
        assert_eq!(rt.shutdown_quiesce(Duration::ZERO), Ok(()));
    });
}

#[test]
fn it_waits_for_tasks_and_for_those_that_they_spawn() {
    with_runtime(|rt| {
        let ended = Rc::new(Cell::new(0));
        let token = CancellationToken::new();
        for _ in 0..10 {
            let (ended, token) = (ended.clone(), token.clone());
            drop(rt.spawn_boxed(async move {
                token.cancelled().await;
                drop(spawn_boxed(async move {
                    sleep(Duration::from_millis(1)).await;
                    ended.set(ended.get() + 1);
                }));
            }));
        }
        rt.block_on(yield_now());
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            token.cancel();
        });
        for timeout in [LONG, Duration::MAX] {
            assert_eq!(rt.shutdown_quiesce(timeout), Ok(()));
        }
        assert_eq!((ended.get(), rt.task_count()), (10, 0));
        thread.join().unwrap();
    });
}

#[test]
fn what_is_left_is_named_by_where_it_was_spawned() {
    with_runtime(|rt| {
        let stay = || rt.spawn_boxed(pending::<()>());
        let first = line!() - 1;
        let mut stuck = vec![stay(), stay(), stay()];
        let line = line!() + 1;
        stuck.push(rt.spawn_boxed(shutdown_signal_later()));
        drop(rt.spawn_boxed(async {}));
        let timeout = Duration::from_millis(5);
        let begin = Instant::now();
        let error: QuiesceTimeout = rt.shutdown_quiesce(timeout).unwrap_err();
        assert!(begin.elapsed() >= timeout);
        assert_eq!((error.task_count(), error.timeout()), (4, timeout));
        let left: Vec<_> = error
            .left()
            .map(|(location, count)| (location.file(), location.line(), count))
            .collect();
        assert_eq!(left, [(file!(), first, 3), (file!(), line, 1)]);
        let text = error.to_string();
        assert!(
            text.starts_with("4 tasks are alive after 5ms: 3 spawned at "),
            "{text}"
        );
        assert!(
            text.contains(&format!(", 1 spawned at {}:{line}", file!())),
            "{text}"
        );
        // They go on with the next run.
        rt.shutdown_handle().trigger();
        rt.block_on(yield_now());
        assert!(stuck[3].is_finished());
        for task in stuck {
            task.abort();
        }
        assert_eq!(rt.shutdown_quiesce(Duration::ZERO), Ok(()));
    });
}

async fn shutdown_signal_later() {
    shutdown_signal().await;
}

#[test]
fn a_clock_that_stands_still_jumps_to_the_end() {
    let hour = Duration::from_secs(3600);
    with_built(
        |builder| builder.start_paused(true),
        |rt| {
            let day = rt.spawn_boxed(sleep(24 * hour));
            let error = rt.shutdown_quiesce(hour).unwrap_err();
            assert_eq!(error.task_count(), 1);
            assert_eq!(rt.shutdown_quiesce(Duration::MAX), Ok(()));
            assert!(day.is_finished());
        },
    );
}

#[test]
fn a_task_that_aborts_the_last_other_one_ends_it() {
    with_runtime(|rt| {
        let stuck = rt.spawn_boxed(pending::<()>());
        drop(rt.spawn_boxed(async move {
            sleep(Duration::from_millis(2)).await;
            assert!(stuck.abort());
        }));
        assert_eq!(rt.shutdown_quiesce(Duration::MAX), Ok(()));
    });
}

#[test]
fn a_task_that_never_rests_does_not_hold_the_end_back() {
    with_runtime(|rt| {
        let busy = rt.spawn_boxed(async {
            loop {
                yield_now().await;
            }
        });
        let error = rt.shutdown_quiesce(Duration::from_millis(5)).unwrap_err();
        assert_eq!(error.task_count(), 1);
        busy.abort();
    });
}

#[test]
fn a_panic_of_a_task_comes_out_and_the_rest_goes_on() {
    with_runtime(|rt| {
        let good = rt.spawn_boxed(async {
            sleep(Duration::from_millis(2)).await;
            7
        });
        drop(rt.spawn_boxed(async {
            yield_now().await;
            panic!("on purpose");
        }));
        assert_eq!(panic_of(|| rt.shutdown_quiesce(LONG)), "on purpose");
        assert_eq!(rt.shutdown_quiesce(LONG), Ok(()));
        assert_eq!(rt.block_on(good), 7);
    });
}

#[test]
fn tasks_that_come_and_go_later_do_not_disturb_the_root() {
    with_runtime(|rt| {
        drop(rt.spawn_boxed(async {}));
        assert_eq!(rt.shutdown_quiesce(LONG), Ok(()));
        let mut polls = 0;
        rt.block_on(std::future::poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                drop(spawn_boxed(async {}));
                let waker = cx.waker().clone();
                drop(spawn_boxed(async move {
                    sleep(Duration::from_millis(2)).await;
                    waker.wake();
                }));
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        }));
        assert_eq!(polls, 2);
    });
}

//! Futures with a time limit, and futures that begin later.

use crate::support::with_runtime;
use crate::time::paused::with_paused;
use nexus_async_rt::channel::local;
use nexus_async_rt::time::{Elapsed, Sleep, advance, after, after_delay, sleep_until, timeout_at};
use nexus_async_rt::{now, sleep, spawn_boxed, timeout, yield_now};
use nexus_testkit::{panic_of, scaled};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_completes_first_counts() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let faster = timeout(2 * SECOND, async {
                sleep(SECOND).await;
                7
            });
            assert_eq!(faster.await, Ok(7));
            assert_eq!(now(), begin + SECOND);
            let slower = timeout(SECOND, sleep(2 * SECOND));
            assert_eq!(slower.await, Err(Elapsed));
            assert_eq!(now(), begin + 2 * SECOND);
            let until = timeout_at(begin + 5 * SECOND, pending::<()>());
            assert_eq!(until.deadline(), Some(begin + 5 * SECOND));
            assert_eq!(until.await, Err(Elapsed));
            assert_eq!(now(), begin + 5 * SECOND);
        });
    });
}

#[test]
fn the_future_is_polled_first() {
    with_paused(|rt| {
        rt.block_on(async {
            // Ready, and the time is up: it has completed.
            assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
            assert_eq!(timeout_at(now(), ready(2)).await, Ok(2));
            assert_eq!(timeout_at(now() - SECOND, ready(3)).await, Ok(3));
            let polls = Cell::new(0);
            let past = timeout_at(
                now(),
                poll_fn(|_| {
                    polls.set(polls.get() + 1);
                    Poll::<()>::Pending
                }),
            );
            assert_eq!(past.await, Err(Elapsed));
            assert!(polls.get() >= 1);
            // Both at the same nanosecond: the future was made first.
            let same = timeout(SECOND, sleep(SECOND));
            assert_eq!(same.await, Ok(()));
        });
    });
}

#[test]
fn a_timeout_counts_from_the_call() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let limited = timeout(3 * SECOND, pending::<()>());
            let delayed = after_delay(3 * SECOND, async { now() });
            advance(2 * SECOND).await;
            assert_eq!(limited.await, Err(Elapsed));
            assert_eq!(now(), begin + 3 * SECOND);
            assert_eq!(delayed.await, begin + 3 * SECOND);
        });
    });
}

#[test]
fn u66_a_timeout_of_the_longest_duration_is_none() {
    with_paused(|rt| {
        rt.block_on(async {
            let never = timeout(Duration::MAX, sleep(1000 * SECOND));
            assert_eq!(never.deadline(), None);
            assert_eq!(never.await, Ok(()));
            let mut later = pin!(after_delay(Duration::MAX, ready(())));
            assert_eq!(timeout(SECOND, later.as_mut()).await, Err(Elapsed));
        });
    });
}

#[test]
fn the_future_is_dropped_with_the_timeout() {
    struct Noted(Rc<Cell<bool>>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    with_paused(|rt| {
        rt.block_on(async {
            let dropped = Rc::new(Cell::new(false));
            let noted = Noted(dropped.clone());
            let waiting = async move {
                let _noted = noted;
                pending::<()>().await;
            };
            assert_eq!(timeout(SECOND, waiting).await, Err(Elapsed));
            assert!(dropped.get());
            let back = timeout(SECOND, ready(5)).into_inner();
            assert_eq!(back.await, 5);
        });
    });
}

#[test]
fn a_future_that_is_always_ready_again_does_not_keep_the_time_from_being_up() {
    with_runtime(|rt| {
        rt.block_on(async {
            // A channel that is never empty: each poll uses its budget up.
            let (tx, rx) = local::channel::<u8>(1000);
            let feeding = spawn_boxed(async move { while tx.send(1).await.is_ok() {} });
            let endless = async {
                let mut count = 0_u64;
                while rx.recv().await.is_ok() {
                    count += 1;
                }
                count
            };
            assert_eq!(timeout(SECOND / 100, endless).await, Err(Elapsed));
            drop(rx);
            feeding.await;
        });
    });
}

#[test]
fn timeouts_that_are_up_at_once_let_the_others_run() {
    with_paused(|rt| {
        rt.block_on(async {
            let past = now();
            let busy = spawn_boxed(async move {
                for _ in 0..1000 {
                    assert_eq!(timeout_at(past, pending::<()>()).await, Err(Elapsed));
                }
            });
            yield_now().await;
            assert!(!busy.is_finished());
            busy.await;
        });
    });
}

#[test]
fn u62_completed_timeouts_leave_nothing_behind() {
    with_runtime(|rt| {
        let hour = 3600 * SECOND;
        let count = scaled(100_000);
        rt.block_on(async {
            // At once, and after having waited.
            for number in 0..count {
                assert_eq!(timeout(hour, ready(number)).await, Ok(number));
            }
            for _ in 0..count {
                assert_eq!(timeout(hour, yield_now()).await, Ok(()));
            }
        });
        let metrics = rt.metrics();
        assert_eq!(metrics.timers_fired, 0);
        // Nothing waits: there is no deadline to sleep to.
        rt.block_on(async {
            for _ in 0..1000 {
                yield_now().await;
            }
        });
        let after = rt.metrics();
        assert_eq!((after.timers_fired, after.parks), (0, metrics.parks));
    });
    // On a clock that jumps, a leftover would be a place to jump to.
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            for _ in 0..scaled(10_000) {
                assert_eq!(timeout(SECOND, yield_now()).await, Ok(()));
            }
            sleep(3600 * SECOND).await;
            assert_eq!(now(), begin + 3600 * SECOND);
        });
        assert_eq!(rt.metrics().timers_fired, 1);
    });
}

#[test]
fn c19_timers_that_came_and_went_cost_nothing_later() {
    with_paused(|rt| {
        rt.block_on(async {
            for round in 0..scaled(1000) as u32 {
                let mut timers: Vec<_> = (0..100)
                    .map(|number| Box::pin(sleep((1 + number * round) * SECOND)))
                    .collect();
                poll_fn(|cx| {
                    for timer in &mut timers {
                        assert!(timer.as_mut().poll(cx).is_pending());
                    }
                    Poll::Ready(())
                })
                .await;
            }
            sleep(SECOND).await;
        });
        assert_eq!(rt.metrics().timers_fired, 1);
    });
}

#[test]
fn after_does_not_begin_before() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let started = Rc::new(Cell::new(None));
            let note = started.clone();
            let later = spawn_boxed(after(begin + 2 * SECOND, async move {
                note.set(Some(now()));
                sleep(SECOND).await;
                "done"
            }));
            sleep(SECOND).await;
            assert_eq!(started.get(), None);
            assert_eq!(later.await, "done");
            assert_eq!(started.get(), Some(begin + 2 * SECOND));
            assert_eq!(now(), begin + 3 * SECOND);
            // Dropped before, it has never begun.
            let untouched = after_delay(SECOND, async { panic!("was polled") });
            assert_eq!(timeout(SECOND / 2, untouched).await, Err(Elapsed));
            assert_eq!(after(begin, ready(4)).await, 4);
        });
    });
}

#[test]
fn outside_a_runtime_it_works_as_long_as_it_need_not_wait() {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut at_once = pin!(timeout(SECOND, ready(1)));
    assert_eq!(at_once.as_mut().poll(&mut cx), Poll::Ready(Ok(1)));
    let mut waiting = pin!(timeout(SECOND, pending::<()>()));
    let message = panic_of(|| waiting.as_mut().poll(&mut cx));
    assert!(message.contains("outside a runtime"), "{message}");
    let mut later = pin!(after_delay(SECOND, ready(1)));
    let message = panic_of(|| later.as_mut().poll(&mut cx));
    assert!(message.contains("outside a runtime"), "{message}");
}

#[test]
fn a_timer_that_never_fires_is_reset_without_being_polled_again() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let far = sleep_until(begin + Duration::from_secs(1000 * 365 * 86400));
            for timer in [sleep(Duration::MAX), far] {
                let start = now();
                let timer = Rc::new(RefCell::new(Box::pin(timer)));
                let waits = timer.clone();
                let task = spawn_boxed(async move {
                    poll_fn(|cx| waits.borrow_mut().as_mut().poll(cx)).await;
                    now()
                });
                sleep(SECOND).await;
                timer.borrow_mut().as_mut().reset(start + 2 * SECOND);
                let woken = timeout(3 * SECOND, task).await;
                assert_eq!(woken, Ok(start + 2 * SECOND));
            }
        });
    });
}

#[test]
fn u18_a_timer_that_never_fires_outlives_the_runtime() {
    let mut never = Box::pin(sleep(Duration::MAX));
    let mut staged = Box::pin(sleep(Duration::MAX));
    let poll =
        |timer: &mut Pin<Box<Sleep>>| timer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    with_runtime(|rt| {
        rt.block_on(async {
            assert!(poll(&mut never).is_pending());
            yield_now().await;
            assert!(poll(&mut never).is_pending());
            assert!(poll(&mut staged).is_pending());
        });
    });
    for timer in [&mut never, &mut staged] {
        let message = panic_of(|| poll(timer));
        assert!(message.contains("runtime in which it waited"), "{message}");
        timer.as_mut().reset(Instant::now());
    }
    with_runtime(|rt| rt.block_on(async { (never.await, staged.await) }));
}

#[test]
fn a_reset_timer_fires_at_its_new_time_without_being_polled_again() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            for (first, second) in [(10, 3), (3, 10), (5, 5), (5, 0)] {
                let start = now();
                let mut timer = Box::pin(sleep(first * SECOND));
                let mut polls = 0;
                let slept = poll_fn(|cx| {
                    polls += 1;
                    if polls == 1 {
                        assert!(timer.as_mut().poll(cx).is_pending());
                        timer.as_mut().reset(start + second * SECOND);
                        assert_eq!(timer.deadline(), Some(start + second * SECOND));
                        return Poll::Pending;
                    }
                    assert!(timer.is_elapsed());
                    timer.as_mut().poll(cx).map(|()| now() - start)
                });
                assert_eq!(slept.await, second * SECOND);
                assert_eq!(polls, 2);
            }
            // Fired, reset, and to a time that never comes and back.
            let mut timer = pin!(sleep(SECOND));
            timer.as_mut().await;
            let at = now();
            timer
                .as_mut()
                .reset(at + Duration::from_secs(1000 * 365 * 86400));
            assert_eq!(timeout(SECOND, timer.as_mut()).await, Err(Elapsed));
            timer.as_mut().reset(at + 2 * SECOND);
            assert!(!timer.is_elapsed());
            timer.as_mut().await;
            assert_eq!(now(), at + 2 * SECOND);
            assert!(now() > begin);
            sleep_until(begin).await;
        });
    });
}

#[test]
fn elapsed_is_an_error_of_io_too() {
    let error = std::io::Error::from(Elapsed);
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(error.get_ref().is_some_and(|inner| inner.is::<Elapsed>()));
}

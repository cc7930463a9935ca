//! Intervals that are polled by hand, also where they are moved meanwhile.

use crate::support::with_runtime;
use crate::time::paused::with_paused;
use nexus_async_rt::runtime::metrics;
use nexus_async_rt::time::{Interval, MissedTickBehavior, advance, interval_at};
use nexus_async_rt::{Runtime, interval, now, sleep, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::{panic_of, scaled, within};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        // Ordering: Relaxed; read after a join, or by the same thread.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        // Ordering: Relaxed; as above.
        self.0.load(Ordering::Relaxed)
    }
}

fn counting() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

async fn next(interval: &mut Interval) -> Instant {
    poll_fn(|cx| interval.poll_tick(cx)).await
}

/// Polls once with `waker`.
fn poll(interval: &mut Interval, waker: &Waker) -> Poll<Instant> {
    interval.poll_tick(&Context::from_waker(waker))
}

#[test]
fn ticks_are_those_of_the_future() {
    for behavior in [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ] {
        let by = |hand: bool| {
            with_paused(|rt| {
                rt.block_on(async move {
                    let begin = now();
                    let mut beat = interval(10 * MS);
                    beat.set_missed_tick_behavior(behavior);
                    let mut seen = Vec::new();
                    for number in 0..8 {
                        if number == 2 {
                            advance(35 * MS).await;
                        }
                        let due = if hand {
                            next(&mut beat).await
                        } else {
                            beat.tick().await
                        };
                        seen.push((due - begin, now() - begin));
                    }
                    seen
                })
            })
        };
        assert_eq!(by(true), by(false), "{behavior:?}");
    }
}

#[test]
fn both_forms_take_the_same_ticks() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = interval(10 * MS);
            let (count, waker) = counting();
            assert!(poll(&mut beat, &waker).is_pending());
            assert_eq!(beat.tick().await, begin + 10 * MS);
            assert!(poll(&mut beat, &waker).is_pending());
            assert_eq!(count.get(), 1);
            assert_eq!(next(&mut beat).await, begin + 20 * MS);
            assert_eq!(beat.tick().await, begin + 30 * MS);
            assert_eq!(count.get(), 1, "another caller came later");
        });
    });
}

#[test]
fn the_latest_caller_is_woken_once() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut beat = interval(10 * MS);
            let ((first, early), (second, late)) = (counting(), counting());
            for waker in [&early, &late, &late] {
                assert!(poll(&mut beat, waker).is_pending());
            }
            sleep(25 * MS).await;
            assert_eq!((first.get(), second.get()), (0, 1));
            assert!(poll(&mut beat, &late).is_ready());
            assert!(poll(&mut beat, &late).is_ready());
            assert!(poll(&mut beat, &late).is_pending());
        });
    });
}

#[test]
fn a_reset_moves_what_waits() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = interval(1000 * MS);
            let (count, waker) = counting();
            assert!(poll(&mut beat, &waker).is_pending());
            beat.reset_after(5 * MS);
            sleep(6 * MS).await;
            assert_eq!(count.get(), 1);
            assert_eq!(poll(&mut beat, &waker), Poll::Ready(begin + 5 * MS));
            assert!(poll(&mut beat, &waker).is_pending());
            // Never, and then at once.
            beat.reset_after(Duration::MAX);
            sleep(2000 * MS).await;
            assert_eq!(count.get(), 1);
            beat.reset_immediately();
            yield_now().await;
            yield_now().await;
            sleep(MS).await;
            assert_eq!(count.get(), 2);
            assert_eq!(poll(&mut beat, &waker), Poll::Ready(begin + 2006 * MS));
        });
    });
}

#[test]
fn it_may_move_while_it_waits() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = Box::new(interval(10 * MS));
            let (count, waker) = counting();
            assert!(poll(&mut beat, &waker).is_pending());
            let mut moved = *beat;
            sleep(11 * MS).await;
            assert_eq!(count.get(), 1);
            let last = spawn_boxed(async move { (next(&mut moved).await, next(&mut moved).await) });
            assert_eq!(last.await, (begin + 10 * MS, begin + 20 * MS));
        });
    });
}

#[test]
fn dropped_while_it_waits_it_leaves_nothing() {
    with_paused(|rt| {
        rt.block_on(async {
            let (count, waker) = counting();
            let mut beat = interval(10 * MS);
            assert!(poll(&mut beat, &waker).is_pending());
            drop(beat);
            drop(waker);
            let fired = metrics().timers_fired;
            sleep(20 * MS).await;
            assert_eq!(metrics().timers_fired - fired, 1, "that of `sleep`");
            assert_eq!(count.get(), 0);
            assert_eq!(Arc::strong_count(&count), 1);
        });
    });
}

/// The timer is in this thread's wheel when the interval goes elsewhere.
#[test]
fn another_thread_takes_or_drops_it() {
    with_runtime(|rt| {
        rt.block_on(async {
            for goes_on in [false, true] {
                let (count, waker) = counting();
                let begin = now();
                let mut beat = interval_at(begin + 20 * MS, 10 * MS);
                assert!(poll(&mut beat, &waker).is_pending());
                drop(waker);
                let other = std::thread::spawn(move || {
                    if goes_on {
                        let mut world = WorldBuilder::new().build();
                        let mut rt = Runtime::new(&mut world);
                        rt.block_on(async { (next(&mut beat).await, next(&mut beat).await) });
                    }
                    drop(beat);
                });
                other.join().unwrap();
                assert_eq!(Arc::strong_count(&count), 1, "the waker is gone");
                let fired = metrics().timers_fired;
                sleep(40 * MS).await;
                let fired = metrics().timers_fired - fired;
                assert!(fired <= 2, "{fired} timers");
                assert_eq!(count.get(), 0);
            }
        });
    });
}

/// Another thread drops it about when its deadline comes here.
#[test]
fn a_drop_elsewhere_meets_the_deadline() {
    with_runtime(|rt| {
        rt.block_on(async {
            for round in 0..scaled(200) as u32 {
                let (count, waker) = counting();
                let begin = now();
                let mut beat = interval_at(begin + MS / 5, MS);
                assert!(poll(&mut beat, &waker).is_pending());
                drop(waker);
                let until = begin + round % 40 * (MS / 100);
                let other = std::thread::spawn(move || {
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                    drop(beat);
                });
                sleep(MS / 2).await;
                other.join().unwrap();
                assert!(count.get() <= 1);
                assert_eq!(Arc::strong_count(&count), 1);
            }
        });
    });
}

/// The wheel gives up the timer of an interval that another thread has dropped.
#[test]
fn the_runtime_ends_before_what_was_left_behind() {
    within(Duration::from_secs(10), || {
        for drop_first in [false, true] {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::new(&mut world);
            let (count, waker) = counting();
            let mut beat = rt.block_on(async { interval(Duration::from_secs(3600)) });
            rt.block_on(async { assert!(poll(&mut beat, &waker).is_pending()) });
            drop(waker);
            if drop_first {
                std::thread::spawn(move || drop(beat)).join().unwrap();
                drop(rt);
            } else {
                drop(rt);
                // It waits anew where it is polled.
                beat.reset_after(MS);
                let mut world = WorldBuilder::new().build();
                let mut other = Runtime::new(&mut world);
                other.block_on(next(&mut beat));
                std::thread::spawn(move || drop(beat)).join().unwrap();
            }
            assert_eq!(Arc::strong_count(&count), 1);
        }
    });
}

#[test]
fn two_runtimes_of_one_thread_share_one() {
    with_paused(|first| {
        let (count, waker) = counting();
        let mut beat = first.block_on(async { interval(10 * MS) });
        first.block_on(async { assert!(poll(&mut beat, &waker).is_pending()) });
        with_paused(|second| {
            second.block_on(async {
                beat.reset_after(3 * MS);
                let begin = now();
                assert_eq!(next(&mut beat).await, begin + 3 * MS);
            });
        });
        first.block_on(sleep(20 * MS));
        assert_eq!(count.get(), 0, "the interval waits elsewhere");
    });
}

#[test]
fn outside_a_runtime_it_panics() {
    let mut beat = interval(MS);
    let message = panic_of(|| poll(&mut beat, Waker::noop()));
    assert!(message.contains("outside a runtime"), "{message}");
    // And works where there is one.
    with_runtime(|rt| rt.block_on(async { next(&mut beat).await }));
}

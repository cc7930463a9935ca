//! Intervals, to the nanosecond.

use crate::support::with_runtime;
use crate::time::paused::with_paused;
use nexus_async_rt::time::{Interval, MissedTickBehavior, advance, interval_at};
use nexus_async_rt::{interval, now, sleep, spawn_boxed, timeout, yield_now};
use nexus_testkit::{panic_of, scaled};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// When the next `count` ticks are delivered and were due, in milliseconds
/// since `begin`.
async fn ticks(interval: &mut Interval, begin: Instant, count: usize) -> Vec<(u128, u128)> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let due = interval.tick().await;
        let passed = now() - begin;
        assert_eq!(passed.subsec_nanos() % 1_000_000, 0, "{passed:?}");
        seen.push((passed.as_millis(), (due - begin).as_millis()));
    }
    seen
}

#[test]
fn the_first_tick_comes_after_one_period() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut even = interval(10 * MS);
            assert_eq!(
                ticks(&mut even, begin, 3).await,
                [(10, 10), (20, 20), (30, 30)]
            );
            let mut at = interval_at(begin + 35 * MS, 10 * MS);
            assert_eq!(
                ticks(&mut at, begin, 3).await,
                [(35, 35), (45, 45), (55, 55)]
            );
        });
    });
}

/// Period 10, asked at 45 for the tick of 20.
async fn missed(behavior: MissedTickBehavior) -> Vec<(u128, u128)> {
    let begin = now();
    let mut late = interval(10 * MS);
    late.set_missed_tick_behavior(behavior);
    assert_eq!(late.missed_tick_behavior(), behavior);
    let mut seen = ticks(&mut late, begin, 1).await;
    advance(35 * MS).await;
    seen.extend(ticks(&mut late, begin, 5).await);
    seen
}

#[test]
fn burst_makes_up_for_what_was_missed() {
    with_paused(|rt| {
        let seen = rt.block_on(missed(MissedTickBehavior::Burst));
        let expected = [(10, 10), (45, 20), (45, 30), (45, 40), (50, 50), (60, 60)];
        assert_eq!(seen, expected);
    });
}

#[test]
fn delay_goes_on_from_the_late_tick() {
    with_paused(|rt| {
        let seen = rt.block_on(missed(MissedTickBehavior::Delay));
        let expected = [(10, 10), (45, 20), (55, 55), (65, 65), (75, 75), (85, 85)];
        assert_eq!(seen, expected);
    });
}

#[test]
fn skip_goes_on_with_the_next_multiple() {
    with_paused(|rt| {
        let seen = rt.block_on(missed(MissedTickBehavior::Skip));
        let expected = [(10, 10), (45, 20), (50, 50), (60, 60), (70, 70), (80, 80)];
        assert_eq!(seen, expected);
        // Exactly on a multiple: that one is due, and so is missed.
        rt.block_on(async {
            let begin = now();
            let mut late = interval(10 * MS);
            late.set_missed_tick_behavior(MissedTickBehavior::Skip);
            advance(40 * MS).await;
            assert_eq!(ticks(&mut late, begin, 2).await, [(40, 10), (50, 50)]);
        });
    });
}

#[test]
fn a_tick_that_is_late_by_less_than_a_period() {
    for (behavior, next) in [
        (MissedTickBehavior::Burst, 20),
        (MissedTickBehavior::Delay, 24),
        (MissedTickBehavior::Skip, 20),
    ] {
        with_paused(|rt| {
            rt.block_on(async {
                let begin = now();
                let mut late = interval(10 * MS);
                late.set_missed_tick_behavior(behavior);
                advance(14 * MS).await;
                let seen = ticks(&mut late, begin, 2).await;
                assert_eq!(seen, [(14, 10), (next, next)], "{behavior:?}");
            });
        });
    }
}

#[test]
fn a_reset_counts_from_the_call() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = interval(10 * MS);
            advance(7 * MS).await;
            beat.reset();
            assert_eq!(ticks(&mut beat, begin, 2).await, [(17, 17), (27, 27)]);
            beat.reset_at(begin + 28 * MS);
            assert_eq!(ticks(&mut beat, begin, 2).await, [(28, 28), (38, 38)]);
            assert_eq!(beat.period(), 10 * MS);
        });
    });
}

#[test]
fn a_reset_to_any_time() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = interval(10 * MS);
            advance(7 * MS).await;
            beat.reset_after(3 * MS);
            assert_eq!(ticks(&mut beat, begin, 2).await, [(10, 10), (20, 20)]);
            beat.reset_after(Duration::ZERO);
            assert_eq!(ticks(&mut beat, begin, 2).await, [(20, 20), (30, 30)]);
            advance(4 * MS).await;
            beat.reset_immediately();
            assert_eq!(ticks(&mut beat, begin, 2).await, [(34, 34), (44, 44)]);
            beat.reset_after(Duration::MAX);
            assert!(timeout(1000 * MS, beat.tick()).await.is_err());
        });
    });
}

#[test]
fn a_dropped_tick_takes_none() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = interval(10 * MS);
            for _ in 0..9 {
                assert!(timeout(MS, beat.tick()).await.is_err());
            }
            // Due, notified, and dropped before it could complete.
            {
                let mut tick = pin!(beat.tick());
                poll_fn(|cx| {
                    assert!(tick.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                advance(MS).await;
            }
            assert_eq!(ticks(&mut beat, begin, 2).await, [(10, 10), (20, 20)]);
        });
    });
}

#[test]
fn an_interval_may_move_between_ticks_and_tasks() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = Box::new(interval(10 * MS));
            beat.tick().await;
            let mut moved = *beat;
            let last = spawn_boxed(async move {
                moved.tick().await;
                moved.tick().await
            });
            assert_eq!(last.await, begin + 30 * MS);
        });
    });
}

#[test]
fn a_burst_of_ticks_lets_the_others_run() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut beat = interval(MS);
            advance(100_000 * MS).await;
            let burst = spawn_boxed(async move {
                for _ in 0..100_000 {
                    beat.tick().await;
                }
            });
            yield_now().await;
            yield_now().await;
            assert!(!burst.is_finished());
            burst.await;
        });
    });
}

#[test]
fn a_period_of_zero_is_refused() {
    for make in [(|| interval(Duration::ZERO)) as fn() -> Interval, || {
        interval_at(Instant::now(), Duration::ZERO)
    }] {
        let message = panic_of(make);
        assert!(message.contains("0ns"), "{message}");
    }
}

#[test]
fn the_longest_period_is_never() {
    with_paused(|rt| {
        rt.block_on(async {
            let mut never = interval(Duration::MAX);
            assert!(timeout(1000 * MS, never.tick()).await.is_err());
            never.reset();
            let mut once = interval_at(now(), Duration::MAX);
            let due = once.tick().await;
            assert_eq!(due, now());
            assert!(timeout(1000 * MS, once.tick()).await.is_err());
        });
    });
}

#[test]
fn a_tick_is_not_polled_after_its_end() {
    with_paused(|rt| {
        let message = panic_of(|| {
            rt.block_on(async {
                let mut beat = interval_at(now(), MS);
                let mut tick = pin!(beat.tick());
                tick.as_mut().await;
                tick.await;
            });
        });
        assert!(message.contains("after it had completed"), "{message}");
    });
}

#[test]
fn on_the_real_clock_it_keeps_its_rate() {
    with_runtime(|rt| {
        rt.block_on(async {
            let begin = now();
            let mut beat = interval_at(begin + MS, MS);
            for number in 1..=scaled(10) as u32 {
                let due = beat.tick().await;
                assert_eq!(due, begin + number * MS);
                assert!(now() >= due, "early");
            }
            // Made outside, it counts from the system's clock.
            sleep(MS).await;
        });
        let before = Instant::now();
        let mut outside = interval(MS);
        rt.block_on(async { outside.tick().await });
        assert!(before.elapsed() >= MS);
    });
    let mut alone = interval(MS);
    let mut tick = pin!(alone.tick());
    let mut cx = Context::from_waker(Waker::noop());
    let message = panic_of(|| tick.as_mut().poll(&mut cx));
    assert!(message.contains("outside a runtime"), "{message}");
}

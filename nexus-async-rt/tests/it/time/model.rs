//! The wheel on a paused clock and a `BTreeMap` do the same.

use crate::support::with_runtime;
use crate::time::paused::with_paused;
use nexus_async_rt::time::{Sleep, advance, sleep_until};
use nexus_async_rt::{Runtime, now, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::property::property;
use nexus_testkit::{scaled, within};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
enum Op {
    /// A timer so many nanoseconds from now, or before.
    Make(i64),
    Drop(usize),
    /// Another deadline for one that waits.
    Reset(usize, i64),
    /// Another waker for one that waits.
    Repoll(usize),
    Advance(u64),
    /// Sleep to the next deadline.
    Jump,
    /// Sleep to some time.
    Sleep(u64),
}

/// From the same nanosecond to years, short ones most of all.
fn span() -> impl Strategy<Value = u64> {
    (0..57_u32, any::<u64>()).prop_map(|(bits, value)| value & ((1 << bits) - 1))
}

fn delay() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => span().prop_map(u64::cast_signed),
        1 => (1..5000_i64).prop_map(|before| -before),
        1 => Just(1000),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => delay().prop_map(Op::Make),
        2 => any::<usize>().prop_map(Op::Drop),
        2 => (any::<usize>(), delay()).prop_map(|(nth, delay)| Op::Reset(nth, delay)),
        1 => any::<usize>().prop_map(Op::Repoll),
        2 => span().prop_map(Op::Advance),
        2 => Just(Op::Jump),
        1 => span().prop_map(Op::Sleep),
    ]
}

/// Writes its number down when it is woken.
struct Note(u64, Arc<Mutex<Vec<u64>>>);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// The timers alive, by deadline and order of creation.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<(Instant, u64), Pin<Box<Sleep>>>,
    made: u64,
    fired: Vec<Pin<Box<Sleep>>>,
    woken: Arc<Mutex<Vec<u64>>>,
}

fn at(delay: i64) -> Instant {
    match u64::try_from(delay) {
        Ok(later) => now() + Duration::from_nanos(later),
        Err(_) => now() - Duration::from_nanos(delay.unsigned_abs()),
    }
}

impl Model {
    fn poll(&self, timer: &mut Pin<Box<Sleep>>, number: u64) -> bool {
        let waker = Waker::from(Arc::new(Note(number, self.woken.clone())));
        timer
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    }

    fn key(&self, nth: usize) -> Option<(Instant, u64)> {
        let len = self.waiting.len();
        self.waiting.keys().nth(nth % len.max(1)).copied()
    }

    async fn apply(&mut self, op: Op) {
        match op {
            Op::Make(delay) => {
                let deadline = at(delay);
                let mut timer = Box::pin(sleep_until(deadline));
                let number = self.made;
                self.made += 1;
                if self.poll(&mut timer, number) {
                    assert!(deadline <= now(), "early");
                } else {
                    self.waiting.insert((deadline, number), timer);
                }
            }
            Op::Drop(nth) => {
                if let Some(key) = self.key(nth) {
                    self.waiting.remove(&key);
                }
            }
            Op::Reset(nth, delay) => {
                if let Some(key) = self.key(nth) {
                    let deadline = at(delay);
                    let mut timer = self.waiting.remove(&key).unwrap();
                    timer.as_mut().reset(deadline);
                    self.waiting.insert((deadline, key.1), timer);
                }
            }
            Op::Repoll(nth) => {
                if let Some(key) = self.key(nth) {
                    let mut timer = self.waiting.remove(&key).unwrap();
                    assert!(!self.poll(&mut timer, key.1), "early");
                    self.waiting.insert(key, timer);
                }
            }
            Op::Advance(by) => advance(Duration::from_nanos(by)).await,
            Op::Jump => {
                if let Some((deadline, _)) = self.key(0) {
                    // Through the turn that fires what is due already.
                    let deadline = deadline.max(now());
                    advance(Duration::ZERO).await;
                    sleep_until(deadline).await;
                    assert_eq!(now(), deadline, "overslept");
                }
            }
            Op::Sleep(span) => {
                let deadline = at(span.cast_signed());
                advance(Duration::ZERO).await;
                sleep_until(deadline).await;
                assert_eq!(now(), deadline, "overslept");
            }
        }
    }

    /// All that is due has fired, in order, and nothing else has.
    fn check(&mut self) {
        let woken = std::mem::take(&mut *self.woken.lock().unwrap());
        if woken.is_empty() {
            assert!(self.waiting.values().all(|timer| !timer.is_elapsed()));
            return;
        }
        let later = self.waiting.split_off(&(now(), u64::MAX));
        let due = std::mem::replace(&mut self.waiting, later);
        let expected: Vec<_> = due.keys().map(|key| key.1).collect();
        assert_eq!(woken, expected);
        assert!(due.values().all(|timer| timer.is_elapsed()));
        assert!(self.waiting.values().all(|timer| !timer.is_elapsed()));
        self.fired.extend(due.into_values());
    }
}

#[test]
fn timers_are_a_map() {
    within(Duration::from_secs(600), || {
        // A quick run is quick; a million steps at a hundredfold.
        let input = proptest::collection::vec(op(), 1..200);
        property(scaled(100), input, run_case);
    });
}

fn run_case(ops: Vec<Op>) {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world).start_paused(true).build();
    let mut model = Model::default();
    rt.block_on(async {
        for op in ops {
            model.apply(op).await;
            model.check();
        }
        advance(Duration::ZERO).await;
        model.check();
        // To the end of all of them.
        while let Some((deadline, _)) = model.key(usize::MAX) {
            sleep_until(deadline.max(now())).await;
            advance(Duration::ZERO).await;
            model.check();
        }
    });
}

#[test]
fn a_million_timers_alive() {
    with_paused(|rt| {
        rt.block_on(async {
            const MANY: u64 = 1_000_000;
            let begin = now();
            // Spread over half a day, and in no order.
            let mut timers: Vec<_> = (0..MANY)
                .map(|number| {
                    let offset = number * 7_919 % MANY * 43_201_007 + 1;
                    (offset, sleep_until(begin + Duration::from_nanos(offset)))
                })
                .collect();
            let fired = Rc::new(Cell::new(0_u64));
            let mut cx = Context::from_waker(Waker::noop());
            for (_, timer) in &mut timers {
                // SAFETY: the vector is not touched again until it is dropped.
                let timer = unsafe { Pin::new_unchecked(timer) };
                assert!(timer.poll(&mut cx).is_pending());
            }
            let count = fired.clone();
            spawn_boxed(async move {
                sleep_until(begin + Duration::from_nanos(500_000 * 43_201_007)).await;
                count.set(1);
            });
            // Others come and go beside them.
            for number in 0..100_000 {
                let mut timer = Box::pin(sleep_until(begin + Duration::from_secs(number)));
                let _ = timer.as_mut().poll(&mut cx);
            }
            let half = Duration::from_nanos(500_000 * 43_201_007);
            sleep_until(begin + half).await;
            yield_now().await;
            assert_eq!(now(), begin + half);
            let elapsed = timers
                .iter()
                .filter(|(_, timer)| timer.is_elapsed())
                .count();
            let due = timers
                .iter()
                .filter(|(offset, _)| Duration::from_nanos(*offset) <= half)
                .count();
            assert_eq!(elapsed, due);
            assert_eq!(fired.get(), 1);
        });
    });
}

#[test]
fn c18_timers_far_apart_fire_in_turn_and_on_time() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            // Around each border between levels, and beyond twelve days.
            let mut offsets = Vec::new();
            for bits in 0..58 {
                for near in -1..=1_i64 {
                    offsets.extend((1_u64 << bits).checked_add_signed(near));
                    offsets.extend((1000_u64 << bits.min(47)).checked_add_signed(near));
                }
            }
            let log: Rc<RefCell<Vec<u64>>> = Rc::default();
            for &offset in &offsets {
                let log = log.clone();
                spawn_boxed(async move {
                    let deadline = begin + Duration::from_nanos(offset);
                    sleep_until(deadline).await;
                    assert_eq!(now(), deadline);
                    log.borrow_mut().push(offset);
                });
            }
            let last = *offsets.iter().max().unwrap();
            yield_now().await;
            sleep_until(begin + Duration::from_nanos(last)).await;
            offsets.sort_unstable();
            yield_now().await;
            yield_now().await;
            assert_eq!(*log.borrow(), offsets);
        });
    });
}

#[test]
fn deadlines_before_the_runtime_was_built_have_their_order() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let woken: Arc<Mutex<Vec<u64>>> = Arc::default();
            let mut timers: Vec<_> = (0..5_u64)
                .map(|number| {
                    (
                        number,
                        Box::pin(sleep_until(begin + Duration::from_secs(1))),
                    )
                })
                .collect();
            for (number, timer) in &mut timers {
                let waker = Waker::from(Arc::new(Note(*number, woken.clone())));
                let polled = timer.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                let before = Duration::from_secs(3 * (*number + 1) % 5);
                timer
                    .as_mut()
                    .reset(begin - Duration::from_secs(60) - before);
            }
            advance(Duration::ZERO).await;
            // 3, 1, 4, 2, 0 seconds before that.
            assert_eq!(*woken.lock().unwrap(), [2, 0, 3, 1, 4]);
        });
    });
}

#[test]
fn real_sleeps_are_never_early() {
    for busy in [false, true] {
        with_runtime(|rt| {
            let sleeps = async {
                let mut random = 0x9E37_79B9_7F4A_7C15_u64;
                let tasks: Vec<_> = (0..50)
                    .map(|_| {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let span = Duration::from_nanos(random % 300_000);
                        spawn_boxed(async move {
                            for _ in 0..scaled(10) {
                                let deadline = Instant::now() + span;
                                sleep_until(deadline).await;
                                assert!(Instant::now() >= deadline, "{span:?}: early");
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await;
                }
            };
            if busy {
                rt.block_on_busy(sleeps);
            } else {
                rt.block_on(sleeps);
            }
        });
    }
}

//! What waits for what, and for how long.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::channel::{local, spsc};
use nexus_async_rt::runtime::task_count;
use nexus_async_rt::time::{advance, sleep_until};
use nexus_async_rt::{JoinHandle, interval, sleep, spawn_boxed, yield_now};
use nexus_testkit::handoff::Guarded;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

#[test]
fn a_ready_task_waits_for_one_poll_of_each_other() {
    with_built(
        |builder| builder.tasks_per_cycle(3),
        |rt| {
            let polls: Rc<[Cell<u32>; 10]> = Rc::default();
            let mut spread = 0;
            rt.block_on(async {
                for task in 0..10 {
                    let polls = polls.clone();
                    spawn_boxed(async move {
                        loop {
                            polls[task].set(polls[task].get() + 1);
                            yield_now().await;
                        }
                    });
                }
                for _ in 0..1000 {
                    yield_now().await;
                    let counts = polls.iter().map(Cell::get);
                    let least = counts.clone().min().unwrap();
                    spread = spread.max(counts.max().unwrap() - least);
                }
            });
            assert_eq!(spread, 1);
            assert!(polls[0].get() >= 299, "{}", polls[0].get());
        },
    );
}

#[test]
fn a_task_that_yields_comes_after_all_that_were_ready_and_the_root_after_a_turn() {
    with_runtime(|rt| {
        rt.block_on(async {
            let polled = Rc::new(Cell::new(0));
            let counted = polled.clone();
            let count = move |number: u32| {
                for _ in 0..number {
                    let polled = counted.clone();
                    spawn_boxed(async move { polled.set(polled.get() + 1) });
                }
            };
            count(200);
            let before = polled.clone();
            let yielding = spawn_boxed(async move {
                count(300);
                assert_eq!(before.get(), 200);
                yield_now().await;
                before.get()
            });
            // The root is not in the queue: it comes up once in a turn.
            yield_now().await;
            assert_eq!(polled.get(), 64);
            yield_now().await;
            assert_eq!(polled.get(), 128);
            assert_eq!(yielding.await, 500);
        });
    });
}

/// Polls of tasks from the moment at which the root's timer is due until the root
/// goes on. Counted, because time depends on what else has the cores.
#[test]
fn the_root_and_timers_get_their_turn_among_busy_tasks() {
    const POLLS: usize = 64;
    with_built(
        |builder| builder.tasks_per_cycle(POLLS),
        |rt| {
            let due = Rc::new(Cell::new(None));
            let overdue = Rc::new(Cell::new(0));
            rt.block_on(async {
                for _ in 0..200 {
                    let (due, overdue) = (due.clone(), overdue.clone());
                    spawn_boxed(async move {
                        loop {
                            yield_now().await;
                            if due.get().is_some_and(|due| Instant::now() > due) {
                                overdue.set(overdue.get() + 1);
                            }
                        }
                    });
                }
                for _ in 0..5 {
                    let deadline = Instant::now() + Duration::from_millis(1);
                    due.set(Some(deadline));
                    sleep_until(deadline).await;
                    // It is due after the look at the clock, and the root comes
                    // after the tasks of the next turn.
                    let polls = overdue.replace(0);
                    assert!(polls <= 2 * POLLS, "{polls} polls while it was due");
                }
            });
            assert_eq!(rt.task_count(), 200);
        },
    );
}

#[test]
fn a_flood_of_foreign_wakes_holds_nobody_back() {
    with_built(
        |builder| builder.cross_thread_drain_limit(4),
        |rt| {
            let stop = Arc::new(AtomicBool::new(false));
            let wakers: Arc<Guarded<Vec<Waker>>> = Arc::default();
            let (stopped, flooding) = (stop.clone(), wakers.clone());
            let thread = std::thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    flooding.with(|wakers: &mut Vec<Waker>| {
                        wakers.iter().for_each(Waker::wake_by_ref);
                    });
                    std::thread::yield_now();
                }
            });
            rt.block_on(async {
                for _ in 0..32 {
                    let wakers = wakers.clone();
                    let mut stored = false;
                    spawn_boxed(poll_fn(move |cx| {
                        if !stored {
                            wakers.with(|wakers| wakers.push(cx.waker().clone()));
                            stored = true;
                        }
                        Poll::<()>::Pending
                    }));
                }
                let busy = spawn_boxed(async {
                    for _ in 0..1000 {
                        yield_now().await;
                    }
                });
                for _ in 0..5 {
                    sleep(Duration::from_millis(1)).await;
                }
                busy.await;
            });
            stop.store(true, Ordering::Relaxed);
            thread.join().unwrap();
        },
    );
}

/// Messages that are received from another thread that never stops sending, from
/// the moment at which a tick is due until it is there. Counted, because time
/// depends on what else has the cores.
#[test]
fn a_flooded_receiver_leaves_an_interval_its_period() {
    const POLLS: usize = 4;
    const COMPLETIONS: usize = 128;
    let (tx, rx) = spsc::channel(1024);
    let flood = std::thread::spawn(move || while tx.blocking_send(()).is_ok() {});
    with_built(
        |builder| builder.tasks_per_cycle(POLLS),
        |rt| {
            rt.block_on(async {
                let due = Rc::new(Cell::new(None));
                let overdue = Rc::new(Cell::new(0));
                let (seen, counted) = (due.clone(), overdue.clone());
                let receiving = spawn_boxed(async move {
                    while let Ok(()) = rx.recv().await {
                        if seen.get().is_some_and(|due| Instant::now() > due) {
                            counted.set(counted.get() + 1);
                        }
                    }
                });
                let mut ticks = interval(Duration::from_millis(1));
                let (mut most, mut sum) = (0, 0);
                for _ in 0..100 {
                    let tick = ticks.tick().await;
                    let messages = overdue.replace(0);
                    most = most.max(messages);
                    sum += messages;
                    due.set(Some(tick + Duration::from_millis(1)));
                }
                // It is due after the look at the clock, and the root comes
                // after the tasks of the next turn.
                let limit = 2 * POLLS * COMPLETIONS;
                assert!(most <= limit, "{most} messages while a tick was due");
                assert!(sum > 0, "there was no flood");
                assert!(receiving.abort());
            });
        },
    );
    flood.join().unwrap();
}

/// More than one poll of a task may see.
const MANY: u64 = 200;

/// Room for as many in a channel of either sort: in a large byte channel each
/// message takes a line of the cache.
const ROOM: usize = 8 * MANY as usize;

/// How far `task` has come when a task that was spawned after it runs.
fn seen_beside(done: &Rc<Cell<u64>>, task: impl Future<Output = ()> + 'static) -> u64 {
    with_runtime(|rt| {
        let task = rt.spawn_boxed(task);
        let so_far = done.clone();
        let beside = rt.spawn_boxed(async move { so_far.get() });
        let seen = rt.block_on(beside);
        rt.block_on(task);
        assert_eq!(done.get(), MANY);
        seen
    })
}

#[test]
fn completions_in_one_poll_are_limited() {
    // A task that awaits two hundred handles that are ready yields on the way.
    for lifted in [false, true] {
        with_runtime(|rt| {
            let tasks: Vec<JoinHandle<()>> = (0..200).map(|_| rt.spawn_boxed(async {})).collect();
            rt.block_on(async {
                while task_count() > 0 {
                    yield_now().await;
                }
            });
            let polls = Rc::new(Cell::new(0));
            let counted = polls.clone();
            let mut all = Box::pin(async move {
                for task in tasks {
                    task.await;
                }
            });
            let counting = poll_fn(move |cx| {
                counted.set(counted.get() + 1);
                Pin::new(&mut all).poll(cx)
            });
            if lifted {
                rt.block_on(nexus_async_rt::time::unconstrained(counting));
            } else {
                rt.block_on(counting);
            }
            assert_eq!(polls.get(), if lifted { 1 } else { 2 });
        });
    }
}

/// Polls `future` until it is ready, as `block_on` of another executor does, and
/// counts the polls.
fn block_on_counting<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = std::pin::pin!(future);
    let mut polls = 0;
    loop {
        polls += 1;
        // Every refusal wakes, so nobody need park.
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return (output, polls),
            Poll::Pending => assert!(woken.0.load(Ordering::Relaxed), "nobody woke it"),
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each send and each receive counts, and is refused when the budget is spent: so
/// often, but not much more, that the other executor goes on at a fair price.
#[test]
fn an_executor_inside_a_task_goes_on_after_a_few_refusals() {
    const MESSAGES: usize = 20_000;
    let exchange = async {
        let (tx, rx) = spsc::channel(64);
        for n in 0..MESSAGES {
            tx.send(n).await.unwrap();
            assert_eq!(rx.recv().await, Ok(n));
        }
    };
    let polls = with_runtime(|rt| rt.block_on(async { block_on_counting(exchange).1 }));
    assert!(polls > MESSAGES / 128, "nothing was refused");
    assert!(polls < 10 * MESSAGES, "{polls} polls");
}

/// In one poll of a join of so many receives, of which each is ready.
fn completed_in_one_poll(width: usize) -> usize {
    with_runtime(|rt| {
        let (tx, rx) = local::channel(width);
        for n in 0..width {
            tx.try_send(n).unwrap();
        }
        let done = Rc::new(Cell::new(0));
        let count = done.clone();
        let rx = Rc::new(rx);
        let mut waiting: Vec<_> = (0..width)
            .map(|_| {
                let rx = rx.clone();
                Box::pin(async move { rx.recv().await.unwrap() })
            })
            .collect();
        let join = poll_fn(move |cx| {
            waiting.retain_mut(|receive| receive.as_mut().poll(cx).is_pending());
            count.set(width - waiting.len());
            match waiting.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        let join = rt.spawn_boxed(join);
        let so_far = done.clone();
        let beside = rt.spawn_boxed(async move { so_far.get() });
        let seen = rt.block_on(beside);
        rt.block_on(join);
        assert_eq!(done.get(), width);
        seen
    })
}

#[test]
fn a_join_of_many_lets_others_run() {
    assert_eq!(completed_in_one_poll(300), 128);
    assert_eq!(completed_in_one_poll(640), 128);
    // Asked so many futures, it is taken for an executor, but a slow one.
    let seen = completed_in_one_poll(10_000);
    assert!(seen <= 10_000 / 4, "{seen} of 10000 in one poll");
}

#[test]
fn a_loop_around_a_select_lets_others_run() {
    let (tx, rx) = local::channel(ROOM);
    let (other_tx, other) = local::channel(ROOM);
    for n in 0..MANY {
        tx.try_send(n).unwrap();
        other_tx.try_send(n).unwrap();
    }
    let done = Rc::new(Cell::new(0));
    let count = done.clone();
    let task = async move {
        for n in 0..MANY {
            // The first wins while it may; then neither does.
            futures_lite::future::or(rx.recv(), other.recv())
                .await
                .unwrap();
            count.set(n + 1);
        }
    };
    assert_eq!(seen_beside(&done, task), 128);
    drop((tx, other_tx));
}

/// After a timer has fired the root does not wait for a whole turn of busy tasks.
#[test]
fn the_root_waits_for_a_short_turn_after_its_timer() {
    const A_TURN: u32 = 64;
    with_built(
        |builder| builder.start_paused(true).tasks_per_cycle(A_TURN as usize),
        |rt| {
            rt.block_on(async {
                let polls = Rc::new(Cell::new(0));
                let busy = polls.clone();
                spawn_boxed(async move {
                    loop {
                        busy.set(busy.get() + 1);
                        yield_now().await;
                    }
                });
                let counted = polls.clone();
                let at_deadline = spawn_boxed(async move {
                    let count = counted.get();
                    advance(Duration::from_secs(1)).await;
                    count
                });
                sleep(Duration::from_secs(1)).await;
                let waited = polls.get() - at_deadline.await;
                // The rest of the turn in which the clock moved, and an eighth of one.
                assert!(
                    waited <= A_TURN + A_TURN / 8,
                    "{waited} polls of a busy task"
                );
            });
        },
    );
}

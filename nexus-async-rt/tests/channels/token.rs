//! Tokens: the tree of them, and what waits for one.

use crate::sides::Side;
#[cfg(feature = "rt")]
use crate::support::with_runtime;
use nexus_async_rt::CancellationToken;
#[cfg(feature = "rt")]
use nexus_async_rt::{sleep, spawn_boxed, yield_now};
use nexus_testkit::hand::{Hand, Hostile, hostile};
#[cfg(feature = "rt")]
use nexus_testkit::handoff::Handoff;
use nexus_testkit::seed::seeded;
use nexus_testkit::{panic_of, scaled, within};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::{pending, ready};
#[cfg(feature = "rt")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
#[cfg(feature = "rt")]
use std::task::Poll;
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// What drives a future that may migrate.
const EXECUTORS: &[Side] = &[
    #[cfg(feature = "rt")]
    Side::Parked,
    #[cfg(feature = "rt")]
    Side::Busy,
    Side::TokioCurrentThread,
    Side::TokioMultiThread,
    Side::AsyncExecutor,
];

#[test]
fn a_parent_cancels_its_descendants_and_nobody_else() {
    let root = CancellationToken::default();
    let [a, b] = [root.child(), root.child()];
    let [aa, ab] = [a.child(), a.child()];
    let same = a.clone();
    a.cancel();
    let cancelled = [&root, &a, &b, &aa, &ab, &same].map(CancellationToken::is_cancelled);
    assert_eq!(cancelled, [false, true, false, true, true, true]);
    assert!(a.child().is_cancelled(), "born cancelled");
    assert!(!b.child().is_cancelled());
    aa.cancel();
    root.cancel();
    assert!(b.is_cancelled());
}

#[test]
fn a_token_that_went_leaves_its_children_to_its_parent() {
    let root = CancellationToken::new();
    let middle = root.child();
    let low = [middle.child(), middle.child(), middle.child()];
    let lowest = low[0].child();
    drop(middle);
    let [first, second, third] = low;
    drop(first);
    drop(second);
    assert!(!third.is_cancelled() && !lowest.is_cancelled());
    root.cancel();
    assert!(third.is_cancelled() && lowest.is_cancelled());

    // Without a parent they are their own.
    let root = CancellationToken::new();
    let [a, b] = [root.child(), root.child()];
    drop(root);
    a.cancel();
    assert!(!b.is_cancelled());
}

#[cfg(feature = "rt")]
#[test]
fn u04_a_cancel_on_another_thread_wakes_a_parked_runtime() {
    with_runtime(|rt| {
        for _ in 0..scaled(50) {
            let token = CancellationToken::new();
            let child = token.child();
            let (go, canceller) = (Handoff::<()>::new(), token.clone());
            let parked = go.clone();
            let thread = thread::spawn(move || {
                parked.take();
                canceller.cancel();
            });
            rt.block_on(async {
                let task = spawn_boxed(async move { child.cancelled().await });
                go.give(());
                token.cancelled().await;
                task.await;
            });
            thread.join().unwrap();
        }
        // Until it was surely parked: the thread takes its time.
        let parks = rt.metrics().parks;
        while rt.metrics().parks == parks {
            let token = CancellationToken::new();
            let canceller = token.clone();
            let thread = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                canceller.cancel();
            });
            rt.block_on(token.cancelled());
            thread.join().unwrap();
        }
    });
}

#[test]
fn every_executor_waits_for_a_token() {
    within(LIMIT, || {
        for side in EXECUTORS {
            for late in [false, true] {
                let token = CancellationToken::new();
                let (child, canceller) = (token.child(), token.clone());
                let thread = thread::spawn(move || {
                    if late {
                        thread::sleep(Duration::from_millis(5));
                    }
                    canceller.cancel();
                });
                let result = side.run(async move {
                    let owned = child.clone().cancelled_owned();
                    assert_eq!(child.run_until_cancelled(pending::<u8>()).await, None);
                    owned.await;
                    token.cancelled().await;
                    child.run_until_cancelled(ready(1)).await
                });
                assert_eq!(result, None, "{side:?}");
                thread.join().unwrap();
            }
        }
    });
}

#[test]
fn a_future_runs_until_its_end_or_the_cancellation() {
    let token = CancellationToken::new();
    assert_eq!(
        Hand::new(token.run_until_cancelled(ready(3))).ready(),
        Some(3)
    );
    let held = Rc::new(());
    let work = {
        let held = held.clone();
        async move {
            pending::<()>().await;
            drop(held);
        }
    };
    let mut run = Hand::new(token.run_until_cancelled(work));
    run.pending();
    token.cancel();
    assert_eq!(run.wakes(), 1);
    assert_eq!(run.ready(), None);
    run.cancel();
    assert_eq!(Rc::strong_count(&held), 1, "the work is dropped");
    // The token is looked at first.
    let polled = Cell::new(false);
    let work = async { polled.set(true) };
    assert_eq!(Hand::new(token.run_until_cancelled(work)).ready(), None);
    assert!(!polled.get());
}

#[cfg(feature = "rt")]
#[test]
fn a_future_that_owns_its_token_runs_until_the_cancellation() {
    with_runtime(|rt| {
        rt.block_on(async {
            let parent = CancellationToken::new();
            let token = parent.child();
            assert_eq!(
                token.clone().run_until_cancelled_owned(ready(7)).await,
                Some(7)
            );
            let dropped = Rc::new(());
            let held = dropped.clone();
            let task = spawn_boxed(token.run_until_cancelled_owned(async move {
                pending::<()>().await;
                drop(held);
            }));
            yield_now().await;
            assert!(!task.is_finished());
            parent.cancel();
            assert_eq!(task.await, None);
            assert_eq!(Rc::strong_count(&dropped), 1);
            // Looked at first.
            assert_eq!(parent.run_until_cancelled_owned(ready(7)).await, None);
        });
    });
}

#[test]
#[expect(
    clippy::mutable_key_type,
    reason = "the hash is the identity, which never changes"
)]
fn a_token_is_equal_to_its_clones_alone() {
    let token = CancellationToken::new();
    let [child, sibling] = [token.child(), token.child()];
    assert_eq!(token, token.clone());
    assert_eq!(child, child.clone());
    for other in [&child, &sibling, &CancellationToken::new()] {
        assert_ne!(&token, other);
    }
    assert_ne!(child, sibling);
    let mut seen: HashSet<_> = [&token, &child, &sibling].into_iter().cloned().collect();
    assert_eq!(seen.len(), 3);
    // Also after the tree has changed.
    token.cancel();
    assert!(!seen.insert(token.clone()) && !seen.insert(child));
    assert!(seen.insert(token.child()));
}

#[test]
fn a_guard_cancels_unless_it_is_disarmed() {
    let token = CancellationToken::new();
    let child = token.child();
    let message = panic_of(|| {
        let _guard = token.clone().drop_guard();
        panic!("on the way out");
    });
    assert_eq!(message, "on the way out");
    assert!(token.is_cancelled() && child.is_cancelled());
    let token = CancellationToken::new();
    let same = token.clone().drop_guard().disarm();
    assert!(!token.is_cancelled());
    same.cancel();
    assert!(token.is_cancelled());
}

#[test]
fn every_waiter_is_woken_once_and_leaves_nothing() {
    let token = CancellationToken::new();
    let child = token.child();
    let mut waiters: Vec<_> = (0..100)
        .map(|n| {
            let token = if n % 2 == 0 { &token } else { &child };
            Hand::new(token.cancelled())
        })
        .collect();
    for waiter in &mut waiters {
        waiter.pending();
        waiter.pending();
    }
    // Some leave before, one is forgotten.
    for waiter in waiters.iter_mut().step_by(3) {
        waiter.cancel();
        assert_eq!(waiter.wakers_left(), 0, "u64: nothing is left behind");
    }
    let mut fresh = Hand::new(token.cancelled());
    token.cancel();
    for (n, waiter) in waiters.iter_mut().enumerate() {
        assert_eq!(waiter.wakes(), usize::from(n % 3 != 0));
        if n % 3 != 0 {
            waiter.ready();
            assert_eq!(waiter.wakers_left(), 0);
        }
    }
    fresh.ready();
    assert!(panic_of(|| fresh.poll()).contains("after it completed"));
}

#[test]
fn a_future_moves_to_another_thread_while_it_waits() {
    let token = &CancellationToken::new();
    thread::scope(|scope| {
        let mut waiter = Hand::new(token.cancelled());
        waiter.pending();
        let other = scope.spawn(move || {
            waiter.pending();
            token.cancel();
            waiter.ready();
            waiter.wakes()
        });
        assert_eq!(other.join().unwrap(), 1);
    });
}

#[cfg(feature = "rt")]
#[test]
fn a_cancelled_token_does_not_hold_the_other_tasks_up() {
    with_runtime(|rt| {
        let token = CancellationToken::new();
        token.cancel();
        rt.block_on(async {
            let ended = Rc::new(Cell::new(false));
            let seen = ended.clone();
            let task = spawn_boxed(async move {
                let mut rounds = 0_u64;
                while !seen.get() {
                    token.cancelled().await;
                    rounds += 1;
                }
                rounds
            });
            sleep(Duration::from_millis(1)).await;
            ended.set(true);
            assert!(task.await > 0);
        });
    });
}

/// Does `0` when it is woken.
struct Call<F>(F);

impl<F: Fn() + 'static> Hostile for Call<F> {
    fn on_wake(&self) {
        self.0();
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let token = CancellationToken::new();
    let [a, b] = [token.child(), token.child()];
    let mut hands: Vec<_> = [&token, &a, &b]
        .iter()
        .flat_map(|token| [(); 3].map(|()| Hand::new(token.cancelled())))
        .collect();
    for (n, hand) in hands.iter_mut().enumerate() {
        if n % 3 == 1 {
            let bad = hostile(&Rc::new(Call(|| panic!("in a waker"))));
            assert!(hand.poll_with(&bad).is_pending());
        } else {
            hand.pending();
        }
    }
    assert_eq!(panic_of(|| token.cancel()), "in a waker");
    for (n, hand) in hands.iter_mut().enumerate() {
        assert_eq!(hand.wakes(), usize::from(n % 3 != 1));
        hand.ready();
    }
    // While the thread unwinds it ends there.
    let token = CancellationToken::new();
    let mut hand = Hand::new(token.cancelled());
    let bad = hostile(&Rc::new(Call(|| panic!("in a waker"))));
    assert!(hand.poll_with(&bad).is_pending());
    let message = panic_of(|| {
        let _guard = token.clone().drop_guard();
        panic!("first");
    });
    assert_eq!(message, "first");
    hand.ready();
}

#[test]
fn a_waker_may_do_anything_to_the_tree() {
    let token = CancellationToken::new();
    let made = Rc::new(RefCell::new(Vec::new()));
    let other = Rc::new(RefCell::new(Some(Hand::new(
        token.child().cancelled_owned(),
    ))));
    let waker = {
        let (token, made, other) = (token.clone(), made.clone(), other.clone());
        hostile(&Rc::new(Call(move || {
            assert!(token.is_cancelled());
            let child = token.child();
            assert!(child.is_cancelled());
            child.cancel();
            token.cancel();
            Hand::new(token.cancelled()).ready();
            made.borrow_mut().push(child);
            drop(other.take());
        })))
    };
    let mut hands = [(); 2].map(|()| Hand::new(token.cancelled()));
    assert!(hands[0].poll_with(&waker).is_pending());
    hands[1].pending();
    other.borrow_mut().as_mut().unwrap().pending();
    token.cancel();
    assert_eq!(made.borrow().len(), 1);
    assert_eq!(hands[1].wakes(), 1);
    assert!(other.borrow().is_none());
}

#[test]
fn who_sees_a_parent_cancelled_sees_its_descendants_cancelled() {
    within(LIMIT, || {
        for _ in 0..scaled(300) {
            let root = CancellationToken::new();
            let below: Vec<_> = (0..20)
                .scan(root.clone(), |last, n| {
                    let child = last.child();
                    if n % 2 == 0 {
                        *last = child.clone();
                    }
                    Some(child)
                })
                .collect();
            thread::scope(|scope| {
                scope.spawn(|| root.cancel());
                while !root.is_cancelled() {
                    std::hint::spin_loop();
                }
                assert!(below.iter().all(CancellationToken::is_cancelled));
            });
        }
    });
}

#[test]
fn threads_grow_cut_and_cancel_one_tree() {
    let run = |seed: u64| {
        for round in 0..scaled(20) as u64 {
            let root = CancellationToken::new();
            thread::scope(|scope| {
                for thread in 0..4 {
                    let root = &root;
                    scope.spawn(move || grow(root, seed.wrapping_add(round * 4 + thread)));
                }
            });
            root.cancel();
        }
    };
    seeded(|seed| within(LIMIT, || run(seed)));
}

/// Makes, drops and cancels descendants of `root` at random.
fn grow(root: &CancellationToken, seed: u64) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut tokens = vec![root.clone()];
    for step in 0..500 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = (random >> 8) as usize % tokens.len();
        match random % 8 {
            0..4 => tokens.push(tokens[at].child()),
            4 => tokens.push(tokens[at].clone()),
            5 | 6 if at > 0 => drop(tokens.swap_remove(at)),
            _ if step > 400 || at % 16 == 5 => {
                let (token, child) = (tokens[at].clone(), tokens[at].child());
                let mut waiter = Hand::new(child.cancelled());
                let cancelled = waiter.poll().is_ready();
                if at > 0 {
                    token.cancel();
                    assert!(token.is_cancelled() && child.is_cancelled());
                    assert!(cancelled || waiter.poll().is_ready());
                }
            }
            _ => {}
        }
    }
}

#[cfg(feature = "rt")]
#[test]
fn a_task_that_waits_may_be_aborted() {
    with_runtime(|rt| {
        let token = CancellationToken::new();
        rt.block_on(async {
            let waits = token.clone();
            let task = spawn_boxed(async move { waits.cancelled().await });
            yield_now().await;
            assert!(task.abort());
            token.cancel();
            assert_eq!(Hand::new(token.cancelled()).poll(), Poll::Ready(()));
        });
        assert_eq!(rt.task_count(), 0);
    });
}

#[cfg(feature = "rt")]
#[test]
fn a_runtime_that_is_dropped_may_be_woken_by_a_token() {
    let token = CancellationToken::new();
    with_runtime(|rt| {
        let waits = token.clone();
        rt.block_on(async {
            drop(spawn_boxed(async move { waits.cancelled().await }));
            yield_now().await;
        });
    });
    let cancelled = catch_unwind(AssertUnwindSafe(|| token.cancel()));
    assert!(cancelled.is_ok());
}

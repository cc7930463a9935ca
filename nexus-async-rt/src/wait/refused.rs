//! What a wait does when the OS refuses the heavy fence that it needs.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use super::end::ConsumerEnd;
use super::fair::FairQueue;
use super::fence::{Adaptive, STREAK};
use super::late::DELAY;
use super::mode::Threads;
use super::{ConsumerPoint, Policy, Waiter};
use crate::sync::{has_heavy_fence, one_at_a_time, with_refused_fences};

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Flag {
    /// Whether it is woken within a time that is long against the delay.
    fn is_woken_soon(&self) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < 20 * DELAY {
            if self.0.swap(false, Ordering::Relaxed) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }
}

/// A future begins to wait at a place that has been dense, if grants are to be
/// had, while the OS refuses. It is woken once more, and waits from then on.
/// Whether it was so.
fn waits_and_is_woken_once_more<W: Policy>(point: &W, succeeded: fn(&W)) -> bool {
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(flag.clone());
    let cx = Context::from_waker(&waker);
    (0..STREAK).for_each(|_| succeeded(point));
    let mut waiter = pin!(Waiter::new());
    let begin = Instant::now();
    let mut poll = || with_refused_fences(|| waiter.as_mut().poll(point, &cx, || None::<()>));
    assert!(poll().is_pending());
    let refused = flag.is_woken_soon();
    if refused {
        assert!(begin.elapsed() >= DELAY, "woken at once: it would spin");
        for _ in 0..3 {
            assert!(poll().is_pending());
        }
        assert!(!flag.is_woken_soon(), "it waits, and is woken for nothing");
        (0..4 * STREAK).for_each(|_| succeeded(point));
    }
    point.notify_one();
    assert!(flag.is_woken_soon(), "a notification was lost");
    // SAFETY: the waiter is pinned.
    unsafe { waiter.get_unchecked_mut().leave(point) };
    refused
}

fn some_time<W: Policy>(point: fn() -> W, succeeded: fn(&W)) {
    let _alone = one_at_a_time();
    if has_heavy_fence() {
        let refused = (0..100).any(|_| waits_and_is_woken_once_more(&point(), succeeded));
        assert!(refused, "no place became dense");
    }
}

#[test]
fn a_refused_wait_at_an_end_neither_spins_nor_hangs() {
    some_time(ConsumerEnd::new, ConsumerEnd::succeeded);
}

#[test]
fn a_refused_wait_in_a_queue_neither_spins_nor_hangs() {
    some_time(FairQueue::<Threads, Adaptive>::new, FairQueue::succeeded);
}

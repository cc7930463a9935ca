//! Waking somebody once more, after a while.
//!
//! For the one case in which no fence tells that a notification is on its way:
//! see `fence`. A thread of the process sleeps meanwhile; it is started when it
//! is needed and ends when nobody is left.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use crate::unwind::contained;

/// A store has left its core long before: that takes less than a microsecond.
pub(super) const DELAY: Duration = Duration::from_millis(10);

#[derive(Debug)]
struct Queue {
    /// In order of time.
    waiting: VecDeque<(Instant, Waker)>,
    /// Whether there is a thread.
    served: bool,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    waiting: VecDeque::new(),
    served: false,
});

fn with_queue<R>(f: impl FnOnce(&mut Queue) -> R) -> R {
    f(&mut QUEUE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How much later a place may still be late: it keeps its deadline in whole
/// milliseconds. Woken before, a waiter would have to be woken again.
const ROUNDING: Duration = Duration::from_millis(1);

/// Wakes `waker` after [`DELAY`], when its place is no longer late. If no thread can
/// be started, the caller sleeps for so long.
pub(super) fn wake(waker: Waker) {
    let time = Instant::now() + DELAY + ROUNDING;
    let served = with_queue(|queue| {
        queue.waiting.push_back((time, waker));
        std::mem::replace(&mut queue.served, true)
    });
    if !served
        && thread::Builder::new()
            .name("nexus-late".into())
            .spawn(serve)
            .is_err()
    {
        serve();
    }
}

fn serve() {
    while let Some((time, waker)) = with_queue(|queue| {
        let next = queue.waiting.pop_front();
        queue.served = next.is_some();
        next
    }) {
        thread::sleep(time.saturating_duration_since(Instant::now()));
        contained(|| waker.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_is_woken_once_and_not_at_once() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let begin = Instant::now();
        for _ in 0..3 {
            wake(count.clone().into());
        }
        let woken = || count.0.load(Ordering::Relaxed);
        while woken() < 3 {
            assert!(begin.elapsed() < Duration::from_secs(60), "never woken");
            thread::sleep(Duration::from_millis(1));
        }
        assert!(begin.elapsed() >= DELAY);
        thread::sleep(3 * DELAY);
        assert_eq!(woken(), 3);
    }
}

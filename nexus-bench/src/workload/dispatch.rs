//! What it costs to poll a task that has woken itself.

use crate::figures::Figures;
use crate::peers::Executor;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Wakes itself so many times, then says how often it was polled.
#[derive(Debug)]
struct Again<const BY_VALUE: bool> {
    left: u64,
    polls: u64,
}

impl<const BY_VALUE: bool> Again<BY_VALUE> {
    fn new(wakes: u64) -> Self {
        Self {
            left: wakes,
            polls: 0,
        }
    }
}

impl<const BY_VALUE: bool> Future for Again<BY_VALUE> {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        self.polls += 1;
        if self.left == 0 {
            return Poll::Ready(self.polls);
        }
        self.left -= 1;
        if BY_VALUE {
            let clone = cx.waker().clone();
            clone.wake();
        } else {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

fn round_robin<E: Executor, const BY_VALUE: bool>(ops: u64, tasks: u64) -> Figures {
    let wakes = ops.div_ceil(tasks);
    E::block_on(async move {
        let begin = Instant::now();
        let handles: Vec<_> = (0..tasks)
            .map(|_| E::spawn(Again::<BY_VALUE>::new(wakes)))
            .collect();
        for handle in handles {
            assert_eq!(handle.await, wakes + 1, "polls of a task");
        }
        Figures::since(begin, tasks * wakes)
    })
}

/// `tasks` tasks that wake themselves by reference.
#[must_use]
pub fn by_ref<E: Executor>(ops: u64, tasks: u64) -> Figures {
    round_robin::<E, false>(ops, tasks)
}

/// `tasks` tasks that clone their waker and wake by the clone.
#[must_use]
pub fn by_value<E: Executor>(ops: u64, tasks: u64) -> Figures {
    round_robin::<E, true>(ops, tasks)
}

/// The limit: boxed futures polled by hand, with a waker that does nothing.
#[must_use]
pub fn by_hand(ops: u64, tasks: u64) -> Figures {
    let wakes = ops.div_ceil(tasks);
    let mut cx = Context::from_waker(Waker::noop());
    let mut futures: Vec<Pin<Box<dyn Future<Output = u64>>>> = Vec::new();
    for _ in 0..tasks {
        futures.push(Box::pin(Again::<false>::new(wakes)));
    }
    let begin = Instant::now();
    let mut polls = 0;
    for _ in 0..=wakes {
        for future in &mut futures {
            if let Poll::Ready(of_one) = black_box(future).as_mut().poll(&mut cx) {
                polls += of_one;
            }
        }
    }
    let figures = Figures::since(begin, tasks * wakes);
    assert_eq!(polls, tasks * (wakes + 1), "polls of all");
    figures
}

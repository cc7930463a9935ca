//! Timers that are dropped before they fire, and timers that fire.

use crate::figures::Figures;
use crate::peers::{Clock, Limit};
use std::future::{poll_fn, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Longer than any sample.
const FAR: Duration = Duration::from_secs(30);

/// Creates a timer, polls it once, drops it, and so on, while `alive` others
/// wait.
#[must_use]
pub fn churn<C: Clock>(ops: u64, alive: u64) -> Figures {
    C::block_on(async move {
        let others =
            (0..alive).map(|number| Box::pin(C::sleep(FAR + Duration::from_millis(number))));
        let mut others: Vec<_> = others.collect();
        poll_fn(move |cx| {
            for other in &mut others {
                assert!(other.as_mut().poll(cx).is_pending(), "fired too early");
            }
            let begin = Instant::now();
            for _ in 0..ops {
                let timer = pin!(C::sleep(FAR));
                assert!(timer.poll(cx).is_pending(), "fired too early");
            }
            Poll::Ready(Figures::since(begin, ops))
        })
        .await
    })
}

/// Puts a limit on futures that are ready, or that have to wait for one poll,
/// and takes their output.
#[must_use]
pub fn limited<C: Limit>(ops: u64, waits: bool) -> Figures {
    C::block_on(async move {
        let begin = Instant::now();
        let mut sum = 0;
        for op in 0..ops {
            let number = black_box(op);
            let output = if waits {
                let waiting = async move {
                    next_turn().await;
                    number
                };
                C::timeout(FAR, waiting).await.into_iter().next()
            } else {
                C::timeout(FAR, ready(number)).await.into_iter().next()
            };
            sum += output.unwrap_or_else(|| panic!("timed out"));
        }
        let figures = Figures::since(begin, ops);
        assert_eq!(sum, (0..ops).sum::<u64>());
        figures
    })
}

/// Completes when it is polled again, which it asks for.
fn next_turn() -> impl Future<Output = ()> {
    let mut polled = false;
    poll_fn(move |cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// As [`lateness`], beside a task that is always ready.
#[must_use]
pub fn busy_lateness<C: Clock>(ops: u64) -> Figures {
    C::block_on(async move {
        drop_later(C::spawn(async {
            loop {
                next_turn().await;
            }
        }));
        late_by::<C>(ops).await
    })
}

/// A peer's task may end when what it is awaited by is dropped.
fn drop_later<T>(handle: T) {
    std::mem::forget(handle);
}

/// How late a timer of a millisecond fires, while the runtime has nothing else
/// to do.
#[must_use]
pub fn lateness<C: Clock>(ops: u64) -> Figures {
    C::block_on(late_by::<C>(ops))
}

async fn late_by<C: Clock>(ops: u64) -> Figures {
    const SHORT: Duration = Duration::from_millis(1);
    let mut late = Vec::with_capacity(ops as usize);
    for _ in 0..ops {
        let begin = Instant::now();
        C::sleep(SHORT).await;
        let slept = begin.elapsed();
        assert!(slept >= SHORT, "slept {slept:?} instead of {SHORT:?}");
        late.push(slept - SHORT);
    }
    Figures::of(late)
}

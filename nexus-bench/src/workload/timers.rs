//! Timers that are dropped before they fire, and timers that fire.

use crate::figures::Figures;
use crate::peers::Clock;
use std::future::poll_fn;
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

/// How late a timer of a millisecond fires, while the runtime has nothing else
/// to do.
#[must_use]
pub fn lateness<C: Clock>(ops: u64) -> Figures {
    const SHORT: Duration = Duration::from_millis(1);
    C::block_on(async move {
        let mut late = Vec::with_capacity(ops as usize);
        for _ in 0..ops {
            let begin = Instant::now();
            C::sleep(SHORT).await;
            let slept = begin.elapsed();
            assert!(slept >= SHORT, "slept {slept:?} instead of {SHORT:?}");
            late.push(slept - SHORT);
        }
        Figures::of(late)
    })
}

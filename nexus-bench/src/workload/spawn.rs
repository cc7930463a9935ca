//! What a task costs from its spawn to its join.

use crate::figures::Figures;
use crate::peers::Executor;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Spawns one, awaits it, and so on.
#[must_use]
pub fn one_by_one<E: Executor>(ops: u64) -> Figures {
    E::block_on(async move {
        let begin = Instant::now();
        let mut sum = 0;
        for number in 0..ops {
            sum += E::spawn(async move { black_box(number) }).await;
        }
        let figures = Figures::since(begin, ops);
        assert_eq!(sum, ops * (ops - 1) / 2, "sum of the outputs");
        figures
    })
}

/// Spawns 1000, then awaits them in order, and so on.
#[must_use]
pub fn thousand<E: Executor>(ops: u64) -> Figures {
    const BATCH: u64 = 1000;
    let batch = BATCH.min(ops);
    let batches = ops.div_ceil(batch);
    E::block_on(async move {
        let mut handles = Vec::with_capacity(batch as usize);
        let begin = Instant::now();
        for _ in 0..batches {
            handles.extend((0..batch).map(|number| E::spawn(async move { black_box(number) })));
            for (number, handle) in handles.drain(..).enumerate() {
                assert_eq!(handle.await, number as u64, "output of a task");
            }
        }
        Figures::since(begin, batches * batch)
    })
}

/// The limit: a box, one poll, and its drop.
#[must_use]
pub fn by_hand(ops: u64) -> Figures {
    let mut cx = Context::from_waker(Waker::noop());
    let begin = Instant::now();
    let mut sum = 0;
    for number in 0..ops {
        let future: Box<dyn Future<Output = u64>> = Box::new(async move { black_box(number) });
        match black_box(Box::into_pin(future)).as_mut().poll(&mut cx) {
            Poll::Ready(output) => sum += output,
            Poll::Pending => unreachable!("nothing to wait for"),
        }
    }
    let figures = Figures::since(begin, ops);
    assert_eq!(sum, ops * (ops - 1) / 2, "sum of the outputs");
    figures
}

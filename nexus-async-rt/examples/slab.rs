//! Tasks without allocation: a bounded slab; its slots are also the limit on
//! what is in progress.
//!
//! The slot is claimed before the request is taken on, so that nothing has to
//! be undone when there is none.

use nexus_async_rt::runtime::metrics;
use nexus_async_rt::task::TASK_HEADER_SIZE;
use nexus_async_rt::{BoundedByteSlab, JoinHandle, Runtime, try_claim_slab, yield_now};
use nexus_rt::WorldBuilder;

const SLOTS: usize = 4;
const SLOT_SIZE: usize = 256;

async fn serve(request: u32) -> u32 {
    yield_now().await;
    request * 2
}

/// Takes the request on, or refuses it.
fn accept(request: u32) -> Option<JoinHandle<u32>> {
    let slot = try_claim_slab()?;
    Some(slot.spawn(serve(request)))
}

pub fn main() {
    let mut world = WorldBuilder::new().build();
    // A slot holds the header and the future, here with room to spare.
    const { assert!(TASK_HEADER_SIZE + 64 <= SLOT_SIZE) };
    let mut rt = Runtime::builder(&mut world)
        .slab_bounded(BoundedByteSlab::<SLOT_SIZE>::with_capacity(SLOTS))
        .build();
    rt.block_on(async {
        let mut refused = 0;
        let mut answers = Vec::new();
        for burst in 0..3 {
            let accepted: Vec<_> = (0..6)
                .filter_map(|n| {
                    let task = accept(burst * 6 + n);
                    refused += u32::from(task.is_none());
                    task
                })
                .collect();
            assert_eq!(accepted.len(), SLOTS);
            for task in accepted {
                // A finished task's slot is free for the next burst.
                answers.push(task.await);
            }
        }
        assert_eq!(answers, [0, 2, 4, 6, 12, 14, 16, 18, 24, 26, 28, 30]);
        assert_eq!(refused, 3 * 2);
        let metrics = metrics();
        assert_eq!(metrics.tasks_alive, 0);
        println!("{} answered, {refused} refused", answers.len());
    });
}

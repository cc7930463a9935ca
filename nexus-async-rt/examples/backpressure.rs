//! Backpressure: the capacity of a channel is how far a producer may run
//! ahead. No semaphore, no counter: the full channel makes `send` wait.

use nexus_async_rt::channel::local;
use nexus_async_rt::{Runtime, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use std::cell::Cell;
use std::rc::Rc;

const CAPACITY: usize = 8;
const JOBS: usize = 200;

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(async {
        let (tx, rx) = local::channel(CAPACITY);
        // Made and not yet stored.
        let open = Rc::new(Cell::new(0));

        let counter = open.clone();
        let maker = spawn_boxed(async move {
            let mut most_open = 0;
            for job in 0..JOBS {
                counter.set(counter.get() + 1);
                most_open = most_open.max(counter.get());
                tx.send(job).await.expect("the store is there");
            }
            most_open
        });
        let store = spawn_boxed(async move {
            let mut stored = 0;
            while let Ok(job) = rx.recv().await {
                assert_eq!(job, stored);
                // Storing takes a while; making does not.
                for _ in 0..3 {
                    yield_now().await;
                }
                stored += 1;
                open.set(open.get() - 1);
            }
            stored
        });

        let most_open = maker.await;
        assert_eq!(store.await, JOBS);
        // Beside those in the channel, one is being stored and one waits for room.
        assert!(most_open > CAPACITY, "the maker did run ahead");
        assert!(most_open <= CAPACITY + 2, "{most_open} jobs were open");
        println!("{JOBS} jobs, at most {most_open} open");
    });
}

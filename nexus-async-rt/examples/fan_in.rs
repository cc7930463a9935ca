//! Fan-in: four sources that never stop, one task that applies what they
//! send, and an end that the consumer decides on.
//!
//! No source ever waits for anything but room, and the channel is hardly ever
//! empty. Still the timer of the root fires in between: a task may complete
//! only so many operations before it has to let the others run.

use nexus_async_rt::channel::mpsc;
use nexus_async_rt::{JoinHandle, Runtime, sleep, spawn_boxed};
use nexus_rt::WorldBuilder;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const SOURCES: usize = 4;
const TICKS: u32 = 20;

struct Tick {
    source: usize,
    cents: u64,
}

/// Sends until nobody listens; returns how many ticks were accepted.
async fn feed(source: usize, tx: mpsc::Sender<Tick>) -> u64 {
    let mut cents = 0;
    while tx.send(Tick { source, cents }).await.is_ok() {
        cents += 1;
    }
    cents
}

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(async {
        let (tx, rx) = mpsc::channel(256);
        let sources: Vec<JoinHandle<u64>> = (0..SOURCES)
            .map(|source| spawn_boxed(feed(source, tx.clone())))
            .collect();
        drop(tx);

        let stop = Rc::new(Cell::new(false));
        let stopped = stop.clone();
        let book = spawn_boxed(async move {
            let mut received = [0; SOURCES];
            while let Ok(Tick { source, cents }) = rx.recv().await {
                assert_eq!(cents, received[source]);
                received[source] += 1;
                if stopped.replace(false) {
                    // Sends fail from now on; what was accepted still comes.
                    rx.close();
                }
            }
            received
        });

        for _ in 0..TICKS {
            sleep(Duration::from_millis(2)).await;
        }
        stop.set(true);
        let received = book.await;
        for (source, count) in sources.into_iter().zip(received) {
            assert!(count > 0, "every source was heard");
            assert_eq!(source.await, count, "nothing accepted was lost");
        }
        println!("{received:?} ticks while a timer fired {TICKS} times");
    });
}

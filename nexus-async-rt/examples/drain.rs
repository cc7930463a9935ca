//! Draining with `try_recv`: a task that works in steps of a millisecond and
//! takes, at each step, what a feed thread has left in an `spsc` channel.
//!
//! A step takes no more than is there when it begins, so that a feed that never
//! pauses cannot keep it. `Empty` ends a step too. `Disconnected` ends the work:
//! it comes only after the last message.

use nexus_async_rt::channel::{TryRecvError, spsc};
use nexus_async_rt::{Runtime, sleep};
use nexus_rt::WorldBuilder;
use std::thread;
use std::time::Duration;

const TICKS: u32 = 2000;
const ROOM: usize = 256;

/// Moves what is there into `batch`. `false`: nothing will come any more.
fn drain(feed: &spsc::Receiver<u32>, batch: &mut Vec<u32>) -> bool {
    // Once at least: only an attempt sees the end.
    for _ in 0..feed.len().max(1) {
        match feed.try_recv() {
            Ok(tick) => batch.push(tick),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
    true
}

pub fn main() {
    let (tx, rx) = spsc::channel(ROOM);
    let feed = thread::spawn(move || {
        for tick in 0..TICKS {
            tx.blocking_send(tick)
                .expect("the task is there to the end");
        }
    });

    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    let (steps, ticks) = rt.block_on(async move {
        let mut ticks = Vec::new();
        let mut steps = 0;
        while drain(&rx, &mut ticks) {
            steps += 1;
            sleep(Duration::from_millis(1)).await;
        }
        (steps, ticks)
    });
    feed.join().expect("the feed's thread ended in order");

    assert!(ticks.iter().copied().eq(0..TICKS), "all of them, in order");
    assert!(
        steps >= TICKS as usize / ROOM,
        "{steps} steps, and a step takes {ROOM} ticks at most"
    );
    println!("{TICKS} ticks in {steps} steps");
}

//! Work from other threads: four of them send over one `mpsc` channel to a
//! task, which sleeps in the OS while nothing comes.
//!
//! A thread has no executor, so it uses the blocking form. It is held back
//! while the channel is full, like a task that awaits.

use nexus_async_rt::channel::mpsc;
use nexus_async_rt::{Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;
use std::thread;

const SENSORS: usize = 4;
const READINGS: u64 = 500;

struct Reading {
    sensor: usize,
    number: u64,
}

pub fn main() {
    let (tx, rx) = mpsc::channel(16);
    let sensors: Vec<_> = (0..SENSORS)
        .map(|sensor| {
            let tx = tx.clone();
            thread::spawn(move || {
                for number in 0..READINGS {
                    // Fails only if the receiver is gone: nobody is interested.
                    if tx.blocking_send(Reading { sensor, number }).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    // The channel ends with its last sender; this one sends nothing.
    drop(tx);

    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    let received = rt.block_on(async {
        let collector = spawn_boxed(async move {
            let mut next = [0; SENSORS];
            while let Ok(Reading { sensor, number }) = rx.recv().await {
                assert_eq!(number, next[sensor], "in order, from each of them");
                next[sensor] += 1;
            }
            next
        });
        collector.await
    });
    assert_eq!(received, [READINGS; SENSORS]);
    for sensor in sensors {
        sensor.join().expect("a sensor's thread ended in order");
    }
    println!("{SENSORS} threads, {READINGS} readings from each");
}

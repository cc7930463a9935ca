//! `futures`: `StreamExt`, its channels, and our receivers as streams.

use futures::channel::mpsc as others;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use futures::{SinkExt, future};
use nexus_async_rt::channel::{local, mpsc, spsc};
use nexus_async_rt::{sleep, spawn_boxed, yield_now};
use nexus_interop::block_on;
use nexus_testkit::scaled;
use std::cell::Cell;
use std::thread;
use std::time::Duration;

/// What a receiver receives.
fn received<T: Send + 'static>(rx: spsc::Receiver<T>) -> impl Stream<Item = T> {
    stream::unfold(rx, async |rx| {
        let next = rx.recv().await.ok()?;
        Some((next, rx))
    })
}

#[test]
fn a_pipeline_of_combinators_over_a_channel_from_a_thread() {
    let count = scaled(1_000) as u64;
    block_on(async {
        let (tx, rx) = spsc::channel(8);
        let thread = thread::spawn(move || (0..count).try_for_each(|n| tx.blocking_send(n)));
        let sum = received(rx)
            .filter(|n| future::ready(n % 2 == 0))
            .map(async |n| {
                if n % 64 == 0 {
                    sleep(Duration::from_micros(10)).await;
                }
                n * 10
            })
            .buffered(16)
            .chunks(7)
            .fold(0, async |sum, chunk| sum + chunk.iter().sum::<u64>())
            .await;
        let even = (0..count).filter(|n| n % 2 == 0);
        assert_eq!(sum, even.sum::<u64>() * 10);
        thread.join().unwrap().unwrap();
    });
}

#[test]
fn buffer_unordered_runs_as_many_as_it_may() {
    block_on(async {
        let (inside, most) = (Cell::new(0), Cell::new(0));
        let (inside, most) = (&inside, &most);
        let done = stream::iter(0..40)
            .map(async |n| {
                inside.set(inside.get() + 1);
                most.set(most.get().max(inside.get()));
                sleep(Duration::from_micros(100 * (n % 3))).await;
                inside.set(inside.get() - 1);
            })
            .buffer_unordered(5)
            .count()
            .await;
        assert_eq!((done, inside.get(), most.get()), (40, 0, 5));
    });
}

#[test]
fn for_each_concurrent_feeds_our_channels() {
    block_on(async {
        let (tx, rx) = local::channel(2);
        let consumer = spawn_boxed(async move {
            let mut sum = 0;
            while let Ok(n) = rx.recv().await {
                sum += n;
                yield_now().await;
            }
            sum
        });
        let feeding = &tx;
        stream::iter(0..100)
            .for_each_concurrent(10, async |n| feeding.send(n).await.unwrap())
            .await;
        drop(tx);
        assert_eq!(consumer.await, 4950);
    });
}

#[test]
fn two_feeds_in_one_stream() {
    block_on(async {
        let (a, from_a) = spsc::channel(4);
        let (b, from_b) = spsc::channel(4);
        let threads = [a, b]
            .map(|tx| thread::spawn(move || (1..=100_u32).try_for_each(|n| tx.blocking_send(n))));
        let both = stream::select(received(from_a), received(from_b));
        assert_eq!(both.collect::<Vec<_>>().await.iter().sum::<u32>(), 10_100);
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn channels_of_futures_are_sink_and_stream_here() {
    let count = scaled(1_000);
    block_on(async {
        let (tx, rx) = others::channel(2);
        let (forward, forwarded) = mpsc::channel(4);
        let mut remote = tx.clone();
        let thread = thread::spawn(move || {
            futures::executor::block_on(async {
                for n in 0..count {
                    remote.send(n).await.unwrap();
                }
            });
        });
        let mut near = tx;
        spawn_boxed(async move {
            let mut numbers = stream::iter(count..2 * count).map(Ok);
            near.send_all(&mut numbers).await.unwrap();
        });
        spawn_boxed(async move {
            rx.map(Ok)
                .try_for_each(|n| {
                    let forward = forward.clone();
                    async move { forward.send(n).await }
                })
                .await
                .unwrap();
        });
        let mut sum = 0;
        while let Ok(n) = forwarded.recv().await {
            sum += n;
        }
        assert_eq!(sum, (0..2 * count).sum());
        thread.join().unwrap();
    });
}

#[test]
fn a_stream_that_is_always_ready_leaves_the_others_their_turn() {
    block_on(async {
        let (tx, rx) = spsc::channel(1024);
        for n in 0..1024 {
            tx.try_send(n).unwrap();
        }
        drop(tx);
        let other = spawn_boxed(async {});
        let mut seen = 0;
        let mut before = None;
        let mut numbers = std::pin::pin!(received(rx));
        while let Some(n) = numbers.next().await {
            assert_eq!(n, seen);
            seen += 1;
            if other.is_finished() && before.is_none() {
                before = Some(seen);
            }
        }
        assert_eq!(seen, 1024);
        assert!(before.is_some_and(|n| n < 1024), "{before:?}");
    });
}

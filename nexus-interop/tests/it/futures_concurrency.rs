//! `futures-concurrency`: join, race, merge and groups over our futures.

use futures_concurrency::future::FutureGroup;
use futures_concurrency::prelude::*;
use futures_lite::{StreamExt, stream};
use nexus_async_rt::channel::{RecvError, mpsc, spsc};
use nexus_async_rt::{sleep, spawn_boxed, yield_now};
use nexus_interop::block_on;
use nexus_testkit::scaled;
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn join_of_tuples_arrays_and_vectors() {
    block_on(async {
        let (tx, rx) = spsc::channel(1);
        let (sent, received) = (
            async {
                for n in 0..50_u32 {
                    tx.send(n).await.unwrap();
                }
                drop(tx);
            },
            async {
                let mut sum = 0;
                while let Ok(n) = rx.recv().await {
                    sum += n;
                }
                sum
            },
        )
            .join()
            .await;
        assert_eq!((sent, received), ((), 1225));

        let slept = [3, 1, 2].map(async |n| {
            sleep(MS * n).await;
            n
        });
        assert_eq!(slept.join().await, [3, 1, 2]);

        let tasks: Vec<_> = (0..100)
            .map(|n| {
                spawn_boxed(async move {
                    yield_now().await;
                    n
                })
            })
            .collect();
        assert_eq!(tasks.join().await, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn race_drops_who_lost_and_no_message_with_it() {
    block_on(async {
        let rounds = scaled(300);
        let (a, from_a) = spsc::channel(1);
        let (b, from_b) = mpsc::channel(1);
        let threads = [
            thread::spawn(move || (0..rounds).try_for_each(|n| a.blocking_send(n).map_err(|_| n))),
            thread::spawn(move || (0..rounds).try_for_each(|n| b.blocking_send(n).map_err(|_| n))),
        ];
        let mut next = [0, 0];
        while next[0] + next[1] < 2 * rounds {
            let (channel, n) = (
                async {
                    match from_a.recv().await {
                        Ok(n) => (0, n),
                        Err(RecvError) => std::future::pending().await,
                    }
                },
                async {
                    match from_b.recv().await {
                        Ok(n) => (1, n),
                        Err(RecvError) => std::future::pending().await,
                    }
                },
            )
                .race()
                .await;
            let channel: usize = channel;
            assert_eq!(n, next[channel]);
            next[channel] += 1;
        }
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn try_join_and_race_ok() {
    block_on(async {
        let (tx, rx) = spsc::channel::<u32>(1);
        let fails = (
            async {
                sleep(MS).await;
                drop(tx);
                Ok::<_, RecvError>(1)
            },
            rx.recv(),
        )
            .try_join()
            .await;
        assert_eq!(fails, Err(RecvError));

        let (tx, from_thread) = mpsc::channel(1);
        let thread = thread::spawn(move || tx.blocking_send(8).unwrap());
        let wins = (rx.recv(), from_thread.recv()).race_ok().await;
        assert_eq!(wins.ok(), Some(8));
        thread.join().unwrap();
    });
}

#[test]
fn streams_merge_from_threads_and_tasks() {
    block_on(async {
        let count = scaled(300);
        let (tx, near) = mpsc::channel(4);
        let (far_tx, far) = mpsc::channel(4);
        spawn_boxed(async move {
            for n in 0..count {
                tx.send(n).await.unwrap();
            }
        });
        let thread = thread::spawn(move || {
            (0..count).for_each(|n| far_tx.blocking_send(n).unwrap());
        });
        let streams = [near, far].map(|rx| {
            stream::unfold(rx, async |rx| {
                let next = rx.recv().await.ok()?;
                Some((next, rx))
            })
            .boxed_local()
        });
        let sum = streams.merge().fold(0, |sum, n| sum + n).await;
        assert_eq!(sum, count * (count - 1));
        thread.join().unwrap();
    });
}

/// `n`, a while later.
async fn later(n: u32) -> u32 {
    sleep(Duration::from_micros(u64::from(n) * 50)).await;
    n
}

#[test]
fn a_group_grows_while_it_is_awaited() {
    block_on(async {
        let mut group = FutureGroup::new();
        for n in 0..10 {
            group.insert(Box::pin(later(n)));
        }
        let mut seen = Vec::new();
        while let Some(n) = group.next().await {
            seen.push(n);
            if n < 10 {
                group.insert(Box::pin(later(n + 10)));
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    });
}

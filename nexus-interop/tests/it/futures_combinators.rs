//! `futures`: `select!`, `join!`, `FuturesUnordered` and their like, over this
//! crate's futures and over others'.

use futures::future::{self, AbortHandle, Abortable, Aborted, FutureExt};
use futures::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use futures::{join, pin_mut, select, select_biased, try_join};
use nexus_async_rt::channel::{
    Kind, Receiver, RecvError, SendError, local, mpsc, mpsc_bytes, spsc,
};
use nexus_async_rt::{JoinHandle, sleep, spawn_boxed, yield_now};
use nexus_interop::block_on;
use nexus_testkit::scaled;
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Receives; once the channel is over it waits for ever.
async fn next<K: Kind>(rx: &Receiver<u64, K>, open: bool) -> Option<u64> {
    if open {
        rx.recv().await.ok()
    } else {
        future::pending().await
    }
}

#[test]
fn select_loses_no_message_of_our_channels() {
    block_on(async {
        let rounds = scaled(500) as u64;
        let (near, from_near) = local::channel(2);
        let (far, from_far) = spsc::channel(2);
        let (many, from_many) = mpsc::channel(2);
        spawn_boxed(async move {
            for n in 0..rounds {
                near.send(n).await.unwrap();
                if n % 3 == 0 {
                    yield_now().await;
                }
            }
        });
        let thread = thread::spawn(move || {
            for n in 0..rounds {
                far.blocking_send(n).unwrap();
                many.blocking_send(n).unwrap();
            }
        });
        let (mut counts, mut open) = ([0; 3], [true; 3]);
        while open.contains(&true) {
            // The receives that did not win are dropped each round.
            let (channel, received) = select! {
                n = next(&from_near, open[0]).fuse() => (0, n),
                n = next(&from_far, open[1]).fuse() => (1, n),
                n = next(&from_many, open[2]).fuse() => (2, n),
                () = sleep(MS).fuse() => continue,
            };
            match received {
                Some(n) => {
                    assert_eq!(n, counts[channel]);
                    counts[channel] += 1;
                }
                None => open[channel] = false,
            }
        }
        assert_eq!(counts, [rounds; 3]);
        thread.join().unwrap();
    });
}

#[test]
fn select_with_a_timer_that_goes_on() {
    block_on(async {
        let (tx, rx) = spsc::channel(1);
        let thread = thread::spawn(move || {
            thread::sleep(5 * MS);
            tx.blocking_send(9).unwrap();
        });
        let receives = rx.recv().fuse();
        let period = sleep(MS).fuse();
        pin_mut!(receives, period);
        let mut ticks = 0;
        let received = loop {
            select_biased! {
                n = receives => break n,
                () = period => {
                    ticks += 1;
                    period.set(sleep(MS).fuse());
                }
            }
        };
        assert_eq!(received, Ok(9));
        assert!(ticks >= 1);
        thread.join().unwrap();
    });
}

#[test]
fn join_drives_both_ends_of_each_kind() {
    block_on(async {
        let (tx, rx) = spsc::channel(1);
        let (mut bytes, mut read) = mpsc_bytes::channel(64);
        let (sent, received, claimed, text) = join!(
            async {
                for n in 0..100 {
                    tx.send(n).await?;
                }
                drop(tx);
                Ok::<_, SendError<u32>>(())
            },
            async {
                let mut sum = 0;
                while let Ok(n) = rx.recv().await {
                    sum += n;
                }
                sum
            },
            async {
                for word in ["many", "small", "words", "in", "a", "ring"] {
                    bytes.send(word.as_bytes()).await.unwrap();
                }
                drop(bytes);
                6
            },
            async {
                let mut text = Vec::new();
                while let Ok(word) = read.recv().await {
                    text.extend_from_slice(&word);
                }
                text
            },
        );
        assert_eq!((sent, received, claimed), (Ok(()), 4950, 6));
        assert_eq!(text, b"manysmallwordsinaring");
    });
}

#[test]
fn two_receives_on_one_handle_in_a_join() {
    block_on(async {
        let (tx, rx) = mpsc::channel(4);
        let thread = thread::spawn(move || {
            thread::sleep(MS);
            tx.blocking_send(1).unwrap();
            tx.blocking_send(2).unwrap();
        });
        let (a, b) = try_join!(rx.recv(), rx.recv()).unwrap();
        assert_eq!(a + b, 3);
        thread.join().unwrap();
    });
}

#[test]
fn try_join_ends_with_the_first_error() {
    block_on(async {
        let (tx, rx) = spsc::channel::<u8>(1);
        let never = sleep(Duration::MAX).map(Ok);
        let fails = async {
            yield_now().await;
            drop(tx);
            rx.recv().await.map(|_| ())
        };
        assert_eq!(try_join!(never, fails), Err(RecvError));
    });
}

#[test]
fn a_thousand_futures_unordered_end_as_they_are_due() {
    block_on(async {
        let mut all: FuturesUnordered<_> = (0..1_000_u64)
            .map(|n| {
                let due = (n * 7919 % 1_000) as u32;
                async move {
                    sleep(Duration::from_micros(u64::from(due) * 10)).await;
                    n
                }
            })
            .collect();
        let mut seen = vec![false; 1_000];
        while let Some(n) = all.next().await {
            assert!(!std::mem::replace(&mut seen[n as usize], true));
        }
        assert!(seen.into_iter().all(|seen| seen));
    });
}

#[test]
fn a_set_of_futures_over_tasks_and_channels_and_threads() {
    block_on(async {
        let mut all: FuturesUnordered<future::LocalBoxFuture<'_, usize>> = FuturesUnordered::new();
        let mut threads = Vec::new();
        for n in 0..scaled(100) {
            let task: JoinHandle<usize> = spawn_boxed(async move {
                yield_now().await;
                n
            });
            all.push(task.boxed_local());
            let (tx, rx) = spsc::channel(1);
            threads.push(thread::spawn(move || tx.blocking_send(n).unwrap()));
            all.push(async move { rx.recv().await.unwrap() }.boxed_local());
        }
        let mut sum = 0;
        while let Some(n) = all.next().await {
            sum += n;
        }
        let rounds = scaled(100);
        assert_eq!(sum, rounds * (rounds - 1));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn futures_ordered_gives_back_the_order_of_pushes() {
    block_on(async {
        let all: FuturesOrdered<_> = (0..50_u32)
            .map(|n| sleep(Duration::from_micros(u64::from(50 - n) * 20)).map(move |()| n))
            .collect();
        assert_eq!(all.collect::<Vec<_>>().await, (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn what_is_dropped_in_a_set_leaves_nothing_behind() {
    block_on(async {
        let (tx, rx) = mpsc::channel(1);
        {
            let mut waiting: FuturesUnordered<_> = (0..100).map(|_| rx.recv()).collect();
            assert!(waiting.next().now_or_never().is_none());
        }
        tx.send(1).await.unwrap();
        assert_eq!(rx.recv().await, Ok(1));
        {
            tx.send(2).await.unwrap();
            let mut waiting: FuturesUnordered<_> = (0..100).map(|n| tx.send(n)).collect();
            assert!(waiting.next().now_or_never().is_none());
        }
        assert_eq!(rx.recv().await, Ok(2));
        tx.send(3).await.unwrap();
        assert_eq!(rx.recv().await, Ok(3));
    });
}

#[test]
fn a_shared_future_ends_for_all_that_wait() {
    block_on(async {
        let (tx, rx) = spsc::channel(1);
        let shared = async move { rx.recv().await.unwrap() }
            .boxed_local()
            .shared();
        let tasks: Vec<JoinHandle<u32>> = (0..10).map(|_| spawn_boxed(shared.clone())).collect();
        yield_now().await;
        let thread = thread::spawn(move || tx.blocking_send(4).unwrap());
        for task in tasks {
            assert_eq!(task.await, 4);
        }
        assert_eq!(shared.await, 4);
        thread.join().unwrap();
    });
}

#[test]
fn abortable_is_ended_from_another_thread() {
    block_on(async {
        let (handle, registration) = AbortHandle::new_pair();
        let task = spawn_boxed(Abortable::new(sleep(Duration::MAX), registration));
        let thread = thread::spawn(move || {
            thread::sleep(MS);
            handle.abort();
        });
        assert_eq!(task.await, Err(Aborted));
        thread.join().unwrap();
    });
}

//! `async-channel`, whose waiting is `event-listener`'s.

use async_channel::{TryRecvError, TrySendError, bounded, unbounded};
use nexus_async_rt::{sleep, spawn_boxed, yield_now};
use nexus_interop::block_on;
use nexus_testkit::scaled;
use std::thread;
use std::time::Duration;

#[test]
fn many_producers_and_many_consumers_on_threads_and_tasks() {
    block_on(async {
        let per_producer = scaled(500);
        let (tx, rx) = bounded::<usize>(4);
        let mut threads = Vec::new();
        for producer in 0..2 {
            let tx = tx.clone();
            threads.push(thread::spawn(move || {
                for n in 0..per_producer {
                    tx.send_blocking(n * 4 + producer).unwrap();
                }
                0
            }));
            let rx = rx.clone();
            threads.push(thread::spawn(move || {
                let mut sum = 0;
                while let Ok(n) = rx.recv_blocking() {
                    sum += n;
                }
                sum
            }));
        }
        let mut consumers = Vec::new();
        for producer in 2..4 {
            let tx = tx.clone();
            spawn_boxed(async move {
                for n in 0..per_producer {
                    tx.send(n * 4 + producer).await.unwrap();
                }
            });
            let rx = rx.clone();
            consumers.push(spawn_boxed(async move {
                let mut sum = 0;
                while let Ok(n) = rx.recv().await {
                    sum += n;
                    yield_now().await;
                }
                sum
            }));
        }
        drop((tx, rx));
        let mut sum = 0;
        for consumer in consumers {
            sum += consumer.await;
        }
        for thread in threads {
            sum += thread.join().unwrap();
        }
        assert_eq!(sum, (0..4 * per_producer).sum());
    });
}

#[test]
fn it_holds_back_and_closes() {
    block_on(async {
        let (tx, rx) = bounded(1);
        tx.send(1).await.unwrap();
        assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
        let sends = spawn_boxed({
            let tx = tx.clone();
            async move { tx.send(2).await }
        });
        yield_now().await;
        assert!(!sends.is_finished());
        assert_eq!(rx.recv().await, Ok(1));
        sends.await.unwrap();
        assert!(rx.close());
        assert!(tx.send(3).await.is_err());
        assert_eq!(rx.recv().await, Ok(2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    });
}

#[test]
fn a_runtime_that_sleeps_is_woken_by_a_thread() {
    block_on(async {
        let (tx, rx) = unbounded();
        let thread = thread::spawn(move || {
            for n in 0..5 {
                thread::sleep(Duration::from_millis(2));
                tx.try_send(n).unwrap();
            }
        });
        let mut seen = Vec::new();
        while let Ok(n) = rx.recv().await {
            seen.push(n);
            sleep(Duration::from_micros(100)).await;
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        thread.join().unwrap();
    });
}

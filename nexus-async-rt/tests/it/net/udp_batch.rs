//! Several datagrams with one system call.

use crate::net::tcp::any;
use crate::support::with_runtime;
use futures_lite::future::poll_once;
use nexus_async_rt::net::{RecvBatch, UdpSocket};
use nexus_async_rt::{sleep, spawn_boxed};
use nexus_testkit::panic_of;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// A socket, and one that is connected to it.
fn pair(addr: SocketAddr) -> (UdpSocket, UdpSocket) {
    let feed = UdpSocket::bind(addr).unwrap();
    let source = UdpSocket::bind(addr).unwrap();
    source.connect(feed.local_addr().unwrap()).unwrap();
    (feed, source)
}

#[test]
fn all_that_has_arrived_comes_at_once_in_order_with_its_sender() {
    with_runtime(|rt| {
        rt.block_on(async {
            for addr in [any(), "[::1]:0".parse().unwrap()] {
                let (feed, source) = pair(addr);
                let texts: Vec<String> = (0..40).map(|n| format!("message {n}")).collect();
                let mut slices: Vec<_> = texts.iter().map(|t| IoSlice::new(t.as_bytes())).collect();
                // The limit of a call; the rest with the next.
                assert_eq!(source.send_batch(&slices).await.unwrap(), 32);
                slices.drain(..32);
                assert_eq!(source.try_send_batch(&slices).unwrap(), 8);
                assert_eq!(source.send_batch(&[]).await.unwrap(), 0);

                let mut batch = RecvBatch::new(24, 64);
                assert!(batch.is_empty() && batch.iter().next().is_none());
                let mut received = Vec::new();
                for expected in [24, 16] {
                    assert_eq!(feed.recv_batch(&mut batch).await.unwrap(), expected);
                    assert_eq!((batch.len(), batch.iter().len()), (expected, expected));
                    for datagram in batch.iter() {
                        assert_eq!(datagram.from, source.local_addr().unwrap());
                        assert_eq!((datagram.is_truncated, datagram.received_at), (false, None));
                        received.push(String::from_utf8(datagram.bytes.to_vec()).unwrap());
                    }
                }
                assert_eq!(received, texts);
                let nothing = feed.try_recv_batch(&mut batch).unwrap_err();
                assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
                assert!(batch.is_empty());
            }
        });
    });
}

#[test]
fn what_does_not_fit_is_marked_and_an_empty_one_counts() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (feed, source) = pair(any());
            for text in ["12345678", "", "123456789", "12"] {
                source.send(text.as_bytes()).await.unwrap();
            }
            let mut batch = RecvBatch::new(4, 8);
            assert_eq!(feed.recv_batch(&mut batch).await.unwrap(), 4);
            let seen: Vec<_> = batch
                .iter()
                .map(|d| (d.bytes.len(), d.is_truncated))
                .collect();
            assert_eq!(seen, [(8, false), (0, false), (8, true), (2, false)]);
        });
    });
}

#[test]
fn the_kernel_says_when_it_received_each() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (feed, source) = pair(any());
            feed.set_receive_times(true).unwrap();
            // The kernel begins a little later.
            sleep(Duration::from_millis(100)).await;
            let before = SystemTime::now();
            source.send(b"first").await.unwrap();
            sleep(Duration::from_millis(20)).await;
            source.send(b"second").await.unwrap();
            let mut batch = RecvBatch::new(4, 16);
            assert_eq!(feed.recv_batch(&mut batch).await.unwrap(), 2);
            let times: Vec<_> = batch.iter().map(|d| d.received_at.unwrap()).collect();
            // The kernel's clock may be read with less resolution than ours.
            let slack = Duration::from_millis(10);
            assert!(before <= times[0] + slack && times[1] <= SystemTime::now() + slack);
            assert!(times[1].duration_since(times[0]).unwrap() >= Duration::from_millis(10));
            feed.set_receive_times(false).unwrap();
            source.send(b"third").await.unwrap();
            feed.recv_batch(&mut batch).await.unwrap();
            assert_eq!(batch.iter().next().unwrap().received_at, None);
        });
    });
}

#[test]
fn it_waits_for_the_first_and_a_wait_that_is_dropped_takes_nothing() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (feed, source) = pair(any());
            let mut batch = RecvBatch::new(8, 16);
            assert!(poll_once(feed.recv_batch(&mut batch)).await.is_none());
            let sender = spawn_boxed(async move {
                sleep(Duration::from_millis(5)).await;
                source
                    .send_batch(&[IoSlice::new(b"a"), IoSlice::new(b"b")])
                    .await
                    .unwrap()
            });
            let mut received = feed.recv_batch(&mut batch).await.unwrap();
            assert_eq!(sender.await, 2);
            while received < 2 {
                received += feed.recv_batch(&mut batch).await.unwrap();
            }
            assert_eq!(received, 2);
        });
    });
}

#[test]
fn an_error_of_an_earlier_datagram_is_reported_once() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (feed, source) = pair(any());
            drop(feed);
            assert_eq!(
                source
                    .send_batch(&[IoSlice::new(b"nobody hears it")])
                    .await
                    .unwrap(),
                1
            );
            let mut batch = RecvBatch::new(1, 16);
            let refused = source.recv_batch(&mut batch).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            assert!(poll_once(source.recv_batch(&mut batch)).await.is_none());
        });
    });
}

#[test]
fn nonsensical_sizes_are_named() {
    for (count, len, message) in [
        (0, 64, "a batch has 1 to 1024 datagrams, got 0"),
        (1025, 64, "got 1025"),
        (1, 0, "at least 1 byte, got 0"),
        (1024, usize::MAX / 4, "cannot be addressed"),
    ] {
        let panic = panic_of(|| RecvBatch::new(count, len));
        assert!(panic.contains(message), "{panic}");
    }
}

//! Reads and writes of a stream that move all bytes.

use crate::net::tcp::{connected, fill, waiting};
use crate::support::with_runtime;
use futures_lite::future::poll_once;
use nexus_async_rt::channel::local;
use nexus_async_rt::net::{Family, Stream, UnixStream};
use nexus_async_rt::{spawn_boxed, yield_now};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// More than the buffers of a socket hold.
const MUCH: usize = 8 << 20;

/// Bytes of which each tells where it stands.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

async fn much_goes_both_ways<F: Family>(here: Stream<F>, there: Stream<F>) {
    let sent = pattern(MUCH);
    let back = sent.clone();
    let echo = spawn_boxed(async move {
        let mut heard = vec![0; MUCH];
        there.read_exact(&mut heard).await.unwrap();
        assert!(heard == back);
        there.write_all(&heard).await.unwrap();
    });
    here.write_all(&sent).await.unwrap();
    let mut heard = b"before".to_vec();
    assert_eq!(here.read_to_end(&mut heard).await.unwrap(), MUCH);
    assert!(heard.starts_with(b"before") && heard[6..] == sent);
    echo.await;
    assert_eq!(here.read_to_end(&mut heard).await.unwrap(), 0);
}

#[test]
fn more_than_the_buffers_hold_arrives_whole() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            much_goes_both_ways(here, there).await;
            let (here, there) = UnixStream::pair().unwrap();
            much_goes_both_ways(here, there).await;
        });
    });
}

#[test]
fn halves_move_all_bytes_too() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut here, there) = connected().await;
            let (read, write) = there.into_split();
            let server = spawn_boxed(async move {
                let mut heard = [0; 4];
                read.read_exact(&mut heard).await.unwrap();
                write.write_all(&heard).await.unwrap();
                drop(write);
                read.read_to_end(&mut Vec::new()).await.unwrap()
            });
            let (read, write) = here.split();
            write.write_all(b"ping and more").await.unwrap();
            write.as_ref().shutdown(Shutdown::Write).unwrap();
            let mut heard = Vec::new();
            assert_eq!(read.read_to_end(&mut heard).await.unwrap(), 4);
            assert_eq!(heard, b"ping");
            assert_eq!(server.await, 9);
        });
    });
}

#[test]
fn an_end_too_early_says_how_many_bytes_came() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixStream::pair().unwrap();
            let mut buf = [9; 8];
            // Nothing is asked for: it does not wait.
            here.read_exact(&mut []).await.unwrap();
            here.write_all(&[]).await.unwrap();
            let reader = waiting(async move {
                let result = here.read_exact(&mut buf).await;
                (result, buf)
            })
            .await;
            for piece in [&b"ab"[..], b"c"] {
                there.write_all(piece).await.unwrap();
                yield_now().await;
            }
            drop(there);
            let (result, buf) = reader.await;
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert_eq!(error.to_string(), "stream ended after 3 of 8 bytes");
            assert_eq!(&buf, b"abc\x09\x09\x09\x09\x09");
        });
    });
}

#[test]
fn a_read_to_the_end_that_is_dropped_loses_no_byte() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let mut buf = b"> ".to_vec();
            {
                let mut read = pin!(here.read_to_end(&mut buf));
                assert!(poll_once(read.as_mut()).await.is_none());
                there.write_all(b"first, ").await.unwrap();
                here.readable().await.unwrap();
                assert!(poll_once(read.as_mut()).await.is_none());
            }
            assert_eq!(buf, b"> first, ", "what was read, and nothing else");
            there.write_all(b"second").await.unwrap();
            drop(there);
            assert_eq!(here.read_to_end(&mut buf).await.unwrap(), 6);
            assert_eq!(buf, b"> first, second");
        });
    });
}

#[test]
fn an_error_keeps_what_was_read() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let mut buf = Vec::new();
            {
                let mut read = pin!(here.read_to_end(&mut buf));
                assert!(poll_once(read.as_mut()).await.is_none());
                there.write_all(b"then it broke").await.unwrap();
                here.readable().await.unwrap();
                assert!(poll_once(read.as_mut()).await.is_none());
                // Closing resets the connection.
                there.set_linger(Some(Duration::ZERO)).unwrap();
                drop(there);
                let error = read.await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            }
            assert_eq!(buf, b"then it broke");
        });
    });
}

#[test]
fn a_write_to_a_peer_that_goes_fails_with_the_error_of_the_os() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixStream::pair().unwrap();
            let writer = waiting(async move { here.write_all(&pattern(MUCH)).await }).await;
            drop(there);
            let error = writer.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            assert!(error.raw_os_error().is_some());
        });
    });
}

/// Completions that are left to this poll.
async fn budget_left() -> usize {
    let (tx, rx) = local::channel(256);
    (0..256).for_each(|n| tx.try_send(n).unwrap());
    poll_fn(|cx| {
        let mut left = 0;
        while pin!(rx.recv()).poll(cx).is_ready() {
            left += 1;
        }
        Poll::Ready(left)
    })
    .await
}

#[test]
fn a_long_read_spends_the_budget_of_its_poll() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let before = budget_left().await;
            yield_now().await;
            let filled = fill(&here).await;
            drop(here);
            let mut all = Vec::new();
            yield_now().await;
            let ended = poll_once(there.read_to_end(&mut all)).await;
            let left = budget_left().await;
            let spent = before - left;
            assert!(ended.is_some() || left == 0, "{left} are left");
            assert!(all.len() > 4 << 16 && all.len() <= filled);
            assert!(spent >= all.len() >> 16, "{spent} for {} bytes", all.len());
        });
    });
}

/// The extension traits have the same names; with either the bytes are the same.
#[test]
fn the_methods_do_what_the_traits_do() {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut here, mut there) = UnixStream::pair().unwrap();
            AsyncWriteExt::write_all(&mut here, b"ping").await.unwrap();
            here.write_all(b"pong").await.unwrap();
            let (mut one, mut other) = ([0; 4], [0; 4]);
            there.read_exact(&mut one).await.unwrap();
            AsyncReadExt::read_exact(&mut there, &mut other)
                .await
                .unwrap();
            assert_eq!((&one, &other), (b"ping", b"pong"));
            here.write_all(b"rest").await.unwrap();
            drop(here);
            let mut rest = Vec::new();
            let through_a_reference = &mut there;
            assert_eq!(through_a_reference.read_to_end(&mut rest).await.unwrap(), 4);
            let by_method: usize = there.read_to_end(&mut rest).await.unwrap();
            assert_eq!((rest.as_slice(), by_method), (&b"rest"[..], 0));
        });
    });
}

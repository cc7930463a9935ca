//! Tokio's I/O traits on our sockets, without a runtime of tokio's.

use crate::net::tcp::{connected, fill, waiting};
use crate::support::with_runtime;
use nexus_async_rt::net::UnixStream;
use nexus_async_rt::spawn_boxed;
use std::io::IoSlice;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};

#[test]
fn a_stream_is_copied_into_itself_and_ends() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut here, there) = connected().await;
            let server = spawn_boxed(async move {
                let (mut read, mut write) = there.into_split();
                let copied = copy(&mut read, &mut write).await.unwrap();
                write.shutdown().await.unwrap();
                copied
            });
            let text = vec![7; 300_000];
            let (read, mut write) = here.split();
            let sending = async {
                write.write_all(&text).await.unwrap();
                write.flush().await.unwrap();
                write.shutdown().await.unwrap();
            };
            let mut back = Vec::new();
            let receiving = async { read.read_to_end(&mut back).await.unwrap() };
            let ((), received) = futures_lite::future::zip(sending, receiving).await;
            assert_eq!((received, server.await), (300_000, 300_000));
            assert!(back == text);
        });
    });
}

#[test]
fn u45_halves_are_both_woken_through_these_traits_too() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, mut there) = connected().await;
            let filled = fill(&here).await;
            let (mut read, write) = here.into_split();
            let reader = waiting(async move { read.read_u32().await.unwrap() }).await;
            let writer = waiting(async move { write.write_all(b"x").await }).await;
            there.write_u32(77).await.unwrap();
            assert_eq!(reader.await, 77);
            let mut all = vec![0; filled + 1];
            there.read_exact(&mut all).await.unwrap();
            writer.await.unwrap();
        });
    });
}

#[test]
fn vectored_writes_and_partly_filled_buffers() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut here, mut there) = UnixStream::pair().unwrap();
            assert!(tokio::io::AsyncWrite::is_write_vectored(&here));
            let parts = [IoSlice::new(b"ab"), IoSlice::new(b"cd")];
            assert_eq!(here.write_vectored(&parts).await.unwrap(), 4);
            let mut buf = Vec::with_capacity(64);
            buf.push(b'_');
            there.read_buf(&mut buf).await.unwrap();
            assert_eq!(buf, b"_abcd");
            drop(here);
            assert_eq!(there.read_buf(&mut buf).await.unwrap(), 0);
        });
    });
}

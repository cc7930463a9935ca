//! A socket that is shut down on this side: everything that waits for the ended
//! side completes, whether the kernel reports an event or not.

use crate::net::tcp::{connected, fill, waiting};
use crate::support::with_runtime;
use futures_lite::AsyncWriteExt;
use futures_lite::future::poll_once;
use nexus_async_rt::JoinHandle;
use nexus_async_rt::net::{AsyncWrite, Family, Stream, TcpStream, UnixDatagram, UnixStream};
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

/// Two ends of a connection; the first one has no room to write.
async fn full_tcp() -> (TcpStream, TcpStream) {
    let (here, there) = connected().await;
    fill(&here).await;
    (here, there)
}

/// As [`full_tcp`].
async fn full_unix() -> (UnixStream, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    while here.try_write(&[0; 4096]).is_ok() {}
    (here, there)
}

/// A task that waits for room in `stream`.
async fn writer<F: Family>(stream: &Rc<Stream<F>>) -> JoinHandle<io::Result<usize>> {
    let stream = stream.clone();
    waiting(async move { stream.write(&[1]).await }).await
}

fn assert_broken(result: io::Result<usize>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        // Ordering: Relaxed; a count that its own thread reads.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        // Ordering: Relaxed; as above.
        self.0.load(Ordering::Relaxed)
    }
}

/// Every waiter on the side that writes is told: futures, and polls by hand.
async fn shutdown_ends_the_writers<F: Family>(how: Shutdown, here: Stream<F>) {
    let here = Rc::new(here);
    let writers = [writer(&here).await, writer(&here).await];
    let same = here.clone();
    let ready = waiting(async move { same.writable().await }).await;
    here.shutdown(how).unwrap();
    for writer in writers {
        assert_broken(writer.await);
    }
    ready.await.unwrap();
    assert_broken(here.try_write(&[1]));
    // Whatever begins afterwards does not wait either.
    here.writable().await.unwrap();
    assert_broken(here.write(&[1]).await);
}

#[test]
fn a_shutdown_ends_the_writes_that_wait() {
    with_runtime(|rt| {
        rt.block_on(async {
            for how in [Shutdown::Write, Shutdown::Both] {
                let (here, _there) = full_tcp().await;
                shutdown_ends_the_writers(how, here).await;
                let (here, _there) = full_unix().await;
                shutdown_ends_the_writers(how, here).await;
            }
        });
    });
}

/// The half that reads lends the stream, also to those that write.
async fn close_ends_the_writers<F: Family>(here: Stream<F>, drop_it: bool) {
    let (read, mut write) = here.into_split();
    let read = Rc::new(read);
    let lent = read.clone();
    let other = waiting(async move { lent.as_ref().as_ref().write(&[1]).await }).await;
    let woken = Arc::new(Count::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut write).poll_write(&mut cx, &[1]).is_pending());
    if drop_it {
        drop(write);
    } else {
        write.close().await.unwrap();
        assert_broken(write.write(&[1]).await);
    }
    assert_eq!(woken.get(), 1);
    assert_broken(other.await);
}

#[test]
fn the_end_of_the_half_that_writes_ends_the_writes_that_wait() {
    with_runtime(|rt| {
        rt.block_on(async {
            for drop_it in [false, true] {
                let (here, _there) = full_tcp().await;
                close_ends_the_writers(here, drop_it).await;
                let (here, _there) = full_unix().await;
                close_ends_the_writers(here, drop_it).await;
            }
        });
    });
}

#[cfg(feature = "tokio-io")]
#[test]
fn a_shutdown_by_tokio_s_trait_ends_the_writes_that_wait() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _there) = full_unix().await;
            let (read, mut write) = here.into_split();
            let other = waiting(async move { read.as_ref().write(&[1]).await }).await;
            tokio::io::AsyncWriteExt::shutdown(&mut write)
                .await
                .unwrap();
            assert_broken(other.await);
        });
    });
}

/// Nobody has waited before: the socket is registered after it was shut down,
/// and the OS reports no room.
#[test]
fn a_wait_that_begins_after_the_shutdown_completes() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _there) = full_unix().await;
            here.shutdown(Shutdown::Write).unwrap();
            here.writable().await.unwrap();
            assert_broken(here.write(&[1]).await);
            // The other side was registered first.
            let (here, _there) = full_unix().await;
            assert!(poll_once(here.readable()).await.is_none());
            here.shutdown(Shutdown::Write).unwrap();
            here.writable().await.unwrap();
        });
    });
}

#[test]
fn a_shutdown_ends_the_reads_that_wait() {
    async fn ends_the_reader<F: Family>(here: Stream<F>) {
        let here = Rc::new(here);
        let same = here.clone();
        let reader = waiting(async move { same.read(&mut [0; 8]).await }).await;
        here.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.await.unwrap(), 0);
        here.readable().await.unwrap();
        assert_eq!(here.read(&mut [0; 8]).await.unwrap(), 0);
    }
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _there) = connected().await;
            ends_the_reader(here).await;
            let (here, _there) = UnixStream::pair().unwrap();
            ends_the_reader(here).await;
        });
    });
}

/// A read that blocks would return 0 bytes; the OS lets one that does not block
/// wait for ever.
#[test]
fn a_datagram_socket_that_is_shut_down_ends_its_waits() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixDatagram::pair().unwrap();
            let here = Rc::new(here);
            let same = here.clone();
            let reader = waiting(async move { same.recv(&mut [0; 8]).await }).await;
            let same = here.clone();
            let from = waiting(async move { same.recv_from(&mut [0; 8]).await }).await;
            here.shutdown(Shutdown::Read).unwrap();
            assert_eq!(reader.await.unwrap(), 0);
            let (len, from) = from.await.unwrap();
            assert_eq!((len, from.is_unnamed()), (0, true));
            here.readable().await.unwrap();
            assert_eq!(here.recv(&mut [0; 8]).await.unwrap(), 0);
            assert_eq!(here.try_recv(&mut [0; 8]).unwrap(), 0);
            assert_eq!(here.try_recv_from(&mut [0; 8]).unwrap().0, 0);

            while here.try_send(b"x").is_ok() {}
            let same = here.clone();
            let sender = waiting(async move { same.send(b"x").await }).await;
            here.shutdown(Shutdown::Write).unwrap();
            assert_broken(sender.await);
            assert_broken(here.send(b"x").await);
            here.writable().await.unwrap();
            assert_eq!(there.recv(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

/// What was received before is still there.
#[test]
fn a_datagram_socket_that_is_shut_down_gives_what_has_come_first() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixDatagram::pair().unwrap();
            assert!(poll_once(here.recv(&mut [0; 8])).await.is_none());
            for datagram in [&b"a"[..], b"bc"] {
                there.send(datagram).await.unwrap();
            }
            here.shutdown(Shutdown::Read).unwrap();
            assert!(there.send(b"d").await.is_err());
            for len in [1, 2, 0, 0] {
                assert_eq!(here.recv(&mut [0; 8]).await.unwrap(), len);
            }
        });
    });
}

/// The peer of a datagram socket goes while its queue is full.
#[test]
fn a_send_that_waits_ends_with_its_peer() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixDatagram::pair().unwrap();
            while here.try_send(b"x").is_ok() {}
            let sender = waiting(async move { here.send(b"y").await }).await;
            drop(there);
            let gone = sender.await.unwrap_err();
            assert!(
                matches!(
                    gone.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
                ),
                "{gone:?}"
            );
        });
    });
}

/// A socket that is connected anew waits for the queue of its new peer.
#[test]
fn a_send_that_waits_goes_on_with_the_new_peer() {
    let places = ["old-peer", "new-peer"].map(crate::net::unix::Place::new);
    with_runtime(|rt| {
        rt.block_on(async {
            let [_old, new] = [0, 1].map(|n| UnixDatagram::bind(&places[n].0).unwrap());
            let here = Rc::new(UnixDatagram::unbound().unwrap());
            here.connect(&places[0].0).unwrap();
            while here.try_send(b"x").is_ok() {}
            let same = here.clone();
            let sender = waiting(async move { same.send(b"y").await }).await;
            here.connect(&places[1].0).unwrap();
            assert_eq!(sender.await.unwrap(), 1);
            assert_eq!(new.recv(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

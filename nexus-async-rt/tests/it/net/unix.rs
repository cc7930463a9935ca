//! Sockets of one machine.

use crate::net::tcp::waiting;
use crate::support::with_runtime;
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use nexus_async_rt::net::{UnixDatagram, UnixListener, UnixStream};
use nexus_async_rt::spawn_boxed;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::path::PathBuf;
use std::rc::Rc;

/// A path that is removed when it is dropped.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nexus-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_listener_takes_connections() {
    let place = Place::new("listener");
    with_runtime(|rt| {
        rt.block_on(async {
            let listener = UnixListener::bind(&place.0).unwrap();
            let in_use = UnixListener::bind(&place.0).unwrap_err();
            assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
            let listener = waiting(async move { listener.accept().await.map(|_| listener) }).await;
            let first = UnixStream::connect(&place.0).await.unwrap();
            let listener = listener.await.unwrap();
            assert_eq!(first.peer_addr().unwrap().as_pathname(), Some(&*place.0));
            assert!(first.local_addr().unwrap().is_unnamed());
            let accepting = listener.accept();
            let (there, here) = zip(accepting, UnixStream::connect(&place.0)).await;
            let (mut here, mut there) = (here.unwrap(), there.unwrap().0);
            let server = spawn_boxed(async move {
                let mut heard = String::new();
                there.read_to_string(&mut heard).await.unwrap();
                there.write_all(heard.as_bytes()).await.unwrap();
            });
            here.write_all(b"hello").await.unwrap();
            here.close().await.unwrap();
            let mut back = String::new();
            here.read_to_string(&mut back).await.unwrap();
            assert_eq!(back, "hello");
            server.await;
        });
    });
}

#[test]
fn nobody_there_is_refused() {
    let place = Place::new("nobody");
    with_runtime(|rt| {
        rt.block_on(async {
            let missing = UnixStream::connect(&place.0).await.unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
            drop(UnixListener::bind(&place.0).unwrap());
            let refused = UnixStream::connect(&place.0).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        });
    });
}

#[test]
fn a_full_queue_is_an_error_and_not_a_wait() {
    let place = Place::new("full");
    with_runtime(|rt| {
        rt.block_on(async {
            let listener = UnixListener::bind(&place.0).unwrap();
            let mut streams = Vec::new();
            let full = loop {
                match UnixStream::connect(&place.0).await {
                    Ok(stream) => streams.push(stream),
                    Err(error) => break error,
                }
                assert!(streams.len() < 100_000, "the queue has no end");
            };
            assert_eq!(full.kind(), ErrorKind::WouldBlock);
            listener.accept().await.unwrap();
            UnixStream::connect(&place.0).await.unwrap();
        });
    });
}

#[test]
fn halves_in_two_tasks_are_both_woken() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixStream::pair().unwrap();
            let mut filled = 0;
            while let Ok(written) = here.try_write(&[7; 4096]) {
                filled += written;
            }
            let (read, write) = here.into_split();
            let writer = waiting(async move {
                write.write_all(&[1; 4096]).await.unwrap();
                write
            })
            .await;
            let reader = waiting(async move {
                let mut buf = [0; 2];
                read.read_exact(&mut buf).await.unwrap();
                read
            })
            .await;
            there.try_write(b"ab").unwrap();
            let read = reader.await;
            let mut rest = filled + 4096;
            let mut buf = vec![0; 1 << 16];
            while rest > 0 {
                rest -= there.read(&mut buf).await.unwrap();
            }
            let whole = writer.await.reunite(read).unwrap();
            drop(there);
            assert_eq!(whole.read(&mut buf).await.unwrap(), 0);
        });
    });
}

#[test]
fn peek_leaves_the_bytes() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixStream::pair().unwrap();
            let mut buf = [0; 8];
            let peeking = async { there.peek(&mut buf).await.unwrap() };
            let writing = async { here.write(b"abc").await.unwrap() };
            assert_eq!(zip(peeking, writing).await, (3, 3));
            assert_eq!(there.read(&mut buf).await.unwrap(), 3);
            assert_eq!(&buf[..3], b"abc");
        });
    });
}

/// A read stops at a message that carries descriptors, though more is there.
#[test]
fn a_read_that_stops_short_is_not_the_last() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixStream::pair().unwrap();
            let mut buf = [0; 64];
            assert!(poll_once(there.read(&mut buf)).await.is_none());
            send_with_descriptor(&here, b"abc").unwrap();
            here.try_write(b"de").unwrap();
            let mut heard = 0;
            while heard < 5 {
                heard += there.read(&mut buf).await.unwrap();
            }
            assert!(poll_once(there.read(&mut buf)).await.is_none());
        });
    });
}

/// Sends bytes, and its own descriptor along with them.
fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::os::fd::AsFd;

    let fds = [stream.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let sent = sendmsg(
        stream,
        &[io::IoSlice::new(bytes)],
        &mut control,
        SendFlags::empty(),
    )?;
    assert_eq!(sent, bytes.len());
    Ok(())
}

#[test]
fn datagrams_wait_for_room_and_lose_nothing() {
    let place = Place::new("datagram");
    with_runtime(|rt| {
        rt.block_on(async {
            let receiver = UnixDatagram::bind(&place.0).unwrap();
            let sender = UnixDatagram::unbound().unwrap();
            assert_eq!(sender.try_send_to(b"x", &place.0).unwrap(), 1);
            sender.connect(&place.0).unwrap();
            let total = 2000_u32;
            let sending = waiting(async move {
                for number in 0..total {
                    sender.send(&number.to_be_bytes()).await.unwrap();
                }
                sender.peer_addr().unwrap()
            })
            .await;
            let mut buf = [0; 16];
            assert_eq!(receiver.recv(&mut buf).await.unwrap(), 1);
            for number in 0..total {
                let (len, from) = receiver.recv_from(&mut buf).await.unwrap();
                assert_eq!(buf[..len], number.to_be_bytes());
                assert!(from.is_unnamed());
            }
            let at = sending.await;
            assert_eq!(at.as_pathname(), Some(&*place.0));
            assert_eq!(
                receiver.local_addr().unwrap().as_pathname(),
                Some(&*place.0)
            );
        });
    });
}

#[test]
fn a_pair_of_datagram_sockets() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = UnixDatagram::pair().unwrap();
            let there = Rc::new(there);
            let mut tasks = Vec::new();
            for _ in 0..2 {
                let there = there.clone();
                tasks.push(waiting(async move { there.recv(&mut [0; 8]).await }).await);
            }
            here.writable().await.unwrap();
            assert_eq!(here.try_send(b"a").unwrap(), 1);
            assert_eq!(here.try_send(b"").unwrap(), 0);
            let mut lens = Vec::new();
            for task in tasks {
                lens.push(task.await.unwrap());
            }
            lens.sort_unstable();
            assert_eq!(lens, [0, 1]);
            assert!(there.try_recv(&mut [0; 8]).is_err());
            assert!(poll_once(there.readable()).await.is_none());
            let there = Rc::into_inner(there).unwrap().into_std();
            let there = UnixDatagram::from_std(there).unwrap();
            here.shutdown(Shutdown::Write).unwrap();
            assert!(here.send(b"x").await.is_err());
            assert!(there.try_recv_from(&mut [0; 8]).is_err());
            assert!(there.take_error().unwrap().is_none());
        });
    });
}

#[test]
fn streams_and_listeners_go_to_std_and_back() {
    let place = Place::new("std");
    with_runtime(|rt| {
        rt.block_on(async {
            let listener = UnixListener::bind(&place.0).unwrap();
            assert!(poll_once(listener.accept()).await.is_none());
            let listener = UnixListener::from_std(listener.into_std()).unwrap();
            let here = UnixStream::connect(&place.0).await.unwrap();
            let there = listener.try_accept().unwrap().0;
            assert!(poll_once(there.read(&mut [0; 1])).await.is_none());
            let there = UnixStream::from_std(there.into_std()).unwrap();
            assert!(poll_once(there.read(&mut [0; 1])).await.is_none());
            here.try_write(b"x").unwrap();
            assert_eq!(there.read(&mut [0; 1]).await.unwrap(), 1);
        });
    });
}

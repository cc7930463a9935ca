//! What goes wrong with sockets: peers that leave, limits of the OS, runtimes
//! that end.

use crate::net::tcp::{any, connected, fill, listen, waiting};
use crate::support::with_runtime;
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use nexus_async_rt::net::{AsyncFd, TcpListener, TcpStream, UdpSocket, resolve};
use nexus_async_rt::{Runtime, sleep, spawn_boxed};
use nexus_rt::WorldBuilder;
use nexus_testkit::{panic_of, scaled, within};
use std::io::{ErrorKind, IoSliceMut};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn a_half_closed_connection_still_carries_the_other_way() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let (read, write) = here.into_split();
            let ended = waiting(async move {
                let mut heard = Vec::new();
                there.read_to_end(&mut heard).await.unwrap();
                there.write_all(b"bye").await.unwrap();
                heard
            })
            .await;
            write.try_write(b"hi").unwrap();
            drop(write);
            assert_eq!(ended.await, b"hi");
            let mut last = Vec::new();
            read.read_to_end(&mut last).await.unwrap();
            assert_eq!(last, b"bye");
        });
    });
}

#[test]
fn the_end_right_behind_the_bytes_is_seen() {
    with_runtime(|rt| {
        rt.block_on(async {
            for _ in 0..scaled(50) {
                let (here, there) = connected().await;
                let reader = waiting(async move {
                    let mut buf = [0; 64];
                    let mut heard = 0;
                    loop {
                        match there.read(&mut buf).await.unwrap() {
                            0 => return heard,
                            len => heard += len,
                        }
                    }
                })
                .await;
                here.try_write(b"last words").unwrap();
                drop(here);
                assert_eq!(reader.await, 10);
            }
        });
    });
}

/// The OS fills at most 1024 buffers at once, and leaves the rest of the bytes.
#[test]
fn more_buffers_than_the_os_fills_do_not_hide_what_follows() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let total = 3000;
            let reader = waiting(async move {
                let mut there = there;
                let mut bytes = vec![0; 2 * total];
                let mut heard = 0;
                while heard < total {
                    let mut bufs: Vec<_> =
                        bytes[heard..].chunks_mut(1).map(IoSliceMut::new).collect();
                    heard += there.read_vectored(&mut bufs).await.unwrap();
                }
                bytes.truncate(heard);
                bytes
            })
            .await;
            let sent: Vec<_> = (0..total).map(|number| number as u8).collect();
            assert_eq!(here.try_write(&sent).unwrap(), total);
            assert_eq!(reader.await, sent);
        });
    });
}

/// A read stops at urgent data, though more is behind it.
#[test]
fn urgent_data_does_not_hide_what_follows() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let reader = waiting(async move {
                let mut buf = [0; 64];
                let mut heard = Vec::new();
                while heard.len() < 4 {
                    let len = there.read(&mut buf).await.unwrap();
                    heard.extend_from_slice(&buf[..len]);
                }
                heard
            })
            .await;
            let socket = socket2::SockRef::from(&here);
            here.try_write(b"ab").unwrap();
            socket.send_out_of_band(b"!").unwrap();
            here.try_write(b"cd").unwrap();
            assert_eq!(reader.await, b"abcd");
        });
    });
}

#[test]
fn a_reset_is_an_error_for_both_sides() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            fill(&there).await;
            let there = Rc::new(there);
            let (reads, writes) = (there.clone(), there);
            let reader = waiting(async move { reads.read(&mut [0; 8]).await }).await;
            let writer = waiting(async move { writes.write(&[0; 8]).await }).await;
            // Zero resets instead of closing.
            here.set_linger(Some(Duration::ZERO)).unwrap();
            drop(here);
            let kinds = [
                reader.await.map_err(|error| error.kind()),
                writer.await.map_err(|error| error.kind()),
            ];
            // The OS gives the error to the first that asks.
            assert!(
                kinds.contains(&Err(ErrorKind::ConnectionReset)),
                "{kinds:?}"
            );
            assert!(
                kinds.iter().all(|kind| matches!(
                    kind,
                    Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) | Ok(0)
                )),
                "{kinds:?}"
            );
        });
    });
}

#[test]
fn a_peer_that_stops_reading_holds_the_writer_and_nobody_else() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let writer = spawn_boxed(async move {
                here.write_all(&vec![1; 32 << 20]).await.unwrap();
            });
            // On a busy machine it takes the OS a while to move what it can.
            let mut spent = u64::MAX;
            for _ in 0..100 {
                let polls = nexus_async_rt::runtime::metrics().polls;
                sleep(Duration::from_millis(20)).await;
                spent = nexus_async_rt::runtime::metrics().polls - polls;
                if spent < 5 {
                    break;
                }
            }
            assert!(spent < 5, "{spent} polls while there was no room");
            assert!(!writer.is_finished());
            // Others go on.
            let (other, back) = connected().await;
            other.try_write(b"x").unwrap();
            assert_eq!(back.read(&mut [0; 1]).await.unwrap(), 1);
            let mut rest = 32 << 20;
            let mut buf = vec![0; 1 << 18];
            while rest > 0 {
                rest -= there.read(&mut buf).await.unwrap();
            }
            writer.await;
        });
    });
}

#[test]
fn empty_buffers_never_wait() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut here, _there) = connected().await;
            assert_eq!(here.read(&mut []).await.unwrap(), 0);
            assert_eq!(here.peek(&mut []).await.unwrap(), 0);
            assert_eq!(here.write(&[]).await.unwrap(), 0);
            assert_eq!(AsyncReadExt::read(&mut here, &mut []).await.unwrap(), 0);
            fill(&here).await;
            assert_eq!(AsyncWriteExt::write(&mut here, &[]).await.unwrap(), 0);
        });
    });
}

#[test]
fn nobody_listens_and_the_port_is_in_use() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (listener, addr) = listen();
            let in_use = TcpListener::bind(addr).unwrap_err();
            assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
            let datagrams = UdpSocket::bind(any()).unwrap();
            let in_use = UdpSocket::bind(datagrams.local_addr().unwrap()).unwrap_err();
            assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
            drop(listener);
            let refused = TcpStream::connect(addr).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        });
    });
}

#[test]
fn a_connect_that_is_dropped_leaves_nothing() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (listener, addr) = listen();
            for _ in 0..10 {
                drop(poll_once(TcpStream::connect(addr)).await);
            }
            while let Ok(accepted) = listener.try_accept() {
                drop(accepted);
            }
            let (here, there) = zip(TcpStream::connect(addr), listener.accept()).await;
            assert!(here.is_ok() && there.is_ok());
        });
    });
}

#[test]
fn a_name_without_an_address_is_an_error_that_names_it() {
    within(Duration::from_secs(60), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            // Too long a label for any server to be asked.
            let name = format!("{}.invalid", "x".repeat(64));
            let error = resolve(&name, 80).await.unwrap_err();
            assert!(error.to_string().contains(&name), "{error}");
            assert!(resolve("no\0name", 80).await.is_err());
            assert!(resolve("", 80).await.is_err());
            let addrs = resolve("::1", 80).await.unwrap();
            assert_eq!(addrs, ["[::1]:80".parse().unwrap()]);
            let addrs = resolve("localhost", 81).await.unwrap();
            assert!(
                addrs
                    .iter()
                    .all(|addr| addr.ip().is_loopback() && addr.port() == 81)
            );
            // Given up: the thread's answer goes nowhere.
            drop(poll_once(resolve("localhost", 81)).await);
        });
    });
}

/// What a descriptor's place in the table had before it is not inherited.
#[test]
fn a_place_that_is_used_again_inherits_nothing() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            assert!(poll_once(there.read(&mut [0; 1])).await.is_none());
            for _ in 0..scaled(1000) {
                let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
                let (c, d) = std::os::unix::net::UnixStream::pair().unwrap();
                for socket in [&a, &b, &c, &d] {
                    socket.set_nonblocking(true).unwrap();
                }
                let b = AsyncFd::new(b).unwrap();
                // An event for `b` is on its way when `b` goes and `d` takes its
                // place.
                std::io::Write::write_all(&mut &a, b"x").unwrap();
                drop(b);
                let d = AsyncFd::with_interest(d, nexus_async_rt::net::Interest::Readable).unwrap();
                nexus_async_rt::yield_now().await;
                assert!(poll_once(d.readable()).await.is_none());
                drop(c);
                drop(d.readable().await.unwrap());
            }
            here.try_write(b"x").unwrap();
            assert_eq!(there.read(&mut [0; 1]).await.unwrap(), 1);
        });
    });
}

#[test]
fn under_another_runtime_a_socket_panics() {
    with_runtime(|rt| {
        let (here, there) = rt.block_on(connected());
        assert!(rt.block_on(poll_once(there.read(&mut [0; 1]))).is_none());
        with_runtime(|other| {
            let message = panic_of(|| other.block_on(there.read(&mut [0; 1])));
            assert!(message.contains("`Stream::read`"), "{message}");
            assert!(message.contains("another runtime"), "{message}");
        });
        let message = panic_of(|| futures_lite::future::block_on(there.read(&mut [0; 1])));
        assert!(message.contains("outside a runtime"), "{message}");
        // And goes on where it belongs.
        here.try_write(b"x").unwrap();
        assert_eq!(rt.block_on(there.read(&mut [0; 1])).unwrap(), 1);
    });
}

#[test]
fn after_the_end_of_its_runtime_a_socket_is_an_error() {
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let (here, mut there) = rt.block_on(connected());
        let (listener, _) = listen();
        let mut buf = [0; 1];
        // One waits in a future that outlives the runtime, one by hand.
        let mut waiting = Box::pin(listener.accept());
        rt.block_on(async {
            assert!(poll_once(waiting.as_mut()).await.is_none());
            assert!(
                poll_once(AsyncReadExt::read(&mut there, &mut buf))
                    .await
                    .is_none()
            );
        });
        assert!(format!("{rt:?}").contains("waits_for_sockets: true"));
        drop(rt);
        let error = futures_lite::future::block_on(waiting).unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
        here.try_write(b"x").unwrap();
        let mut other_world = WorldBuilder::new().build();
        let mut other = Runtime::new(&mut other_world);
        let error = other.block_on(there.read(&mut buf)).unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
        // What does not wait still works, and a fresh start too.
        assert_eq!(there.try_read(&mut buf).unwrap(), 1);
        let there = TcpStream::from_std(there.into_std()).unwrap();
        here.shutdown(Shutdown::Write).unwrap();
        assert_eq!(other.block_on(there.read(&mut buf)).unwrap(), 0);
    });
}

#[test]
fn tasks_that_wait_for_sockets_end_with_their_runtime() {
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let kept = rt.block_on(async {
            let (here, there) = connected().await;
            let (listener, _) = listen();
            let there = Rc::new(there);
            let reads = there.clone();
            drop(waiting(async move { reads.read(&mut [0; 1]).await }).await);
            drop(waiting(async move { listener.accept().await }).await);
            (here, there)
        });
        assert_eq!(rt.task_count(), 2);
        drop(rt);
        assert_eq!(Rc::strong_count(&kept.1), 1);
        assert_eq!(kept.0.try_write(b"x").unwrap(), 1);
    });
}

#[test]
fn shutting_down_here_wakes_who_waits_here() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _there) = connected().await;
            let here = Rc::new(here);
            let reads = here.clone();
            let reader = waiting(async move { reads.read(&mut [0; 1]).await }).await;
            here.shutdown(Shutdown::Read).unwrap();
            assert_eq!(reader.await.unwrap(), 0);
            here.shutdown(Shutdown::Write).unwrap();
            let error = here.write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    });
}

//! TCP over the loopback.

use crate::support::{with_built, with_runtime};
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use nexus_async_rt::net::{TcpListener, TcpSocket, TcpStream};
use nexus_async_rt::{JoinHandle, now, sleep, spawn_boxed, timeout, yield_now};
use nexus_testkit::hand::kept;
use nexus_testkit::scaled;
use std::cell::Cell;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

pub fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(any()).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Two ends of one connection.
pub async fn connected() -> (TcpStream, TcpStream) {
    let (listener, addr) = listen();
    let (there, here) = zip(listener.accept(), TcpStream::connect(addr)).await;
    (here.unwrap(), there.unwrap().0)
}

/// Sends back what it reads, until the end.
pub fn echo(mut stream: TcpStream) -> JoinHandle<usize> {
    spawn_boxed(async move {
        let mut buf = [0; 1024];
        let mut total = 0;
        loop {
            let len = AsyncReadExt::read(&mut stream, &mut buf).await.unwrap();
            if len == 0 {
                return total;
            }
            stream.write_all(&buf[..len]).await.unwrap();
            total += len;
        }
    })
}

/// Writes until there is no room; how many bytes.
pub async fn fill(stream: &TcpStream) -> usize {
    let chunk = [7; 64 * 1024];
    let mut filled = 0;
    // The OS moves bytes from one buffer to the other for a while, on a busy
    // machine in bursts.
    let mut quiet = 0;
    while quiet < 20 {
        quiet += 1;
        while let Ok(written) = stream.try_write(&chunk) {
            filled += written;
            quiet = 0;
        }
        sleep(Duration::from_millis(1)).await;
    }
    filled
}

/// Polls `future` in a task of its own until it waits.
pub async fn waiting<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    let task = spawn_boxed(future);
    yield_now().await;
    yield_now().await;
    assert!(!task.is_finished());
    task
}

#[test]
fn a_connection_carries_bytes_both_ways_and_ends() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let server = echo(there);
            for round in 0..100_u32 {
                here.write_all(&round.to_be_bytes()).await.unwrap();
                let mut buf = [0; 4];
                here.read_exact(&mut buf).await.unwrap();
                assert_eq!(u32::from_be_bytes(buf), round);
            }
            here.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.await, 400);
            assert_eq!(here.read(&mut [0; 8]).await.unwrap(), 0, "the end");
            assert_eq!(here.read(&mut [0; 8]).await.unwrap(), 0, "and again");
        });
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn u45_halves_in_two_tasks_are_both_woken() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let (read, write) = here.into_split();
            let filled = fill(write.as_ref()).await;
            // One task waits to write, the other to read, on one descriptor.
            let writer = waiting(async move {
                write.write_all(&[1; 100_000]).await.unwrap();
                write
            })
            .await;
            let reader = waiting(async move {
                let mut buf = [0; 5];
                read.read_exact(&mut buf).await.unwrap();
                (read, buf)
            })
            .await;
            there.try_write(b"hello").unwrap();
            let (read, heard) = reader.await;
            assert_eq!(&heard, b"hello");
            assert!(!writer.is_finished());
            let mut rest = filled + 100_000;
            let mut buf = vec![0; 1 << 16];
            while rest > 0 {
                rest -= there.read(&mut buf).await.unwrap();
            }
            let write = writer.await;
            let whole = read.reunite(write).unwrap();
            assert_eq!(
                whole.try_read(&mut buf).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
        });
    });
}

#[test]
fn u45_halves_in_the_opposite_order() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let (read, write) = here.into_split();
            let reader = waiting(async move {
                let mut buf = [0; 1];
                read.read_exact(&mut buf).await.unwrap();
                buf[0]
            })
            .await;
            let filled = fill(write.as_ref()).await;
            let writer = waiting(async move { write.write_all(b"x").await }).await;
            let mut rest = filled + 1;
            let mut buf = vec![0; 1 << 16];
            while rest > 0 {
                rest -= there.read(&mut buf).await.unwrap();
            }
            writer.await.unwrap();
            assert!(!reader.is_finished());
            there.try_write(b"y").unwrap();
            assert_eq!(reader.await, b'y');
        });
    });
}

#[test]
fn any_number_of_tasks_wait_on_one_side() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let there = Rc::new(there);
            let mut readers = Vec::new();
            for _ in 0..5 {
                let there = there.clone();
                readers.push(
                    waiting(async move {
                        let mut buf = [0; 1];
                        assert_eq!(there.read(&mut buf).await.unwrap(), 1);
                        buf[0]
                    })
                    .await,
                );
            }
            // All bytes at once: one event for all.
            assert_eq!(here.try_write(&[1, 2, 3, 4, 5]).unwrap(), 5);
            let mut sum = 0;
            for reader in readers {
                sum += reader.await;
            }
            assert_eq!(sum, 15);
        });
    });
}

#[test]
fn many_tasks_accept_from_one_listener() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (listener, addr) = listen();
            let listener = Rc::new(listener);
            let mut tasks = Vec::new();
            for _ in 0..4 {
                let listener = listener.clone();
                tasks.push(waiting(async move { listener.accept().await.unwrap().1 }).await);
            }
            let mut streams = Vec::new();
            for _ in 0..4 {
                streams.push(TcpStream::connect(addr).await.unwrap());
            }
            let mut accepted = Vec::new();
            for task in tasks {
                accepted.push(task.await);
            }
            let mut local: Vec<_> = streams.iter().map(|s| s.local_addr().unwrap()).collect();
            accepted.sort();
            local.sort();
            assert_eq!(accepted, local);
            assert_eq!(streams[0].peer_addr().unwrap(), addr);
        });
    });
}

#[test]
fn a_dropped_waiter_leaves_its_bytes_to_the_next() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let mut buf = [0; 8];
            for _ in 0..3 {
                assert!(poll_once(there.read(&mut buf)).await.is_none());
            }
            let woken = Rc::new(Cell::new(0));
            {
                // Woken, and dropped before it is polled again.
                let mut other = [0; 8];
                let mut first = pin!(there.read(&mut other));
                assert!(poll_once(first.as_mut()).await.is_none());
                here.try_write(b"abc").unwrap();
                sleep(Duration::from_millis(2)).await;
                woken.set(1);
            }
            assert_eq!(there.read(&mut buf).await.unwrap(), 3);
        });
    });
}

/// Begins to read, and forgets it while it waits. Where it lies stays reachable,
/// or the leak check would report it.
async fn leak_a_read(stream: &TcpStream) {
    let mut read = Box::new(async { stream.read(&mut [0; 8]).await });
    // SAFETY: in a box that is never moved out of, and never freed.
    let pinned = unsafe { std::pin::Pin::new_unchecked(&mut *read) };
    assert!(poll_once(pinned).await.is_none());
    kept(read);
}

#[test]
fn a_leaked_future_harms_nobody() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            for _ in 0..3 {
                leak_a_read(&there).await;
            }
            here.try_write(b"abc").unwrap();
            let mut buf = [0; 8];
            assert_eq!(there.read(&mut buf).await.unwrap(), 3);
            leak_a_read(&there).await;
            // The place in the table is used again; the leaked one is out of it.
            drop(there);
            drop(here);
            let (here, there) = connected().await;
            assert!(poll_once(there.read(&mut [0; 8])).await.is_none());
            here.try_write(b"x").unwrap();
            there.readable().await.unwrap();
            assert_eq!(there.try_read(&mut [0; 8]).unwrap(), 1);
        });
    });
}

#[test]
fn peek_leaves_the_bytes() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let mut buf = [0; 8];
            let peeking = async { there.peek(&mut buf).await.unwrap() };
            let writing = async { here.write(b"abc").await.unwrap() };
            assert_eq!(zip(peeking, writing).await, (3, 3));
            assert_eq!(there.peek(&mut buf[..1]).await.unwrap(), 1);
            assert_eq!(there.read(&mut buf).await.unwrap(), 3);
            assert_eq!(&buf[..3], b"abc");
            assert!(poll_once(there.peek(&mut buf)).await.is_none());
        });
    });
}

#[test]
fn buffers_may_be_many() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut here, mut there) = connected().await;
            let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
            assert_eq!(here.write_vectored(&parts).await.unwrap(), 5);
            assert_eq!(here.try_write_vectored(&parts[..1]).unwrap(), 2);
            // Both writes have arrived.
            while there.peek(&mut [0; 16]).await.unwrap() < 7 {
                sleep(Duration::from_millis(1)).await;
            }
            let (mut first, mut second) = ([0; 3], [0; 9]);
            let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            assert_eq!(there.read_vectored(&mut bufs).await.unwrap(), 7);
            assert_eq!((&first, &second[..4]), (b"abc", &b"deab"[..]));
            let mut none = [IoSliceMut::new(&mut [])];
            assert_eq!(there.read_vectored(&mut none).await.unwrap(), 0);
            assert_eq!(here.write_vectored(&[]).await.unwrap(), 0);
            let mut bufs = [IoSliceMut::new(&mut first)];
            let nothing = there.try_read_vectored(&mut bufs).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        });
    });
}

#[test]
fn readable_and_writable_say_when_to_try() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let filled = fill(&here).await;
            assert!(poll_once(here.writable()).await.is_none());
            let reader = spawn_boxed(async move {
                let mut rest = filled + 3;
                let mut buf = vec![0; 1 << 16];
                while rest > 0 {
                    there.readable().await.unwrap();
                    match there.try_read(&mut buf) {
                        Ok(read) => rest -= read,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                }
            });
            loop {
                here.writable().await.unwrap();
                match here.try_write(b"abc") {
                    Ok(written) => break assert_eq!(written, 3),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            reader.await;
        });
    });
}

#[test]
fn options_are_what_they_were_set_to() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _there) = connected().await;
            here.set_nodelay(true).unwrap();
            assert!(here.nodelay().unwrap());
            here.set_ttl(17).unwrap();
            assert_eq!(here.ttl().unwrap(), 17);
            assert_eq!(here.keepalive().unwrap(), None);
            let idle = Some(Duration::from_secs(30));
            here.set_keepalive(idle).unwrap();
            assert_eq!(here.keepalive().unwrap(), idle);
            here.set_keepalive(None).unwrap();
            assert_eq!(here.keepalive().unwrap(), None);
            here.set_linger(Some(Duration::ZERO)).unwrap();
            assert_eq!(here.linger().unwrap(), Some(Duration::ZERO));
            here.set_recv_buffer_size(32 << 10).unwrap();
            assert!(here.recv_buffer_size().unwrap() >= 32 << 10);
            here.set_send_buffer_size(32 << 10).unwrap();
            assert!(here.send_buffer_size().unwrap() >= 32 << 10);
            assert!(here.take_error().unwrap().is_none());
        });
    });
}

#[test]
fn a_socket_is_set_up_before_it_listens_or_connects() {
    with_runtime(|rt| {
        rt.block_on(async {
            let make = || {
                let socket = TcpSocket::new_v4().unwrap();
                socket.set_reuse_port(true).unwrap();
                assert!(socket.reuse_port().unwrap());
                socket
            };
            let first = make();
            first.bind(any()).unwrap();
            let addr = first.local_addr().unwrap();
            let first = first.listen(16).unwrap();
            // The port is shared, because both say so.
            let second = make();
            second.bind(addr).unwrap();
            let second = second.listen(16).unwrap();
            let client = TcpSocket::new_v4().unwrap();
            client.set_nodelay(true).unwrap();
            client.set_recv_buffer_size(64 << 10).unwrap();
            assert!(client.recv_buffer_size().unwrap() >= 64 << 10);
            client.set_send_buffer_size(64 << 10).unwrap();
            assert!(client.send_buffer_size().unwrap() >= 64 << 10);
            let stream = client.connect(addr).await.unwrap();
            assert!(stream.nodelay().unwrap());
            let accepted = future::or(first.accept(), second.accept()).await.unwrap();
            assert_eq!(accepted.1, stream.local_addr().unwrap());
        });
    });
}

#[test]
fn sockets_go_to_std_and_back() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (listener, _) = listen();
            assert!(poll_once(listener.accept()).await.is_none());
            let listener = TcpListener::from_std(listener.into_std()).unwrap();
            let addr = listener.local_addr().unwrap();
            let (here, there) = zip(TcpStream::connect(addr), listener.accept()).await;
            let (here, there) = (here.unwrap(), there.unwrap().0);
            // Watched, then not, then again under another token.
            assert!(poll_once(there.read(&mut [0; 1])).await.is_none());
            let there = TcpStream::from_std(there.into_std()).unwrap();
            assert!(poll_once(there.read(&mut [0; 1])).await.is_none());
            here.try_write(b"x").unwrap();
            assert_eq!(there.read(&mut [0; 1]).await.unwrap(), 1);
            let socket = TcpSocket::from_std(TcpSocket::new_v4().unwrap().into_std()).unwrap();
            assert!(socket.local_addr().unwrap().port() == 0);
        });
    });
}

#[test]
fn made_outside_a_runtime_and_moved_between_runs() {
    let (listener, addr) = listen();
    with_runtime(|rt| {
        let client = rt.block_on(TcpStream::connect(addr)).unwrap();
        let server = rt.block_on(listener.accept()).unwrap().0;
        let mut buf = [0; 4];
        assert!(rt.block_on(poll_once(server.read(&mut buf))).is_none());
        rt.block_on(client.write_all(b"ping")).unwrap();
        rt.block_on(server.read_exact(&mut buf)).unwrap();
        assert_eq!(&buf, b"ping");
    });
}

#[test]
fn a_busy_task_does_not_keep_the_sockets_from_the_others() {
    for busy in [false, true] {
        with_built(
            |builder| builder.event_interval(7),
            |rt| {
                let serve = async {
                    let (here, there) = connected().await;
                    let server = echo(there);
                    let stop = Rc::new(Cell::new(false));
                    let stopped = stop.clone();
                    let spinner = spawn_boxed(async move {
                        while !stopped.get() {
                            yield_now().await;
                        }
                    });
                    for _ in 0..scaled(20) {
                        here.write_all(b"x").await.unwrap();
                        here.read_exact(&mut [0; 1]).await.unwrap();
                    }
                    stop.set(true);
                    spinner.await;
                    drop(here);
                    server.await;
                };
                if busy {
                    rt.block_on_busy(serve);
                } else {
                    rt.block_on(serve);
                }
                assert!(rt.metrics().socket_polls > 0);
            },
        );
    }
}

#[test]
fn a_runtime_that_spins_hears_of_sockets_while_it_does() {
    with_built(
        |builder| builder.spin(Duration::from_secs(5)),
        |rt| {
            rt.block_on(async {
                let (here, there) = connected().await;
                let server = echo(there);
                here.write_all(b"x").await.unwrap();
                here.read_exact(&mut [0; 1]).await.unwrap();
                drop(here);
                server.await;
            });
            assert_eq!(rt.metrics().parks, 0);
        },
    );
}

#[test]
fn a_socket_that_is_always_ready_does_not_hold_the_others_back() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let bytes = 4096;
            here.try_write(&vec![1; bytes]).unwrap();
            sleep(Duration::from_millis(2)).await;
            let turns = Rc::new(Cell::new(0));
            let counted = turns.clone();
            let other = spawn_boxed(async move {
                loop {
                    counted.set(counted.get() + 1);
                    yield_now().await;
                }
            });
            for _ in 0..bytes {
                assert_eq!(there.read(&mut [0; 1]).await.unwrap(), 1);
            }
            assert!(turns.get() >= bytes / 128 - 1, "{} turns", turns.get());
            other.abort();
        });
    });
}

/// A paused clock stands still while anybody waits for a socket, because what
/// comes there may be what a timeout is for.
#[test]
fn a_paused_clock_waits_for_sockets() {
    with_built(
        |builder| builder.start_paused(true),
        |rt| {
            rt.block_on(async {
                let begin = now();
                let hour = Duration::from_secs(3600);
                let (here, there) = connected().await;
                let socket = here.into_std();
                let sender = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    std::io::Write::write_all(&mut &socket, b"x").map(|()| socket)
                });
                let mut buf = [0; 1];
                let read = timeout(hour, there.read(&mut buf)).await;
                assert_eq!(read.expect("no time has passed").unwrap(), 1);
                assert_eq!(now(), begin);
                // Watched still, but nobody waits.
                sleep(hour).await;
                assert_eq!(now() - begin, hour);
                drop(sender.join().unwrap().unwrap());
                assert_eq!(there.read(&mut buf).await.unwrap(), 0);
            });
        },
    );
}

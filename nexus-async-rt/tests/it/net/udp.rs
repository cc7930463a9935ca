//! UDP over the loopback.

use crate::net::tcp::{any, waiting};
use crate::support::with_runtime;
use futures_lite::future::{poll_once, zip};
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::{sleep, spawn_boxed};
use nexus_testkit::scaled;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(any()).unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

#[test]
fn datagrams_go_to_and_fro() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, here_addr) = bound();
            let (there, there_addr) = bound();
            let server = spawn_boxed(async move {
                let mut buf = [0; 64];
                for _ in 0..100 {
                    let (len, from) = there.recv_from(&mut buf).await.unwrap();
                    assert_eq!(from, here_addr);
                    there.send_to(&buf[..len], from).await.unwrap();
                }
            });
            here.connect(there_addr).unwrap();
            assert_eq!(here.peer_addr().unwrap(), there_addr);
            for round in 0..100_u32 {
                assert_eq!(here.send(&round.to_be_bytes()).await.unwrap(), 4);
                let mut buf = [0; 64];
                assert_eq!(here.recv(&mut buf).await.unwrap(), 4);
                assert_eq!(buf[..4], round.to_be_bytes());
            }
            server.await;
        });
    });
}

#[test]
fn datagrams_of_no_bytes_and_too_small_buffers() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _) = bound();
            let (there, addr) = bound();
            for datagram in [&b""[..], b"abcdef", b"", b"xyz"] {
                here.send_to(datagram, addr).await.unwrap();
            }
            let mut buf = [0; 4];
            assert_eq!(there.recv(&mut buf).await.unwrap(), 0);
            assert_eq!(there.peek(&mut buf).await.unwrap(), 4);
            assert_eq!(there.recv(&mut buf).await.unwrap(), 4, "the rest is lost");
            assert_eq!(there.recv_from(&mut []).await.unwrap().0, 0);
            assert_eq!(there.peek_from(&mut buf).await.unwrap().0, 3);
            assert_eq!(there.recv_from(&mut buf).await.unwrap().0, 3);
            assert!(poll_once(there.recv(&mut buf)).await.is_none());
            let nothing = there.try_recv_from(&mut buf).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        });
    });
}

#[test]
fn any_number_of_tasks_receive() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _) = bound();
            let (there, addr) = bound();
            let there = Rc::new(there);
            let mut tasks = Vec::new();
            for _ in 0..5 {
                let there = there.clone();
                let receive = async move {
                    let mut buf = [0; 1];
                    there.recv(&mut buf).await.unwrap();
                    buf[0]
                };
                tasks.push(waiting(receive).await);
            }
            for number in 1..=5 {
                here.send_to(&[number], addr).await.unwrap();
            }
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            assert_eq!(sum, 15);
        });
    });
}

#[test]
fn one_socket_sends_and_receives_in_two_tasks() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _) = bound();
            let (there, addr) = bound();
            here.connect(addr).unwrap();
            there.connect(here.local_addr().unwrap()).unwrap();
            let here = Rc::new(here);
            let rounds = scaled(200);
            let echo = spawn_boxed(async move {
                let mut buf = [0; 64];
                for _ in 0..rounds {
                    let len = there.recv(&mut buf).await.unwrap();
                    there.send(&buf[..len]).await.unwrap();
                }
            });
            let sender = here.clone();
            let send = async move {
                for round in 0..rounds {
                    sender.send(&round.to_be_bytes()).await.unwrap();
                    // The loopback drops what its buffer has no room for.
                    if round % 16 == 15 {
                        sleep(Duration::from_micros(200)).await;
                    }
                }
            };
            let receive = async {
                let mut buf = [0; 64];
                for round in 0..rounds {
                    let len = here.recv(&mut buf).await.unwrap();
                    assert_eq!(buf[..len], round.to_be_bytes());
                }
            };
            zip(send, receive).await;
            echo.await;
        });
    });
}

/// The error wakes all that wait; one takes it, the others wait for what comes.
#[test]
fn after_a_refusal_the_other_waits_go_on() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, here_addr) = bound();
            let (there, addr) = bound();
            drop(there);
            here.connect(addr).unwrap();
            let here = Rc::new(here);
            let mut readers = Vec::new();
            for _ in 0..2 {
                let here = here.clone();
                readers.push(waiting(async move { here.recv(&mut [0; 1]).await }).await);
            }
            here.send(b"x").await.unwrap();
            while readers.iter().all(|reader| !reader.is_finished()) {
                sleep(Duration::from_millis(1)).await;
            }
            let (ended, mut waits): (Vec<_>, Vec<_>) =
                readers.into_iter().partition(|reader| reader.is_finished());
            assert_eq!((ended.len(), waits.len()), (1, 1));
            for reader in ended {
                let refused = reader.await.unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            }
            let there = UdpSocket::bind(addr).unwrap();
            there.send_to(b"y", here_addr).await.unwrap();
            assert_eq!(waits.remove(0).await.unwrap(), 1);
        });
    });
}

#[test]
fn nobody_there_is_an_error_of_a_connected_socket() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _) = bound();
            let (there, addr) = bound();
            drop(there);
            here.connect(addr).unwrap();
            here.send(b"x").await.unwrap();
            let refused = here.recv(&mut [0; 1]).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            // And goes on.
            assert!(poll_once(here.recv(&mut [0; 1])).await.is_none());
        });
    });
}

#[test]
fn readable_says_when_to_try() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _) = bound();
            let (there, addr) = bound();
            assert!(poll_once(there.readable()).await.is_none());
            let sender = spawn_boxed(async move {
                here.writable().await.unwrap();
                assert_eq!(here.try_send_to(b"abc", addr).unwrap(), 3);
                here.connect(addr).unwrap();
                assert_eq!(here.try_send(b"de").unwrap(), 2);
            });
            let mut heard = Vec::new();
            while heard.len() < 2 {
                there.readable().await.unwrap();
                match there.try_recv(&mut [0; 8]) {
                    Ok(len) => heard.push(len),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            assert_eq!(heard, [3, 2]);
            sender.await;
        });
    });
}

#[test]
fn options_are_what_they_were_set_to() {
    let (socket, _) = bound();
    socket.set_ttl(9).unwrap();
    assert_eq!(socket.ttl().unwrap(), 9);
    socket.set_tos_v4(0x10).unwrap();
    assert_eq!(socket.tos_v4().unwrap(), 0x10);
    socket.set_broadcast(true).unwrap();
    assert!(socket.broadcast().unwrap());
    socket.set_recv_buffer_size(64 << 10).unwrap();
    assert!(socket.recv_buffer_size().unwrap() >= 64 << 10);
    socket.set_send_buffer_size(64 << 10).unwrap();
    assert!(socket.send_buffer_size().unwrap() >= 64 << 10);
    socket.set_multicast_loop_v4(false).unwrap();
    assert!(!socket.multicast_loop_v4().unwrap());
    socket.set_multicast_ttl_v4(3).unwrap();
    assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
    socket.set_multicast_if_v4(Ipv4Addr::LOCALHOST).unwrap();
    assert_eq!(socket.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
    assert!(socket.take_error().unwrap().is_none());
}

#[test]
fn a_socket_goes_to_std_and_back() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _) = bound();
            let (there, addr) = bound();
            assert!(poll_once(there.recv(&mut [0; 1])).await.is_none());
            let there = UdpSocket::from_std(there.into_std()).unwrap();
            assert!(poll_once(there.recv(&mut [0; 1])).await.is_none());
            here.send_to(b"x", addr).await.unwrap();
            assert_eq!(there.recv(&mut [0; 1]).await.unwrap(), 1);
        });
    });
}

#[test]
fn a_group_is_heard_by_all_who_have_joined() {
    let group = Ipv4Addr::new(239, 255, 77, 7);
    with_runtime(|rt| {
        rt.block_on(async {
            let first = UdpSocket::bind_shared("0.0.0.0:0".parse().unwrap()).unwrap();
            let port = first.local_addr().unwrap().port();
            let second = UdpSocket::bind_shared(SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
            for receiver in [&first, &second] {
                #[cfg(target_os = "linux")]
                receiver.set_multicast_all_v4(false).unwrap();
                if let Err(error) = receiver.join_multicast_v4(group, Ipv4Addr::LOCALHOST) {
                    eprintln!("skipped: no multicast over the loopback here: {error}");
                    return;
                }
            }
            let (sender, _) = bound();
            sender.set_multicast_if_v4(Ipv4Addr::LOCALHOST).unwrap();
            let group_addr = SocketAddr::from((group, port));
            if let Err(error) = sender.send_to(b"tick", group_addr).await {
                eprintln!("skipped: no multicast over the loopback here: {error}");
                return;
            }
            let mut buf = [0; 8];
            for receiver in [&first, &second] {
                let (len, from) = receiver.recv_from(&mut buf).await.unwrap();
                assert_eq!(
                    (&buf[..len], from),
                    (&b"tick"[..], sender.local_addr().unwrap())
                );
            }
            first
                .leave_multicast_v4(group, Ipv4Addr::LOCALHOST)
                .unwrap();
            sender.send_to(b"tock", group_addr).await.unwrap();
            assert_eq!(second.recv(&mut buf).await.unwrap(), 4);
            assert!(first.try_recv(&mut buf).is_err());
            let local = Ipv4Addr::LOCALHOST;
            first.join_ssm_v4(local, group, local).unwrap();
            sender.send_to(b"again", group_addr).await.unwrap();
            assert_eq!(first.recv(&mut buf).await.unwrap(), 5);
            first.leave_ssm_v4(local, group, local).unwrap();
        });
    });
}

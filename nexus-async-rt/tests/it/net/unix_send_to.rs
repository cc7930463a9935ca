//! Datagrams to a socket that the sender is not connected to: a full queue is
//! waited for, without spinning and without a clock.

use crate::net::tcp::waiting;
use crate::net::unix::Place;
use crate::support::with_runtime;
use futures_lite::future::poll_once;
use nexus_async_rt::net::UnixDatagram;
use nexus_async_rt::runtime::metrics;
use nexus_async_rt::{sleep, spawn_boxed};
use nexus_testkit::scaled;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

/// Sends to `place` until there is no room.
fn fill(sender: &UnixDatagram, place: &Place) -> usize {
    let mut filled = 0;
    loop {
        match sender.try_send_to(b"f", &place.0) {
            Ok(_) => filled += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return filled;
            }
        }
    }
}

/// Asserts that nothing runs while `quiet` passes.
async fn assert_quiet() {
    let before = metrics();
    sleep(Duration::from_millis(30)).await;
    let after = metrics();
    let polls = after.polls - before.polls;
    assert!(polls < 5, "{polls} polls while there was no room");
    let fired = after.timers_fired - before.timers_fired;
    assert!(fired <= 1, "{fired} timers while there was no room");
}

#[test]
fn datagrams_go_to_an_address_and_back() {
    let [here_at, there_at] = ["to-here", "to-there"].map(Place::new);
    with_runtime(|rt| {
        rt.block_on(async {
            let here = UnixDatagram::bind(&here_at.0).unwrap();
            let there = UnixDatagram::bind(&there_at.0).unwrap();
            let server = spawn_boxed(async move {
                let mut buf = [0; 16];
                for _ in 0..100 {
                    let (len, from) = there.recv_from(&mut buf).await.unwrap();
                    let to = from.as_pathname().unwrap();
                    assert_eq!(there.send_to(&buf[..len], to).await.unwrap(), len);
                }
            });
            for round in 0..100_u32 {
                let ping = round.to_be_bytes();
                assert_eq!(here.send_to(&ping, &there_at.0).await.unwrap(), 4);
                let mut buf = [0; 16];
                let (len, from) = here.recv_from(&mut buf).await.unwrap();
                assert_eq!(&buf[..len], ping);
                assert_eq!(from.as_pathname(), Some(&*there_at.0));
            }
            server.await;
        });
    });
}

#[test]
fn a_full_queue_that_drains_takes_what_waits() {
    let place = Place::new("to-drains");
    with_runtime(|rt| {
        rt.block_on(async {
            let receiver = UnixDatagram::bind(&place.0).unwrap();
            let sender = Rc::new(UnixDatagram::unbound().unwrap());
            let filled = fill(&sender, &place);
            let mut tasks = Vec::new();
            for number in 0..3_u8 {
                let (sender, to) = (sender.clone(), place.0.clone());
                let sending = async move { sender.send_to(&[number], &to).await.unwrap() };
                tasks.push(waiting(sending).await);
            }
            assert_quiet().await;
            assert!(tasks.iter().all(|task| !task.is_finished()));
            let mut buf = [0; 8];
            for _ in 0..filled {
                assert_eq!(receiver.recv(&mut buf).await.unwrap(), 1);
            }
            let mut heard = Vec::new();
            for _ in 0..3 {
                assert_eq!(receiver.recv(&mut buf).await.unwrap(), 1);
                heard.push(buf[0]);
            }
            heard.sort_unstable();
            assert_eq!(heard, [0, 1, 2]);
            for task in tasks {
                assert_eq!(task.await, 1);
            }
        });
    });
}

#[test]
fn several_senders_lose_nothing_and_keep_their_order() {
    const SENDERS: usize = 3;
    let place = Place::new("to-many");
    with_runtime(|rt| {
        rt.block_on(async {
            let receiver = UnixDatagram::bind(&place.0).unwrap();
            let each = scaled(500) as u32;
            for sender in 0..SENDERS as u8 {
                let to = place.0.clone();
                drop(spawn_boxed(async move {
                    let socket = UnixDatagram::unbound().unwrap();
                    for number in 0..each {
                        let mut datagram = [sender; 5];
                        datagram[1..].copy_from_slice(&number.to_be_bytes());
                        socket.send_to(&datagram, &to).await.unwrap();
                    }
                }));
            }
            let mut next = [0; SENDERS];
            for _ in 0..SENDERS as u32 * each {
                let mut buf = [0; 8];
                assert_eq!(receiver.recv(&mut buf).await.unwrap(), 5);
                let number = u32::from_be_bytes(buf[1..5].try_into().unwrap());
                let next = &mut next[usize::from(buf[0])];
                assert_eq!(number, *next);
                *next += 1;
            }
            assert_eq!(next, [each; SENDERS]);
        });
    });
}

/// The send buffer is full of what another destination has not received yet.
#[test]
fn a_full_send_buffer_is_waited_for_at_the_sender() {
    let [slow_at, fast_at] = ["to-slow", "to-fast"].map(Place::new);
    with_runtime(|rt| {
        rt.block_on(async {
            let slow = UnixDatagram::bind(&slow_at.0).unwrap();
            let fast = UnixDatagram::bind(&fast_at.0).unwrap();
            let sender = Rc::new(UnixDatagram::unbound().unwrap());
            let socket = socket2::SockRef::from(&*sender);
            socket.set_send_buffer_size(8 << 10).unwrap();
            // Too few for the queue.
            let mut sent = 0;
            while sender.try_send_to(&[0; 4096], &slow_at.0).is_ok() {
                sent += 1;
            }
            assert!(sent < 9, "{sent} datagrams fill no send buffer");
            let (same, to) = (sender.clone(), fast_at.0.clone());
            let sending = waiting(async move { same.send_to(b"x", &to).await }).await;
            assert_quiet().await;
            assert!(!sending.is_finished());
            for _ in 0..sent {
                assert_eq!(slow.recv(&mut [0; 8]).await.unwrap(), 8);
            }
            assert_eq!(sending.await.unwrap(), 1);
            assert_eq!(fast.recv(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

#[test]
fn a_destination_that_goes_or_is_replaced_ends_the_wait() {
    let place = Place::new("to-goes");
    with_runtime(|rt| {
        rt.block_on(async {
            let sender = Rc::new(UnixDatagram::unbound().unwrap());
            let missing = sender.send_to(b"x", &place.0).await.unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
            for replaced in [false, true] {
                let receiver = UnixDatagram::bind(&place.0).unwrap();
                fill(&sender, &place);
                let (same, to) = (sender.clone(), place.0.clone());
                let sending = waiting(async move { same.send_to(b"x", &to).await }).await;
                if replaced {
                    std::fs::remove_file(&place.0).unwrap();
                    let next = UnixDatagram::bind(&place.0).unwrap();
                    drop(receiver);
                    assert_eq!(sending.await.unwrap(), 1);
                    assert_eq!(next.recv(&mut [0; 8]).await.unwrap(), 1);
                } else {
                    drop(receiver);
                    let gone = sending.await.unwrap_err();
                    assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
                }
                std::fs::remove_file(&place.0).unwrap();
            }
        });
    });
}

#[test]
fn a_destination_that_is_connected_takes_from_its_peer_alone() {
    let [here_at, there_at] = ["to-peer", "to-taken"].map(Place::new);
    with_runtime(|rt| {
        rt.block_on(async {
            let here = Rc::new(UnixDatagram::bind(&here_at.0).unwrap());
            let there = UnixDatagram::bind(&there_at.0).unwrap();
            there.connect(&here_at.0).unwrap();
            let other = UnixDatagram::unbound().unwrap();
            let refused = other.send_to(b"x", &there_at.0).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            // Its peer is held up by its own buffer alone: no probe could be
            // connected.
            let filled = fill(&here, &there_at);
            let (same, to) = (here.clone(), there_at.0.clone());
            let sending = waiting(async move { same.send_to(b"x", &to).await }).await;
            assert_quiet().await;
            for _ in 0..=filled {
                assert_eq!(there.recv(&mut [0; 8]).await.unwrap(), 1);
            }
            assert_eq!(sending.await.unwrap(), 1);
        });
    });
}

#[test]
fn a_send_that_is_dropped_while_it_waits_sends_nothing() {
    let place = Place::new("to-dropped");
    with_runtime(|rt| {
        rt.block_on(async {
            let receiver = UnixDatagram::bind(&place.0).unwrap();
            let sender = UnixDatagram::unbound().unwrap();
            let filled = fill(&sender, &place);
            for _ in 0..3 {
                assert!(poll_once(sender.send_to(b"x", &place.0)).await.is_none());
            }
            for _ in 0..filled {
                assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 1);
            }
            assert!(poll_once(receiver.recv(&mut [0; 8])).await.is_none());
        });
    });
}

/// A datagram that has no room at its destination says nothing about the room of
/// the socket that sends it.
#[test]
fn a_full_queue_elsewhere_does_not_hold_up_a_connected_send() {
    let place = Place::new("elsewhere");
    with_runtime(|rt| {
        rt.block_on(async {
            let elsewhere = UnixDatagram::bind(&place.0).unwrap();
            let (here, there) = UnixDatagram::pair().unwrap();
            // Watched from now on.
            here.writable().await.unwrap();
            while here.try_send_to(b"x", &place.0).is_ok() {}
            let sent = poll_once(here.send(b"y")).await;
            assert_eq!(sent.expect("there is room").unwrap(), 1);
            assert!(poll_once(here.writable()).await.is_some());
            assert_eq!(there.recv(&mut [0; 8]).await.unwrap(), 1);
            drop(elsewhere);
        });
    });
}

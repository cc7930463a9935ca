//! Many subscribers on one feed, the slow and the still among them.

use crate::bench::{Bench, QUICK};
use crate::peer::{Peer, login, subscribe};
use crate::process::Process;
use nexus_itch::soup::Packet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const CROWD: usize = 100;

#[test]
fn a_hundred_subscribers_are_sent_everything() {
    hundred("");
}

#[test]
fn a_hundred_subscribers_are_sent_everything_at_the_feeds_pace() {
    hundred("--rate 10000");
}

fn hundred(pace: &str) {
    let bench = Bench::new(5_000);
    let (feed, address) = bench.feed(&format!("--linger 2 {pace}"));
    let expected = Arc::new(bench.expected());
    let subscribers: Vec<_> = (0..CROWD)
        .map(|_| {
            let expected = Arc::clone(&expected);
            thread::spawn(move || assert!(subscribe(address, 1) == *expected))
        })
        .collect();
    for subscriber in subscribers {
        subscriber.join().unwrap();
    }
    let feed = feed.end().good();
    assert_eq!(feed.count(" sent everything"), CROWD as u64, "{feed:?}");
}

#[test]
fn one_that_stops_reading_holds_nobody_back_and_is_dropped() {
    // More than the kernel holds for a connection.
    let bench = Bench::new(600_000);
    let (feed, address) = bench.feed("--silence-ms 3000");
    let mut still = Peer::connect(address);
    still.send(Packet::Login(login(1)));
    let beating = still.0.try_clone().unwrap();
    let beats = thread::spawn(move || {
        // It is there, and says so: but it reads nothing.
        let mut peer = Peer(beating);
        let begun = Instant::now();
        let mut out = Vec::new();
        Packet::ClientHeartbeat.encode(&mut out);
        while begun.elapsed() < Duration::from_secs(60) {
            if std::io::Write::write_all(&mut peer.0, &out).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("it was not dropped");
    });
    assert!(subscribe(address, 1) == bench.expected());
    feed.says("dropped, it took nothing for 3s, the limit");
    beats.join().unwrap();
    assert!(subscribe(address, 599_999).len() == 28, "the feed goes on");
}

#[test]
fn descriptors_that_run_out_are_waited_for() {
    let bench = Bench::new(500);
    let arguments = bench.played("--listen 127.0.0.1:0");
    let feed = Process::start_with("ulimit -n 24", &format!("feed {arguments}"));
    let (feed, address) = feed.listening();
    let held: Vec<_> = (0..40).map(|_| Peer::connect(address)).collect();
    let said = feed.says("cannot take a connection: ");
    assert_eq!(said.matches("cannot take a connection: ").count(), 1);
    drop(held);
    assert!(subscribe(address, 1) == bench.expected());
    feed.signal("TERM");
    feed.end().good();
}

#[test]
fn ten_times_as_many_connect_and_go_away() {
    let bench = Bench::new(500);
    let (feed, address) = bench.feed(QUICK);
    for _ in 0..10 * CROWD {
        drop(Peer::connect(address));
    }
    assert!(subscribe(address, 1) == bench.expected());
    feed.signal("TERM");
    let feed = feed.end().good();
    assert_eq!(feed.count(" connections"), 10 * CROWD as u64 + 1);
    assert_eq!(feed.count(" sent everything"), 1);
}

//! A feed over UDP: lost, late, and asked for again.

use crate::bench::{Bench, QUICK, free_udp};
use crate::process::Process;
use crate::udp_relay::{Faults, Sockets};
use nexus_testkit::{scaled, seed};
use std::net::UdpSocket;

#[test]
fn one_packet_in_a_hundred_is_lost_and_the_archive_is_whole() {
    let bench = Bench::new(50_000);
    let ours = free_udp();
    let (feed, address) = bench.feed(&format!("--udp {ours} --loss 1 --linger 2"));
    let ran = bench.run(address, &format!("--udp {ours}")).end();
    let ran = bench.complete(ran);
    assert!(ran.count(" requests, ") > 0, "nothing was lost");
    let feed = feed.end().good();
    assert!(feed.count(" lost on purpose") > 0, "{feed:?}");
    assert!(feed.count(" requests answered") > 0, "{feed:?}");
}

#[test]
fn a_gateway_that_comes_late_asks_for_the_beginning() {
    let bench = Bench::new(20_000);
    let ours = free_udp();
    let (_feed, address) = bench.feed(&format!("--udp {ours} --rate 1000000 {QUICK}"));
    // By then all has been sent, and to nobody.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let ran = bench.run(address, &format!("--udp {ours} {QUICK}")).end();
    let ran = bench.complete(ran);
    assert!(ran.count(" requests, ") > 500);
}

#[test]
fn a_network_that_does_what_it_likes_leaves_the_archive_whole() {
    let faults = Faults {
        lost: 5,
        doubled: 5,
        overtaken: 5,
        cut: 5,
        rubbish: 2,
    };
    let first = seed::printed();
    for seed in (0..scaled(2) as u64).map(|n| first.wrapping_add(n)) {
        let bench = Bench::new(20_000);
        let ours = free_udp();
        let (sockets, relay) = Sockets::bind();
        let arguments = format!("--udp {} --rate 50000 {QUICK}", relay.packets);
        let (_feed, address) = bench.feed(&arguments);
        sockets.start(address, ours, faults, seed.wrapping_mul(100));
        let ran = bench
            .run(relay.requests, &format!("--udp {ours} {QUICK}"))
            .end();
        assert_eq!(ran.code, Some(0), "seed {seed}: {ran:?}");
        let ran = bench.complete(ran);
        for what in [
            " requests, ",
            " duplicates dropped",
            " held for a gap",
            " datagrams were none",
        ] {
            assert!(ran.count(what) > 0, "seed {seed}: no {what}: {ran:?}");
        }
        assert!(ran.stderr.contains(" dropped: "), "rubbish is shown");
    }
}

#[test]
fn two_gateways_receive_one_feed() {
    let benches = [Bench::new(10_000), Bench::new(10_000)];
    let ours = [free_udp(), free_udp()];
    let arguments = format!("--udp {} --udp {} --loss 2", ours[0], ours[1]);
    let (_feed, address) = benches[0].feed(&arguments);
    let runs = [0, 1].map(|i| benches[i].run(address, &format!("--udp {}", ours[i])));
    for (run, bench) in runs.into_iter().zip(&benches) {
        bench.complete(run.end());
    }
}

#[test]
fn packets_that_nobody_sends_again_are_an_error() {
    let bench = Bench::new(5_000);
    let ours = free_udp();
    // One that hears requests, and does not answer.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (_feed, _) = bench.feed(&format!("--udp {ours} --loss 20 {QUICK}"));
    let more = format!("--udp {ours} --give-up 1 {QUICK}");
    let ran = bench.run(deaf.local_addr().unwrap(), &more).end();
    let error = ran.error();
    assert!(error.starts_with("message "), "{error}");
    assert!(
        error.contains(" times in 1s, the limit, without an answer"),
        "{error}"
    );
    ran.shows("  lost before message ");
    bench.partial(&ran);
}

#[test]
fn packets_that_do_not_come_at_all_are_an_error() {
    let bench = Bench::new(500);
    let ours = free_udp();
    let (_feed, address) = bench.feed("");
    let ran = bench
        .run(address, &format!("--udp {ours} --give-up 3 {QUICK}"))
        .end();
    let expected = format!("no packet came to {ours} for 3s, the limit");
    assert_eq!(ran.error(), expected);
    assert!(ran.stderr.contains(": silent for 1s, the limit"), "{ran:?}");
    // An address that is in use, or not ours.
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let ran = Process::start(&format!(
        "receive --connect {address} --udp 192.0.2.1:{}",
        taken.port()
    ));
    let ran = ran.end();
    assert!(
        ran.error().starts_with("cannot receive at 192.0.2.1:"),
        "{}",
        ran.error()
    );
}

//! SIGINT and SIGTERM: what has come is kept, the tables are printed, and the
//! exit code is 0. And what keeps a quiet feed alive until then.

use crate::bench::{Bench, QUICK, free_udp};
use crate::peer::Peer;
use crate::process::Process;
use nexus_gateway::archive::verify;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

/// A gateway that is stopped in the midst of a session.
fn stopped(signal: &str, udp: bool) {
    let bench = Bench::new(200_000);
    let ours = free_udp();
    let (to, from) = match udp {
        true => (format!("--udp {ours}"), format!("--udp {ours}")),
        false => Default::default(),
    };
    // Ten seconds at this rate.
    let (feed, address) = bench.feed(&format!("--rate 20000 {to}"));
    let gateway = bench.run(address, &format!("--sync 5 {from}"));
    bench.some();
    gateway.signal(signal);
    let ran = gateway.end().good();
    let there = bench.partial(&ran);
    assert!((1..200_000).contains(&there), "{there} messages");
    let next = ran.count(if udp { "\n  UDP" } else { "\n  TCP" });
    assert_eq!(next, there + 1, "all that came is archived: {ran:?}");
    ran.shows("  stopped by a signal before message ");
    ran.shows("Messages by type").shows("Top of book");
    ran.shows(", verified\n");
    feed.signal(signal);
    let feed = feed.end().good();
    feed.shows("stopped: ");
}

#[test]
fn sigint_ends_a_gateway_on_tcp() {
    stopped("INT", false);
}

#[test]
fn sigterm_ends_a_gateway_on_tcp() {
    stopped("TERM", false);
}

#[test]
fn sighup_ends_a_gateway_on_tcp() {
    stopped("HUP", false);
}

#[test]
fn sigint_ends_a_gateway_on_udp() {
    stopped("INT", true);
}

#[test]
fn sigterm_ends_a_gateway_on_udp() {
    stopped("TERM", true);
}

#[test]
fn a_signal_leaves_no_temporary_folder() {
    for signal in ["INT", "TERM", "HUP"] {
        let bench = Bench::new(200_000);
        let (_feed, address) = bench.feed("--rate 20000");
        let folder = tempfile::tempdir().unwrap();
        let setting = format!("export TMPDIR={}", folder.path().display());
        let gateway = Process::start_with(&setting, &format!("receive --connect {address}"));
        let folders = || std::fs::read_dir(folder.path()).unwrap().count();
        gateway.says("logged in");
        assert_eq!(folders(), 1);
        gateway.signal(signal);
        gateway.end().good().shows("stopped by a signal");
        assert_eq!(folders(), 0, "{signal}");
    }
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let bench = Bench::new(500);
    let folder = bench.path("archive").display().to_string();
    let played = bench.played(&format!("--rate 200 --archive {folder}"));
    let replay = Process::start_with("trap '' HUP", &format!("replay -v {played}"));
    replay.says(" the paced run begins");
    replay.signal("HUP");
    let ran = replay.end().good();
    assert!(!ran.stdout.contains("Stopped by a signal"), "{ran:?}");
}

/// More than two seconds of a feed that has a message each second, where a
/// peer is gone after 800 ms of silence.
fn quiet(udp: bool) {
    let bench = Bench::new(500);
    let ours = free_udp();
    let udp = match udp {
        true => format!("--udp {ours}"),
        false => String::new(),
    };
    let rhythm = "--heartbeat-ms 50 --silence-ms 800";
    let (feed, address) = bench.feed(&format!("--rate 1 {udp} {rhythm}"));
    let gateway = bench.run(address, &format!("{udp} {rhythm}"));
    bench.some();
    thread::sleep(Duration::from_millis(2_100));
    gateway.signal("TERM");
    let ran = gateway.end().good();
    assert!(bench.partial(&ran) > 1, "{ran:?}");
    assert!(!ran.stderr.contains("silent"), "{ran:?}");
    feed.signal("TERM");
    assert_eq!(feed.end().good().count(" dropped"), 0);
}

#[test]
fn heartbeats_keep_a_quiet_connection() {
    quiet(false);
}

#[test]
fn heartbeats_keep_a_quiet_feed_of_packets() {
    quiet(true);
}

#[test]
fn a_signal_ends_one_that_waits_for_its_feed() {
    let bench = Bench::new(500);
    // Nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let gateway = bench.run(address, "");
    gateway.says("cannot connect to");
    gateway.signal("TERM");
    let ran = gateway.end().good();
    ran.shows("Received: 0 messages\n  stopped by a signal before message 1\n");
    assert_eq!(verify(&bench.archive()).unwrap().records, 0);
    // And where somebody listens, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = bench.run(silent.local_addr().unwrap(), "");
    let _held = Peer::accept(&silent);
    gateway.signal("INT");
    gateway.end().good();
}

#[test]
fn a_signal_ends_a_feed_and_its_gateway_looks_for_another() {
    let bench = Bench::new(200_000);
    let (feed, address) = bench.feed("--rate 20000");
    let gateway = bench.run(address, &format!("--give-up 1 {QUICK}"));
    gateway.says("logged in at");
    bench.some();
    feed.signal("TERM");
    let feed = feed.end().good();
    assert_eq!(feed.count(" logged in"), 1);
    let ran = gateway.end();
    assert!(
        ran.error().starts_with("gave up after 1s, the limit; "),
        "{}",
        ran.error()
    );
    bench.partial(&ran);
    ran.shows("  lost before message ");
}

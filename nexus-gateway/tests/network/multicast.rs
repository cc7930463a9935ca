//! Multicast: over the loopback as the README shows it, and over two lines between two
//! hosts, which are network namespaces.

use crate::bench::{Bench, QUICK};
use crate::process::Process;
use std::process::Command;

#[test]
fn what_is_lost_of_a_group_is_asked_for_and_answered() {
    let bench = Bench::new(20_000);
    let group = "239.1.1.1:9001";
    let (_feed, address) = bench.feed(&format!("--udp {group} --loss 1 {QUICK}"));
    let ran = bench.run(address, &format!("--udp {group} {QUICK}")).end();
    let ran = bench.complete(ran);
    assert!(ran.count(" requests, ") > 0, "nothing was lost: {ran:?}");
}

/// Two hosts and two wires between them, until it is dropped.
struct Hosts {
    feed: String,
    gateway: String,
}

impl Hosts {
    /// `None` where namespaces cannot be made: not root, or no `ip`.
    fn new() -> Option<Self> {
        let id = std::process::id();
        let (feed, gateway) = (format!("nx{id}f"), format!("nx{id}g"));
        let hosts = Self { feed, gateway };
        let Self {
            feed: f,
            gateway: g,
        } = &hosts;
        let script = format!(
            "ip netns add {f} && ip netns add {g} || exit 1
             for n in 1 2; do
                 ip link add f$n netns {f} type veth peer name g$n netns {g} || exit 1
                 ip -n {f} addr add 10.9.$n.1/24 dev f$n && ip -n {f} link set f$n up || exit 1
                 ip -n {g} addr add 10.9.$n.2/24 dev g$n && ip -n {g} link set g$n up || exit 1
                 ip -n {f} route add 239.1.1.$n/32 dev f$n || exit 1
             done"
        );
        let made = Command::new("sh").args(["-c", &script]).output().ok()?;
        if made.status.success() {
            return Some(hosts);
        }
        eprintln!(
            "SKIPPED: no network namespaces here: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        None
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in [&self.feed, &self.gateway] {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

#[test]
fn two_groups_on_one_port_are_two_lines() {
    let Some(hosts) = Hosts::new() else {
        return;
    };
    let bench = Bench::new(20_000);
    let groups = "--udp 239.1.1.1:9001 --udp 239.1.1.2:9001";
    let played = bench.played(&format!("--rate 20000 --loss 1 {QUICK}"));
    let feed = format!("publish --listen 0.0.0.0:9000 {groups} {played}");
    let (_feed, _) = Process::start_in(&hosts.feed, &feed).listening();
    let archive = bench.path("archive").display().to_string();
    let lines = "--udp 239.1.1.1:9001,interface=g1 --udp 239.1.1.2:9001,interface=10.9.2.2";
    let gateway = format!("receive --connect 10.9.1.1:9000 {lines} --archive {archive} {QUICK}");
    let ran = bench.complete(Process::start_in(&hosts.gateway, &gateway).end());
    // Each line gets its own group alone: together they bring each message twice, but
    // for what was lost.
    for line in ["line A, 239.1.1.1:9001: ", "line B, 239.1.1.2:9001: "] {
        let (_, rest) = ran.stdout.split_once(line).expect("each line is shown");
        let number = |what: &str| {
            let (_, behind) = rest.split_once(what).unwrap();
            let digits: String = behind
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == ',')
                .filter(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().unwrap()
        };
        let copies = number("first copies: ") + number("duplicates: ");
        assert!(
            (10_000..=20_000).contains(&copies),
            "{copies}: {}",
            ran.stdout
        );
    }
    assert!(ran.stdout.contains("behind the other: "), "{}", ran.stdout);
}

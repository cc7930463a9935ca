//! Two redundant lines: of each message the first copy counts, whatever either of them
//! does.

use crate::bench::{Bench, QUICK, free_udp};
use crate::process::Ran;
use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// What a line does to one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pass,
    Lose,
    /// Passed on so much later, in order.
    Late(Duration),
    /// As late, and with a byte of its first message changed.
    Lie(Duration),
}

/// After so long without a packet, the test is over.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// Passes packets on to `to`, as `fate` decides by their first number and the time since
/// the first. Returns where the feed is to send them.
fn line(
    to: SocketAddr,
    mut fate: impl FnMut(u64, Duration) -> Fate + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        let mut late: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
        let mut first = None;
        let mut heard = Instant::now();
        while heard.elapsed() < FORGOTTEN {
            if let Ok((n, _)) = socket.recv_from(&mut buffer) {
                heard = Instant::now();
                let begun = *first.get_or_insert(heard);
                let number = u64::from_be_bytes(buffer[10..18].try_into().unwrap());
                let (wait, lie) = match fate(number, heard - begun) {
                    Fate::Lose => continue,
                    Fate::Pass => (Duration::ZERO, false),
                    Fate::Late(wait) => (wait, false),
                    Fate::Lie(wait) => (wait, true),
                };
                let mut datagram = buffer[..n].to_vec();
                // The tracking number of the first message: nothing else comes of it.
                if lie && n > 26 {
                    datagram[26] ^= 0x55;
                }
                late.push_back((heard + wait, datagram));
            }
            while late.front().is_some_and(|(due, _)| *due <= Instant::now()) {
                let (_, datagram) = late.pop_front().unwrap();
                // What cannot be sent is lost, as in any network.
                drop(socket.send_to(&datagram, to));
            }
        }
    });
    address
}

/// Plays a feed over two lines with these fates to a gateway.
fn played(
    bench: &Bench,
    more: &str,
    a: impl FnMut(u64, Duration) -> Fate + Send + 'static,
    b: impl FnMut(u64, Duration) -> Fate + Send + 'static,
) -> Ran {
    let ours = [free_udp(), free_udp()];
    let (a, b) = (line(ours[0], a), line(ours[1], b));
    let (_feed, address) = bench.feed(&format!("--udp {a} --udp {b} --rate 20000 {QUICK}"));
    let [ours_a, ours_b] = ours;
    let arguments = format!("--udp {ours_a} --udp {ours_b} {QUICK} {more}");
    bench.complete(bench.run(address, &arguments).end())
}

fn pass(_: u64, _: Duration) -> Fate {
    Fate::Pass
}

/// What the table says of a line: the number in front of or behind `what`.
fn of_line(ran: &Ran, line: char, what: &str) -> u64 {
    let begin = format!("  line {line}, ");
    let at = ran.stdout.find(&begin).expect("each line is shown");
    let block = &ran.stdout[at + begin.len()..];
    let block = block.split("  line ").next().unwrap();
    let (_, rest) = block
        .split_once(what)
        .unwrap_or_else(|| panic!("no {what} in {block}"));
    let digits = rest
        .trim_start()
        .split(|c: char| c != ',' && !c.is_ascii_digit());
    let number = digits.into_iter().next().unwrap().replace(',', "");
    number.parse().unwrap()
}

#[test]
fn what_one_line_loses_the_other_brings_and_nothing_is_asked_for() {
    let bench = Bench::new(20_000);
    let mut at_a = 0;
    let mut at_b = 0;
    let ran = played(
        &bench,
        "--gap-wait 10s",
        move |_, _| {
            at_a += 1;
            if at_a % 10 == 3 {
                Fate::Lose
            } else {
                Fate::Pass
            }
        },
        move |_, _| {
            at_b += 1;
            if at_b % 10 == 7 {
                Fate::Lose
            } else {
                Fate::Pass
            }
        },
    );
    exactly_what_was_lost_is_asked_for(&ran);
    for line in ['A', 'B'] {
        let missed = of_line(&ran, line, "gaps: ");
        assert!(missed > 10, "{missed} gaps: {}", ran.stdout);
        assert!(of_line(&ran, line, "first copies: ") > 0);
    }
}

/// What neither line brought, with all that was sent before the gateway listened.
fn exactly_what_was_lost_is_asked_for(ran: &Ran) {
    let asked = ran.count(" messages\n  gaps held up");
    let firsts = of_line(ran, 'A', "first copies: ") + of_line(ran, 'B', "first copies: ");
    assert_eq!(asked, 20_000 - firsts, "{}", ran.stdout);
}

#[test]
fn of_what_both_lines_lose_exactly_that_is_asked_for() {
    let bench = Bench::new(20_000);
    // The same packets on both: those that begin with such a number.
    let lost = |number: u64, _: Duration| match number.wrapping_mul(0x9e37_79b9) >> 7 & 63 {
        0 => Fate::Lose,
        _ => Fate::Pass,
    };
    let ran = played(&bench, "--gap-wait 10s", lost, lost);
    exactly_what_was_lost_is_asked_for(&ran);
    assert!(ran.count(" requests, ") > 10, "{ran:?}");
}

#[test]
fn a_line_that_is_dead_is_said_and_not_waited_for() {
    let bench = Bench::new(20_000);
    let mut at = 0;
    let ran = played(
        &bench,
        "",
        move |_, _| {
            at += 1;
            if at % 20 == 0 { Fate::Lose } else { Fate::Pass }
        },
        |_, _| Fate::Lose,
    );
    assert!(ran.stderr.contains("line B, 127.0.0.1:"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(": silent, not waited for"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout
            .contains("last heard: never; fell silent 1 times"),
        "{}",
        ran.stdout
    );
    assert!(ran.count(" requests, ") > 0);
}

#[test]
fn a_line_that_is_late_is_measured() {
    let bench = Bench::new(20_000);
    let late = Duration::from_millis(50);
    let ran = played(&bench, "", pass, move |_, _| Fate::Late(late));
    assert!(
        of_line(&ran, 'A', "first copies: ") > 10_000,
        "{}",
        ran.stdout
    );
    let (_, behind) = ran
        .stdout
        .split_once("behind the other: p50 ")
        .expect("B was late");
    let p50 = behind.split(' ').next().unwrap().parse::<f64>().unwrap();
    assert!((50.0..500.0).contains(&p50), "{behind}");
}

#[test]
fn a_line_that_comes_back_is_said() {
    let bench = Bench::new(20_000);
    // Silent from 0.2 to 0.6 s of one.
    let away = Duration::from_millis(200)..Duration::from_millis(600);
    let ran = played(&bench, "", pass, move |_, at| match away.contains(&at) {
        true => Fate::Lose,
        false => Fate::Pass,
    });
    assert!(
        ran.stderr.contains(": silent, not waited for"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(": back"), "{}", ran.stderr);
}

#[test]
fn a_line_that_lies_behind_the_other_is_counted_and_changes_nothing() {
    // Two seconds. Not at the start: what A sent before the gateway listened is first on
    // B. So late that on a busy machine, too, what A lost is asked for before that.
    let bench = Bench::new(40_000);
    let late = Duration::from_millis(500);
    let ran = played(&bench, "", pass, move |number, _| match number {
        ..16_000 => Fate::Pass,
        _ => Fate::Lie(late),
    });
    let lies = ran.count(" second copies differ from the first");
    assert!(lies > 10, "{lies}");
}

#[test]
fn only_the_source_that_is_named_is_heard() {
    let bench = Bench::new(2_000);
    let ours = free_udp();
    let (_feed, address) = bench.feed(&format!("--udp {ours} --rate 20000 {QUICK}"));
    let more = format!("--udp {ours},source=127.0.0.2 --give-up 1 {QUICK}");
    let ran = bench.run(address, &more).end();
    assert!(
        ran.error().starts_with("no packet came to "),
        "{}",
        ran.error()
    );
    assert!(ran.count(" datagrams of strangers") > 0);
    let more = format!("--udp {ours},source=127.0.0.1 {QUICK}");
    bench.complete(bench.run(address, &more).end());
}

#[test]
fn a_service_that_does_not_answer_gives_way_to_the_next() {
    let bench = Bench::new(5_000);
    let ours = free_udp();
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let deaf = deaf.local_addr().unwrap();
    let (_feed, address) = bench.feed(&format!("--udp {ours} --loss 5 {QUICK}"));
    let more = format!("--request {deaf} --request {address} --udp {ours} {QUICK}");
    let archive = bench.path("archive").display().to_string();
    let gateway = crate::process::Process::start(&format!("receive --archive {archive} {more}"));
    let ran = bench.complete(gateway.end());
    assert!(ran.count(" of them repeated") > 0, "{ran:?}");
}

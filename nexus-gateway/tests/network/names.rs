//! Names of sessions, and logins, as other systems write them.

use crate::bench::{Bench, QUICK, free_udp};
use crate::peer::Peer;
use crate::process::{LIMIT, Process};
use nexus_gateway::archive::inspect;
use nexus_itch::mold::{Builder, Request};
use nexus_itch::session::SessionName;
use nexus_itch::soup::{Packet, Rejection};
use std::net::{TcpListener, UdpSocket};

const DELETE: [u8; 19] = {
    let mut message = [0; 19];
    message[0] = b'D';
    message
};

/// What the archive says of itself.
fn kept(bench: &Bench) -> SessionName {
    let synced = inspect(&bench.archive()).unwrap().synced.unwrap();
    synced.session.expect("the session is on disk")
}

/// Names that are no words, and what they are called.
const NAMES: [([u8; 10], &str); 5] = [
    (*b"  DAY 1\0\0\0", "DAY 1"),
    (*b"2026-11-25", "2026-11-25"),
    (*b"../../etc/", "../../etc/"),
    (*b"<script>\x1b[", "<script>\\x1b["),
    ([0; 10], "(blank)"),
];

#[test]
fn over_tcp_a_session_is_gone_on_with_whatever_it_is_called() {
    for (bytes, shown) in NAMES {
        let bench = Bench::new(500);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for next in [1, 2] {
            let gateway = bench.run(address, "");
            let mut peer = Peer::accept(&listener);
            let asked = peer.read(49);
            if next == 2 {
                assert_eq!(asked[19..29], bytes, "as it was received");
            }
            // By hand: our own server pads on the left.
            let accepted = [&b"\0\x1fA"[..], &bytes, format!("{next:>20}").as_bytes()].concat();
            peer.say(&accepted);
            peer.send(Packet::Sequenced(&DELETE));
            gateway.says(&format!("session {shown}, from message {next}"));
            peer.send(Packet::EndOfSession);
            let ran = gateway.end().good();
            assert!(!ran.stderr.contains('\x1b') && !ran.stdout.contains('\x1b'));
            assert_eq!(kept(&bench).to_bytes(), bytes);
        }
        assert_eq!(inspect(&bench.archive()).unwrap().records, 2);
    }
}

#[test]
fn over_udp_a_request_names_the_session_as_it_was_received() {
    for (bytes, _) in NAMES {
        let bench = Bench::new(500);
        let ours = free_udp();
        let feed = UdpSocket::bind("127.0.0.1:0").unwrap();
        feed.set_read_timeout(Some(LIMIT)).unwrap();
        let address = feed.local_addr().unwrap();
        let gateway = bench.run(address, &format!("--udp {ours} {QUICK}"));
        let mut builder = Builder::new(SessionName::from_bytes(bytes));
        builder.begin(2);
        builder.push(&DELETE);
        let mut request = [0; 64];
        feed.set_read_timeout(Some(std::time::Duration::from_millis(20)))
            .unwrap();
        let begun = std::time::Instant::now();
        let n = loop {
            assert!(begun.elapsed() < LIMIT, "nothing was asked for");
            feed.send_to(builder.datagram(), ours).unwrap();
            if let Ok((n, _)) = feed.recv_from(&mut request) {
                break n;
            }
        };
        assert_eq!(request[..10], bytes);
        let request = Request::decode(&request[..n]).unwrap();
        assert_eq!((request.sequence, request.count), (1, 1));
        builder.begin(1);
        builder.push(&DELETE);
        feed.send_to(builder.datagram(), ours).unwrap();
        let end = builder.end(3).to_vec();
        feed.send_to(&end, ours).unwrap();
        gateway.end().good();
        assert_eq!(kept(&bench).to_bytes(), bytes);
    }
}

#[test]
fn a_login_may_be_written_in_any_case_and_padded_on_either_side() {
    let bench = Bench::new(500);
    let (_feed, address) = bench.feed("--session 2026-11-25 --user nexus --password Secret");
    for fields in [
        &b" NEXUSsecret    2026-11-25                   1"[..],
        b"nexus\0\0\0\0\0SECRET2026-11-251\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"nexus secret                                  ",
    ] {
        let mut peer = Peer::connect(address);
        peer.say(&[&b"\0\x2fL"[..], fields].concat());
        let answer = peer.read(33);
        assert_eq!(answer[..13], *b"\0\x1fA2026-11-25");
    }
}

#[test]
fn a_session_that_is_not_there_yet_is_waited_for_if_that_is_asked() {
    let bench = Bench::new(500);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reject = |reason| {
        let mut peer = Peer::accept(&listener);
        peer.read(49);
        peer.send(Packet::Rejected(reason));
        peer.read_out();
    };
    let gateway = bench.run(address, "--session DAY2");
    reject(Rejection::NoSession);
    let expected = "login rejected: S, no such session, or no such message in it";
    assert!(gateway.end().error().ends_with(expected));

    let gateway = bench.run(address, "--session DAY2 --wait");
    reject(Rejection::NoSession);
    reject(Rejection::NoSession);
    let mut peer = Peer::accept(&listener);
    peer.read(49);
    let session = "DAY2".parse().unwrap();
    peer.send(Packet::Accepted {
        session,
        sequence: 1,
    });
    peer.send(Packet::EndOfSession);
    gateway.end().good();

    for (reason, shown) in [
        (Rejection::NotAuthorized, "A, user or password is not known"),
        (
            Rejection::Other(b'x'),
            "'x' (0x78), a code that the protocol does not have",
        ),
    ] {
        let gateway = bench.run(address, "--wait");
        reject(reason);
        let ran = gateway.end();
        assert!(ran.error().ends_with(shown), "{}", ran.error());
    }
}

#[test]
fn a_name_that_is_too_long_is_refused_with_the_limit() {
    let ran = Process::start("receive --connect 127.0.0.1:1 --session 2026-11-25-A").end();
    assert!(ran.stderr.contains("1 to 10 printable"), "{}", ran.stderr);
}

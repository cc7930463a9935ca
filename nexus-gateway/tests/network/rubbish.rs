//! Peers that say what is not in the protocol, or nothing at all.

use crate::bench::{Bench, QUICK, free_udp};
use crate::peer::{Peer, login, subscribe};
use nexus_itch::soup::Packet;
use std::net::{TcpListener, UdpSocket};
use std::thread;

/// What a web server says to a peer that it does not understand.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";

const SHOWN: &str = "byte 0: unknown packet type 'T' (0x54); there: \
    48 54 54 50 2f 31 2e 31 20 34 30 30 20 42 61 64 20 52 65 71 .. \"HTTP/1.1 400 Bad Req\"..";

/// A server that says `words` to each peer that connects, and then holds still.
fn server(words: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Lives as long as the test program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut peer = Peer(stream.unwrap());
            peer.say(words);
            thread::spawn(move || peer.read_out());
        }
    });
    address
}

#[test]
fn a_server_that_sends_rubbish_is_dropped_and_the_bytes_are_shown() {
    let bench = Bench::new(500);
    let address = server(HTTP);
    let ran = bench.run(address, &format!("--give-up 1 {QUICK}")).end();
    assert!(
        ran.error().starts_with("gave up after 1s, the limit; "),
        "{}",
        ran.error()
    );
    assert!(ran.error().contains(SHOWN), "{}", ran.error());
    ran.shows("TCP: 0 connections, ");
}

#[test]
fn rubbish_in_the_midst_of_a_session_costs_nothing() {
    let bench = Bench::new(5_000);
    let (_feed, feed) = bench.feed("");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = bench.run(address, QUICK);
    // The first connection carries some of the session, and then rubbish; the
    // second is passed on.
    let mut first = Peer::accept(&listener);
    first.read(49);
    let mut server = Peer::connect(feed);
    server.send(Packet::Login(login(1)));
    for _ in 0..300 {
        let length = server.read(2);
        let rest = server.read(usize::from(u16::from_be_bytes([length[0], length[1]])));
        first.say(&[length, rest].concat());
    }
    first.say(b"\xff\xff\xff and so on");
    first.read_out();
    gateway.says("dropped, byte ");
    gateway.says("unknown packet type");
    let client = Peer::accept(&listener);
    let server = Peer::connect(feed);
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (mut from, mut to) = (from.0.try_clone().unwrap(), to.0.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
    }
    bench.complete(gateway.end());
}

#[test]
fn a_server_that_is_silent_is_dropped() {
    let bench = Bench::new(500);
    let address = server(b"");
    let ran = bench.run(address, &format!("--give-up 1 {QUICK}")).end();
    let expected = format!("{address} dropped, silent for 1s, the limit");
    assert!(ran.error().ends_with(&expected), "{}", ran.error());

    // Nor is one heard that takes the login, and then is silent.
    let accepted = b"\0\x1fANEXUS                        1";
    let address = server(accepted);
    let ran = bench.run(address, &format!("--give-up 1 {QUICK}")).end();
    assert!(
        ran.error().contains(" dropped, silent for 1s"),
        "{}",
        ran.error()
    );
    assert!(ran.count(" connections, ") > 0);
}

#[test]
fn a_client_that_sends_rubbish_or_nothing_is_dropped_and_the_feed_goes_on() {
    let bench = Bench::new(500);
    let (feed, address) = bench.feed(QUICK);
    let mut peer = Peer::connect(address);
    peer.say(HTTP);
    assert_eq!(peer.read_out(), b"");
    feed.says(SHOWN);

    // After a login, too.
    let mut peer = Peer::connect(address);
    peer.send(Packet::Login(login(501)));
    assert_eq!(peer.read(3)[2], b'A');
    peer.say(b"\0\x02Zx");
    peer.read_out();
    // The session may have been over before: then it had everything.
    let mut peer = Peer::connect(address);
    peer.send(Packet::EndOfSession);
    peer.read_out();
    feed.says("dropped, sent packet 'Z' in place of a login");

    let mut silent = Peer::connect(address);
    assert_eq!(silent.read_out(), b"");
    feed.says("dropped, silent for 1s, the limit");
    assert!(subscribe(address, 1) == bench.expected());
}

#[test]
fn a_client_that_falls_silent_after_its_login_is_dropped() {
    let bench = Bench::new(500);
    // At this pace the session is not over for minutes.
    let (feed, address) = bench.feed(&format!("--rate 1 {QUICK}"));
    let mut silent = Peer::connect(address);
    silent.send(Packet::Login(login(1)));
    silent.read_out();
    feed.says("dropped, silent for 1s, the limit");
}

#[test]
fn requests_that_make_no_sense_are_not_answered() {
    let bench = Bench::new(500);
    let (feed, address) = bench.feed("--session ONE");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(crate::process::LIMIT))
        .unwrap();
    let ask = |bytes: &[u8]| socket.send_to(bytes, address).unwrap();
    ask(b"hello");
    ask(b"ONE       \0\0\0\0\0\0\0\x01\0\0");
    ask(b"TWO       \0\0\0\0\0\0\0\x01\0\x01");
    ask(b"ONE       \0\0\0\0\0\0\x02\0\0\x01");
    ask(&[b'x'; 1000]);
    // One that does: it is the first that is answered.
    ask(b"ONE       \0\0\0\0\0\0\x01\xf4\0\x05");
    let mut answer = [0; 2048];
    let (n, _) = socket.recv_from(&mut answer).unwrap();
    let whole = bench.expected();
    let expected = [
        b"ONE       \0\0\0\0\0\0\x01\xf4\0\x01",
        &whole[whole.len() - 14..],
    ]
    .concat();
    assert_eq!(answer[..n], expected);
    feed.says("refused, a datagram of 5 bytes, a header takes 20; it begins 68 65 6c 6c 6f");
    feed.says("refused, 0 messages from number 1 on");
    feed.says("refused, asked for session TWO, ONE is played");
    feed.says("refused, asked for message 512, the latest is 500");
    feed.signal("INT");
    let feed = feed.end().good();
    assert_eq!(
        (feed.count(" requests answered"), feed.count(" refused")),
        (1, 5)
    );
}

#[test]
fn what_one_address_is_answered_is_limited() {
    let bench = Bench::new(5_000);
    let (feed, address) = bench.feed("--session ONE");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Answers of 1,400 bytes, nobody takes them.
    let begun = std::time::Instant::now();
    while !feed.so_far().contains("bytes a second, the limit") {
        assert!(begun.elapsed() < crate::process::LIMIT, "all are answered");
        for _ in 0..100 {
            let _ = socket.send_to(b"ONE       \0\0\0\0\0\0\0\x01\0\x64", address);
        }
        thread::sleep(std::time::Duration::from_millis(1));
    }
    feed.says("refused, it was answered with 8388608 bytes a second, the limit");
}

#[test]
fn a_mute_server_is_given_up_when_that_is_said() {
    let bench = Bench::new(500);
    let address = server(b"");
    let begun = std::time::Instant::now();
    let ran = bench.run(address, "--give-up 1").end();
    assert!(
        ran.error().ends_with("dropped, silent for 1s, the limit"),
        "{}",
        ran.error()
    );
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}

#[test]
fn datagrams_of_strangers_are_passed_over() {
    let bench = Bench::new(5_000);
    let ours = free_udp();
    let (feed, address) = bench.feed(&format!("--udp {ours} --rate 5000 --session ONE"));
    let gateway = bench.run(address, &format!("--udp {ours} --session ONE"));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..50 {
        stranger.send_to(HTTP, ours).unwrap();
        // A heartbeat of another session, from far ahead.
        stranger
            .send_to(b"TWO       \xff\0\0\0\0\0\0\x01\0\0", ours)
            .unwrap();
        thread::sleep(std::time::Duration::from_millis(5));
    }
    let ran = bench.complete(gateway.end());
    assert!(ran.count(" datagrams were none") > 0 && ran.count(" of other sessions") > 0);
    let shown = "dropped: 29 messages";
    assert!(!ran.stderr.contains(shown));
    assert!(
        ran.stderr.contains("48 54 54 50 2f 31 2e 31"),
        "{}",
        ran.stderr
    );
    drop(feed);
}

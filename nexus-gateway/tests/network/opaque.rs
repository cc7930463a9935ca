//! Messages that no ITCH 5.0 has: new types, other lengths, none at all. They are
//! archived like all others.

use crate::bench::{Bench, QUICK, free_udp};
use crate::peer::Peer;
use crate::process::{Process, until};
use nexus_gateway::archive::verify;
use nexus_itch::binary_file::{FrameReader, push_frame};
use nexus_itch::mold;
use nexus_itch::soup::Packet;
use std::net::TcpListener;

/// Good messages, and among them a new type, one that has become longer, and the
/// longest that UDP carries.
fn input(bench: &Bench) -> (Vec<u8>, String) {
    let good = bench.expected();
    let mut frames = FrameReader::new(&good[..]);
    for _ in 0..300 {
        frames.next().unwrap().unwrap();
    }
    let (before, after) = good.split_at(frames.offset() as usize);
    let mut bytes = before.to_vec();
    push_frame(&[b'z'; 30], &mut bytes);
    push_frame(&[b'I'; 52], &mut bytes);
    push_frame(&vec![b'y'; mold::MAX_MESSAGE_LEN], &mut bytes);
    bytes.extend_from_slice(after);
    let path = bench.path("input");
    std::fs::write(&path, &bytes).unwrap();
    (bytes, path.display().to_string())
}

fn received(to: &str, from: &str) {
    let bench = Bench::new(1_000);
    let (bytes, path) = input(&bench);
    let (_feed, address) = Process::feed(&format!("--input {path} {to}"));
    let ran = bench.run(address, from).end().good();
    assert!(bench.archived() == bytes, "{}", ran.stderr);
    verify(&bench.archive()).unwrap();
    for row in [
        "z     unknown, 30 bytes",
        "I     unknown, 52 bytes",
        "y     unknown, 65,485 bytes",
    ] {
        ran.shows(row);
    }
    assert!(!ran.stderr.contains("dropped"), "{}", ran.stderr);
}

#[test]
fn unknown_messages_pass_over_tcp() {
    received("", "");
}

#[test]
fn unknown_messages_pass_over_udp() {
    let ours = free_udp();
    let udp = format!("--udp {ours} {QUICK}");
    received(&format!("--rate 20000 --loss 5 {udp}"), &udp);
}

#[test]
fn a_message_that_the_carrier_cannot_carry_is_refused_before_anything_is_sent() {
    let bench = Bench::new(500);
    let mut bytes = bench.expected();
    push_frame(&vec![b'z'; 65_535], &mut bytes);
    let path = bench.path("input");
    std::fs::write(&path, &bytes).unwrap();
    let ran = Process::start(&format!(
        "publish --listen 127.0.0.1:0 --input {}",
        path.display()
    ));
    let ran = ran.end();
    let expected = "it has a message of 65535 bytes, SoupBinTCP carries 65534 at most";
    assert!(ran.error().ends_with(expected), "{}", ran.error());
}

/// A server that plays `messages` to one client that wants message `first`, and stays.
fn serve(listener: &TcpListener, first: u64, messages: &[&[u8]]) -> Peer {
    let mut peer = Peer::accept(listener);
    let login = peer.read(49);
    let wanted = String::from_utf8(login[29..].to_vec()).unwrap();
    assert_eq!(wanted.trim(), first.to_string());
    let session = "DAY".parse().unwrap();
    peer.send(Packet::Accepted {
        session,
        sequence: first,
    });
    for message in messages {
        peer.send(Packet::Sequenced(message));
    }
    peer
}

#[test]
fn an_empty_message_takes_a_number_and_survives_a_kill() {
    let bench = Bench::new(500);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let delete = [b"D".as_slice(), &[0; 18]].concat();
    let gateway = bench.run(address, "--sync 1");
    let first = serve(&listener, 1, &[&delete, b"", &delete]);
    until("three messages on disk", || {
        verify(&bench.archive()).is_ok_and(|found| found.records == 3)
    });
    gateway.signal("KILL");
    assert_eq!(gateway.end().code, None);
    drop(first);

    let gateway = bench.run(address, "");
    let mut second = serve(&listener, 4, &[b"", &delete]);
    second.send(Packet::EndOfSession);
    let ran = gateway.end().good();
    let mut expected = Vec::new();
    for message in [&delete[..], b"", &delete, b"", &delete] {
        push_frame(message, &mut expected);
    }
    assert!(bench.archived() == expected);
    assert_eq!(verify(&bench.archive()).unwrap().records, 5);
    ran.shows("        empty             2")
        .shows("Received: 2 messages");
}

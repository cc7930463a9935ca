//! A receiver against publishers and links of all kinds.

use super::client::PLAUSIBLE;
use super::*;
use crate::heartbeat::Rhythm;
use crate::sequencer::Placed;
use crate::session::SessionName;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

fn name(text: &str) -> SessionName {
    text.parse().unwrap()
}

fn message(sequence: u64) -> [u8; 19] {
    let mut message = [0; 19];
    message[0] = b'D';
    message[11..].copy_from_slice(&sequence.to_be_bytes());
    message
}

fn packet(session: &str, first: u64, count: u64) -> Vec<u8> {
    let mut builder = Builder::new(name(session));
    builder.begin(first);
    for sequence in first..first + count {
        assert!(builder.push(&message(sequence)));
    }
    builder.datagram().to_vec()
}

fn client(begin: Instant) -> Client {
    let patience = Patience::default();
    Client::new(None, 1, 1, patience, Rhythm::default(), begin)
}

/// Over the only line. Returns whether it was taken.
fn take(client: &mut Client, packet: &Packet<'_>, now: Instant) -> bool {
    client.take(packet, Origin::Line(0), now, |_, _| {})
}

#[test]
fn other_sessions_are_passed_over_and_do_not_count_as_heard() {
    let begin = Instant::now();
    let after = |s| begin + Duration::from_secs(s);
    let mut client = client(begin);
    take(
        &mut client,
        &Packet::decode(&packet("D1", 1, 2)).unwrap(),
        begin,
    );
    take(
        &mut client,
        &Packet::decode(&packet("D2", 3, 2)).unwrap(),
        after(14),
    );
    assert_eq!(
        (client.session(), client.counts().foreign),
        (Some(name("D1")), 1)
    );
    assert_eq!(std::iter::from_fn(|| client.pop()).count(), 2);
    assert_eq!(client.deadline(), after(15));
    assert_eq!(client.poll(after(14)), Ok(None));
    let fault = client.poll(after(15)).unwrap_err();
    assert_eq!(fault.to_string(), "silent for 15s, the limit");
    client.listen(after(15));
    assert_eq!(client.poll(after(16)), Ok(None));
}

#[test]
fn a_heartbeat_and_the_end_show_what_was_lost_last() {
    let begin = Instant::now();
    let later = begin + Duration::from_millis(1);
    let mut client = client(begin);
    let mut builder = Builder::new(name("D1"));
    for behind in [0, 0, 2] {
        let heartbeat = Packet::decode(builder.begin(3)).unwrap();
        take(&mut client, &heartbeat, begin);
        assert_eq!(client.behind(), behind);
    }
    let (request, tried) = client.poll(later).unwrap().unwrap();
    assert_eq!(tried, 0);
    assert_eq!((request.sequence, request.count), (1, 2));
    take(&mut client, &Packet::decode(builder.end(3)).unwrap(), later);
    assert!(!client.is_complete());
    take(
        &mut client,
        &Packet::decode(&packet("D1", 1, 2)).unwrap(),
        later,
    );
    assert_eq!(std::iter::from_fn(|| client.pop()).count(), 2);
    assert!(client.is_complete());
    assert_eq!(client.poll(later), Ok(None));
}

#[test]
fn a_session_is_taken_from_who_sends_messages_or_three_heartbeats_in_a_row() {
    let begin = Instant::now();
    let mut client = client(begin);
    let beat = |session, sequence| Builder::new(name(session)).begin(sequence).to_vec();
    for session in ["D1", "D1", "D2", "D1", "D2", "D2"] {
        take(
            &mut client,
            &Packet::decode(&beat(session, 90)).unwrap(),
            begin,
        );
        assert_eq!((client.session(), client.behind()), (None, 0));
    }
    take(
        &mut client,
        &Packet::decode(&packet("D1", 1, 2)).unwrap(),
        begin,
    );
    assert_eq!(client.session(), Some(name("D1")));
    assert_eq!(client.counts().packets, 1);
}

#[test]
fn what_announces_too_much_is_passed_over() {
    let begin = Instant::now();
    let mut client = client(begin);
    take(
        &mut client,
        &Packet::decode(&packet("D1", 1, 2)).unwrap(),
        begin,
    );
    let mut builder = Builder::new(name("D1"));
    for sequence in [1 + PLAUSIBLE + 1, u64::MAX] {
        let far = builder.begin(sequence).to_vec();
        assert!(!take(&mut client, &Packet::decode(&far).unwrap(), begin));
        let end = builder.end(sequence).to_vec();
        assert!(!take(&mut client, &Packet::decode(&end).unwrap(), begin));
    }
    assert_eq!((client.counts().implausible, client.behind()), (4, 2));
    assert_eq!(client.poll(begin + Duration::from_secs(1)), Ok(None));
    let farthest = Packet::decode(builder.begin(1 + PLAUSIBLE)).unwrap();
    assert!(take(&mut client, &farthest, begin));
    assert_eq!(client.behind(), PLAUSIBLE);
}

#[test]
fn of_two_lines_the_first_copy_counts_and_only_what_both_lost_is_asked_for() {
    let begin = Instant::now();
    let after = |ms| begin + Duration::from_millis(ms);
    let (patience, rhythm) = (Patience::default(), Rhythm::default());
    let mut client = Client::new(None, 1, 2, patience, rhythm, begin);
    let mut seen = Vec::new();
    let mut send = |client: &mut Client, line, first, count, at| {
        let datagram = packet("D1", first, count);
        let packet = Packet::decode(&datagram).unwrap();
        client.take(&packet, Origin::Line(line), at, |sequence, placed| {
            seen.push((line, sequence, placed));
        });
    };
    // Line 0 loses 2 and 4, line 1 loses 3 and 4.
    for (line, messages) in [(0, [1, 3, 5]), (1, [1, 2, 5])] {
        for sequence in messages {
            send(&mut client, line, sequence, 1, begin);
        }
    }
    let came = std::iter::from_fn(|| client.pop()).map(|(sequence, _)| sequence);
    assert_eq!(came.collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(client.poll(after(1)), Ok(None), "4 may still be late");
    let (request, _) = client.poll(after(2)).unwrap().expect("both have passed 4");
    assert_eq!((request.sequence, request.count), (4, 1));
    assert_eq!(client.counts().requested, 1);
    let datagram = packet("D1", 4, 1);
    client.take(
        &Packet::decode(&datagram).unwrap(),
        Origin::Answer,
        after(3),
        |_, _| {},
    );
    assert_eq!(client.counts().held_up, Duration::from_millis(3));
    use Placed::{Duplicate, Held, Next};
    let expected = [
        (0, 1, Next),
        (0, 3, Held),
        (0, 5, Held),
        (1, 1, Duplicate),
        (1, 2, Next),
        (1, 5, Duplicate),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_end_in_the_midst_of_the_session_is_none() {
    let begin = Instant::now();
    let mut client = client(begin);
    take(
        &mut client,
        &Packet::decode(&packet("D1", 1, 5)).unwrap(),
        begin,
    );
    let mut builder = Builder::new(name("D1"));
    take(&mut client, &Packet::decode(builder.end(3)).unwrap(), begin);
    assert_eq!(std::iter::from_fn(|| client.pop()).count(), 5);
    assert!(!client.is_complete());
    take(&mut client, &Packet::decode(builder.end(6)).unwrap(), begin);
    assert!(client.is_complete());
}

/// A link that loses, doubles, delays and cuts, and a publisher that
/// answers requests over it.
struct Link {
    random: fastrand::Rng,
    in_flight: VecDeque<Vec<u8>>,
    total: u64,
}

impl Link {
    fn send(&mut self, datagram: Vec<u8>) {
        match self.random.u64(..10) {
            0 => {}
            1 => self.in_flight.extend([datagram.clone(), datagram]),
            2 => self.in_flight.push_front(datagram),
            3 => {
                let cut = self.random.u64(..datagram.len() as u64) as usize;
                self.in_flight.push_back(datagram[..cut].to_vec());
            }
            _ => self.in_flight.push_back(datagram),
        }
    }

    fn answer(&mut self, request: Request) {
        assert!(request.sequence + u64::from(request.count) <= self.total + 1);
        let count = self.random.u64(..u64::from(request.count)) + 1;
        self.send(packet("D1", request.sequence, count));
    }

    fn arrive(&mut self, client: &mut Client, now: Instant) {
        let n = self.random.u64(..4);
        for _ in 0..n {
            let Some(datagram) = self.in_flight.pop_front() else {
                return;
            };
            if let Ok(packet) = Packet::decode(&datagram) {
                take(client, &packet, now);
            }
        }
    }
}

proptest! {
    #![proptest_config(nexus_testkit::property::config(64))]

    #[test]
    fn whatever_the_link_does_each_message_comes_out_once_and_in_order(
        seed in any::<u64>(),
        total in 1..400_u64,
    ) {
        let mut now = Instant::now();
        let mut client = client(now);
        let mut link = Link { random: fastrand::Rng::with_seed(seed), in_flight: VecDeque::new(), total };
        let mut sent = 0;
        let mut got = 0;
        let mut builder = Builder::new(name("D1"));
        for _ in 0..100_000 {
            if sent < total {
                let count = (link.random.u64(..20) + 1).min(total - sent);
                link.send(packet("D1", sent + 1, count));
                sent += count;
            } else {
                let end = builder.end(total + 1).to_vec();
                link.send(end);
            }
            link.arrive(&mut client, now);
            while let Some((sequence, raw)) = client.pop() {
                got += 1;
                prop_assert_eq!(sequence, got);
                prop_assert_eq!(raw.bytes(), message(sequence));
            }
            if client.is_complete() {
                break;
            }
            while let Some((request, _)) = client.poll(now).unwrap() {
                link.answer(request);
            }
            while client.line_change(now).is_some() {}
            prop_assert!(client.deadline() > now);
            now += Duration::from_micros(link.random.u64(..3_000));
        }
        prop_assert!(client.is_complete(), "{} of {}", got, total);
        prop_assert_eq!(got, total);
    }
}

//! A receiver of one session: puts packets in order, and says what to ask for
//! again.

use super::packet::{Body, Packet, Request};
use super::requests::{Patience, Requests, Unanswered};
use crate::heartbeat::{Liveness, Rhythm, Silent};
use crate::sequencer::{Placed, Raw, Sequencer};
use crate::session::SessionName;
use std::fmt;
use std::time::Instant;

/// Messages held behind a gap: 5 MB of ITCH 5.0. At a million messages a second, so
/// much comes in the time of three answers that each had to be asked for twice.
const WINDOW: usize = 64 * 1024;

/// What a receiver saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets of the session, heartbeats included.
    pub packets: u64,
    /// Packets of other sessions, passed over.
    pub foreign: u64,
    /// Messages that came early and were held.
    pub held: u64,
    /// Messages that were there before.
    pub duplicates: u64,
    /// Of these, copies with other bytes than the first.
    pub different: u64,
    /// Messages too far ahead to be held; they come again, or are asked for.
    pub beyond: u64,
    /// Requests, each counted once.
    pub requests: u64,
    /// Requests sent again for want of an answer.
    pub repeated: u64,
}

/// Why a receiver gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// A message was lost, and nobody sends it again.
    Unanswered(Unanswered),
    /// Nothing came for too long.
    Silent(Silent),
}

impl fmt::Display for ClientFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientFault::Unanswered(unanswered) => unanswered.fmt(f),
            ClientFault::Silent(silent) => silent.fmt(f),
        }
    }
}

impl std::error::Error for ClientFault {}

/// Receives one session.
///
/// ```
/// use nexus_itch::mold::{Builder, Client, Packet, Patience};
/// use nexus_itch::heartbeat::Rhythm;
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let (patience, rhythm) = (Patience::default(), Rhythm::default());
/// let mut client = Client::new(None, 1, patience, rhythm, now);
/// let mut builder = Builder::new("DAY1".parse().unwrap());
/// let mut message = [0; 19];
/// message[0] = b'D';
///
/// // The packet with message 1 was lost.
/// builder.begin(2);
/// builder.push(&message);
/// client.take(&Packet::decode(builder.datagram())?, now);
/// assert!(client.pop().is_none());
/// let later = now + Duration::from_millis(1);
/// let request = client.poll(later).unwrap().expect("something is missing");
/// assert_eq!((request.sequence, request.count), (1, 1));
///
/// builder.begin(1);
/// builder.push(&message);
/// client.take(&Packet::decode(builder.datagram())?, later);
/// let sequences = std::iter::from_fn(|| client.pop()).map(|(sequence, _)| sequence);
/// assert_eq!(sequences.collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), nexus_itch::mold::MoldError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    session: Option<SessionName>,
    sequencer: Sequencer<()>,
    requests: Requests,
    /// The number behind the last message, once that is known.
    end: Option<u64>,
    liveness: Liveness,
    counts: Counts,
}

impl Client {
    /// Receives `session`, or the first that comes along, from message `next`
    /// on.
    pub fn new(
        session: Option<SessionName>,
        next: u64,
        patience: Patience,
        rhythm: Rhythm,
        now: Instant,
    ) -> Self {
        Self {
            session,
            sequencer: Sequencer::new(next, WINDOW),
            requests: Requests::new(next, patience, now),
            end: None,
            liveness: Liveness::new(rhythm, now),
            counts: Counts::default(),
        }
    }

    /// The number of the message wanted next.
    pub fn next(&self) -> u64 {
        self.sequencer.next()
    }

    /// The session: the one asked for, or the first that came along.
    pub fn session(&self) -> Option<SessionName> {
        self.session
    }

    /// What was seen so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the session is over, and each of its messages was taken out.
    pub fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.sequencer.next() >= end)
    }

    /// Takes a packet, whether it comes in its turn or as an answer.
    pub fn take(&mut self, packet: &Packet<'_>, now: Instant) {
        if *self.session.get_or_insert(packet.session) != packet.session {
            self.counts.foreign += 1;
            return;
        }
        self.liveness.heard(now);
        self.counts.packets += 1;
        let edge = match packet.body {
            Body::Heartbeat => packet.sequence,
            Body::EndOfSession => {
                // One that would end before what there is, is none.
                if packet.sequence >= self.requests.edge() {
                    self.end = Some(packet.sequence);
                }
                packet.sequence
            }
            Body::Messages(messages) => {
                let numbered = (packet.sequence..).zip(messages.iter());
                for (sequence, message) in numbered {
                    self.place(sequence, message);
                }
                packet.sequence + u64::from(messages.count())
            }
        };
        self.requests.announce(edge, now);
    }

    fn place(&mut self, sequence: u64, message: &[u8]) {
        match self.sequencer.insert(sequence, (), message) {
            Placed::Next => {}
            Placed::Held => self.counts.held += 1,
            Placed::Duplicate => self.counts.duplicates += 1,
            Placed::Differs => {
                self.counts.duplicates += 1;
                self.counts.different += 1;
            }
            Placed::Beyond => self.counts.beyond += 1,
        }
    }

    /// Takes out the next message, if it is there.
    pub fn pop(&mut self) -> Option<(u64, Raw)> {
        let (sequence, (), raw) = self.sequencer.pop()?;
        Some((sequence, raw))
    }

    /// The next request to send now, or `None`. To be called until it is.
    ///
    /// # Errors
    ///
    /// If nobody answers, or nothing came for too long.
    pub fn poll(&mut self, now: Instant) -> Result<Option<Request>, ClientFault> {
        let asked = self.requests.next(&self.sequencer, now);
        let asked = asked.map_err(ClientFault::Unanswered)?;
        let (Some((sequence, count, first)), Some(session)) = (asked, self.session) else {
            self.liveness.check(now).map_err(ClientFault::Silent)?;
            return Ok(None);
        };
        match first {
            true => self.counts.requests += 1,
            false => self.counts.repeated += 1,
        }
        Ok(Some(Request {
            session,
            sequence,
            count,
        }))
    }

    /// Counts the time of silence from now on: nothing can have come while
    /// nobody listened.
    pub fn listen(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// When to call [`poll`](Self::poll) again, if no packet comes before.
    pub fn deadline(&self) -> Instant {
        let silent = self.liveness.silent_at();
        self.requests
            .deadline(&self.sequencer)
            .map_or(silent, |due| due.min(silent))
    }

    /// Messages known to be missing, or not yet taken out.
    pub fn behind(&self) -> u64 {
        self.requests.edge().saturating_sub(self.sequencer.next())
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::Builder;
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::time::Duration;

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
        Client::new(None, 1, patience, Rhythm::default(), begin)
    }

    #[test]
    fn other_sessions_are_passed_over_and_do_not_count_as_heard() {
        let begin = Instant::now();
        let after = |s| begin + Duration::from_secs(s);
        let mut client = client(begin);
        client.take(&Packet::decode(&packet("D1", 1, 2)).unwrap(), begin);
        client.take(&Packet::decode(&packet("D2", 3, 2)).unwrap(), after(14));
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
        client.take(&Packet::decode(builder.begin(3)).unwrap(), begin);
        assert_eq!(client.behind(), 2);
        let request = client.poll(later).unwrap().unwrap();
        assert_eq!((request.sequence, request.count), (1, 2));
        client.take(&Packet::decode(builder.end(3)).unwrap(), later);
        assert!(!client.is_complete());
        client.take(&Packet::decode(&packet("D1", 1, 2)).unwrap(), later);
        assert_eq!(std::iter::from_fn(|| client.pop()).count(), 2);
        assert!(client.is_complete());
        assert_eq!(client.poll(later), Ok(None));
    }

    #[test]
    fn an_end_in_the_midst_of_the_session_is_none() {
        let begin = Instant::now();
        let mut client = client(begin);
        client.take(&Packet::decode(&packet("D1", 1, 5)).unwrap(), begin);
        let mut builder = Builder::new(name("D1"));
        client.take(&Packet::decode(builder.end(3)).unwrap(), begin);
        assert_eq!(std::iter::from_fn(|| client.pop()).count(), 5);
        assert!(!client.is_complete());
        client.take(&Packet::decode(builder.end(6)).unwrap(), begin);
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
                    client.take(&packet, now);
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
                while let Some(request) = client.poll(now).unwrap() {
                    link.answer(request);
                }
                prop_assert!(client.deadline() > now);
                now += Duration::from_micros(link.random.u64(..3_000));
            }
            prop_assert!(client.is_complete(), "{} of {}", got, total);
            prop_assert_eq!(got, total);
        }
    }
}

//! A receiver of one session: puts packets in order, and says what to ask for
//! again.

use super::lines::{LineChange, Lines};
use super::packet::{Body, Packet, Request};
use super::requests::{Patience, Requests, Unanswered};
use crate::heartbeat::{Liveness, Rhythm, Silent};
use crate::sequencer::{Placed, Raw, Sequencer};
use crate::session::SessionName;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Messages held behind a gap: 5 MB of ITCH 5.0. At a million messages a second, so
/// much comes in the time of three answers that each had to be asked for twice.
const WINDOW: usize = 64 * 1024;

/// A packet that announces messages so far ahead is none of this feed.
pub(super) const PLAUSIBLE: u64 = 1 << 32;

/// So many heartbeats in a row name a session that was not asked for.
const HEARTBEATS: u32 = 3;

/// A line that was silent for so many heartbeats is down.
const SILENT_HEARTBEATS: u32 = 3;

/// Which way a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Over this line, counted from 0.
    Line(usize),
    /// In answer to a request.
    Answer,
}

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
    /// Packets that announce messages more than 2^32 ahead, passed over.
    pub implausible: u64,
    /// Messages too far ahead to be held; they come again, or are asked for.
    pub beyond: u64,
    /// Requests, each counted once.
    pub requests: u64,
    /// Requests sent again for want of an answer.
    pub repeated: u64,
    /// Messages that were asked for.
    pub requested: u64,
    /// How long messages waited for one before them, all gaps together.
    pub held_up: Duration,
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
/// use nexus_itch::mold::{Builder, Client, Origin, Packet, Patience};
/// use nexus_itch::heartbeat::Rhythm;
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let (patience, rhythm) = (Patience::default(), Rhythm::default());
/// let mut client = Client::new(None, 1, 1, patience, rhythm, now);
/// let mut builder = Builder::new("DAY1".parse().unwrap());
/// let mut message = [0; 19];
/// message[0] = b'D';
///
/// // The packet with message 1 was lost.
/// builder.begin(2);
/// builder.push(&message);
/// client.take(&Packet::decode(builder.datagram())?, Origin::Line(0), now, |_, _| {});
/// assert!(client.pop().is_none());
/// let later = now + Duration::from_millis(1);
/// let (request, _) = client.poll(later).unwrap().expect("something is missing");
/// assert_eq!((request.sequence, request.count), (1, 1));
///
/// builder.begin(1);
/// builder.push(&message);
/// client.take(&Packet::decode(builder.datagram())?, Origin::Answer, later, |_, _| {});
/// let sequences = std::iter::from_fn(|| client.pop()).map(|(sequence, _)| sequence);
/// assert_eq!(sequences.collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), nexus_itch::mold::MoldError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    session: Option<SessionName>,
    /// The session of the last heartbeats in a row, and how many there were.
    candidate: Option<(SessionName, u32)>,
    lines: Lines,
    /// Since when a message is missing that others wait for.
    held_since: Option<Instant>,
    sequencer: Sequencer<()>,
    requests: Requests,
    /// The number behind the last message, once that is known.
    end: Option<u64>,
    liveness: Liveness,
    counts: Counts,
}

impl Client {
    /// Receives `session` over so many redundant lines, from message `next` on.
    ///
    /// Without a session, it is the first that sends a message, or three heartbeats in
    /// a row. Where `next` is 0, the first message of the first packet is wanted next,
    /// whatever its number.
    pub fn new(
        session: Option<SessionName>,
        next: u64,
        lines: usize,
        patience: Patience,
        rhythm: Rhythm,
        now: Instant,
    ) -> Self {
        let silence = rhythm.heartbeat * SILENT_HEARTBEATS;
        Self {
            session,
            candidate: None,
            lines: Lines::new(lines, next, silence, now),
            held_since: None,
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

    /// The messages that are known to be missing, as far as packets can be held; so many
    /// ranges at most.
    pub fn missing(&self, most: usize) -> Vec<Range<u64>> {
        let (mut from, edge) = (self.next(), self.requests.edge());
        let mut missing = Vec::new();
        while missing.len() < most {
            let first = self.sequencer.first_missing(from);
            if first >= edge {
                break;
            }
            from = self
                .sequencer
                .first_present(first, edge.min(self.sequencer.limit()));
            // What is too far ahead to be held is missing to the end.
            if from >= self.sequencer.limit() {
                from = edge;
            }
            missing.push(first..from);
        }
        missing
    }

    /// Gives up the messages that are missing in front of those that are held, or all that
    /// are known to be missing. Returns their numbers.
    pub fn skip(&mut self, now: Instant) -> Range<u64> {
        let skipped = self.sequencer.give_up(self.requests.edge());
        self.count_gap(now);
        skipped
    }

    /// What was seen so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the session is over, and each of its messages was taken out.
    pub fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.sequencer.next() >= end)
    }

    /// Takes a packet, and calls `seen` with what became of each of its messages.
    /// Returns whether the packet belongs to the session and is plausible; any other
    /// is counted and changes nothing.
    pub fn take(
        &mut self,
        packet: &Packet<'_>,
        origin: Origin,
        now: Instant,
        mut seen: impl FnMut(u64, Placed),
    ) -> bool {
        if !self.is_ours(packet) {
            return false;
        }
        let edge = packet.numbers().end;
        let joined = self.sequencer.next() > 0;
        if joined && edge > self.sequencer.next().saturating_add(PLAUSIBLE) {
            self.counts.implausible += 1;
            return false;
        }
        if self.sequencer.next() == 0 {
            self.join(packet.sequence, now);
        }
        self.liveness.heard(now);
        self.counts.packets += 1;
        match packet.body {
            Body::Heartbeat => {}
            // One that would end before what there is, is none.
            Body::EndOfSession if edge < self.requests.edge() => {}
            Body::EndOfSession => self.end = Some(edge),
            Body::Messages(messages) => {
                let numbered = (packet.sequence..).zip(messages.iter());
                for (sequence, message) in numbered {
                    seen(sequence, self.place(sequence, message));
                }
            }
        }
        if let Origin::Line(line) = origin {
            self.lines.heard(line, edge, now);
        }
        self.requests.announce(edge, self.lines.passed(), now);
        self.count_gap(now);
        true
    }

    /// Waits for message `next`, where it was not said which.
    fn join(&mut self, next: u64, now: Instant) {
        self.sequencer = Sequencer::new(next, WINDOW);
        self.requests.join(next, now);
        self.lines.join(next);
    }

    /// Whether a packet belongs to the session; one that names none takes it.
    fn is_ours(&mut self, packet: &Packet<'_>) -> bool {
        if let Some(session) = self.session {
            self.counts.foreign += u64::from(session != packet.session);
            return session == packet.session;
        }
        let so_far = match self.candidate {
            Some((candidate, count)) if candidate == packet.session => count,
            _ => 0,
        };
        self.candidate = Some((packet.session, so_far + 1));
        let speaks = matches!(packet.body, Body::Messages(_));
        if speaks || so_far + 1 >= HEARTBEATS {
            self.session = Some(packet.session);
        }
        // What a stranger announces before is not believed.
        self.session.is_some()
    }

    /// Whether messages wait for one that is missing.
    fn count_gap(&mut self, now: Instant) {
        let missing = self.sequencer.first_missing(self.sequencer.next());
        let waiting = missing < self.requests.edge();
        match (self.held_since, waiting) {
            (None, true) => self.held_since = Some(now),
            (Some(since), false) => {
                self.counts.held_up += now.saturating_duration_since(since);
                self.held_since = None;
            }
            _ => {}
        }
    }

    fn place(&mut self, sequence: u64, message: &[u8]) -> Placed {
        let placed = self.sequencer.insert(sequence, (), message);
        match placed {
            Placed::Next => {}
            Placed::Held => self.counts.held += 1,
            Placed::Duplicate => self.counts.duplicates += 1,
            Placed::Differs => {
                self.counts.duplicates += 1;
                self.counts.different += 1;
            }
            Placed::Beyond => self.counts.beyond += 1,
        }
        placed
    }

    /// The next line that fell silent or speaks again. To be called until it is none.
    pub fn line_change(&mut self, now: Instant) -> Option<LineChange> {
        let change = self.lines.change(now);
        if change.is_some() {
            // Without a silent line, the others may have passed more.
            let edge = self.requests.edge();
            self.requests.announce(edge, self.lines.passed(), now);
        }
        change
    }

    /// Takes out the next message, if it is there.
    pub fn pop(&mut self) -> Option<(u64, Raw)> {
        let (sequence, (), raw) = self.sequencer.pop()?;
        Some((sequence, raw))
    }

    /// The next request to send now and how often it was sent before, or `None`. To be
    /// called until it is.
    ///
    /// # Errors
    ///
    /// If nobody answers, or nothing came for too long.
    pub fn poll(&mut self, now: Instant) -> Result<Option<(Request, u32)>, ClientFault> {
        // A request names the session.
        let ask = match self.session {
            Some(session) => {
                let asked = self.requests.next(&self.sequencer, now);
                let asked = asked.map_err(ClientFault::Unanswered)?;
                asked.map(|ask| (session, ask))
            }
            None => None,
        };
        let Some((session, ask)) = ask else {
            self.liveness.check(now).map_err(ClientFault::Silent)?;
            return Ok(None);
        };
        match ask.tried {
            0 => {
                self.counts.requests += 1;
                self.counts.requested += u64::from(ask.count);
            }
            _ => self.counts.repeated += 1,
        }
        let request = Request {
            session,
            sequence: ask.first,
            count: ask.count,
        };
        Ok(Some((request, ask.tried)))
    }

    /// Counts the time of silence from now on: nothing can have come while
    /// nobody listened.
    pub fn listen(&mut self, now: Instant) {
        self.liveness.heard(now);
        self.lines.listen(now);
    }

    /// When to call [`poll`](Self::poll) again, if no packet comes before.
    pub fn deadline(&self) -> Instant {
        let silent = self.liveness.silent_at();
        let asking = match self.session {
            Some(_) => self.requests.deadline(&self.sequencer),
            None => None,
        };
        let due = asking.into_iter().chain(self.lines.deadline());
        due.fold(silent, Instant::min)
    }

    /// Messages known to be missing, or not yet taken out.
    pub fn behind(&self) -> u64 {
        self.requests.edge().saturating_sub(self.sequencer.next())
    }
}

//! A feed out of captured packets: MoldUDP64 over UDP, on up to two redundant lines, put in
//! order.
//!
//! Nobody can be asked for what a capture lacks. A message that no line has, up to the end of
//! the capture or of the sequencer's window, is left out and counted.

use super::Counting;
use crate::config::MOST_LINES;
use etherparse::{EtherType, NetSlice, SlicedPacket, TransportSlice};
use nexus_itch::binary_file::push_frame;
use nexus_itch::mold::{Body, Packet};
use nexus_itch::sequencer::{Placed, Sequencer};
use nexus_itch::session::SessionName;
use pcap_parser::Linktype;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// Messages that one line may be ahead of the other.
const WINDOW: usize = 65_536;

/// No packet is believed that says a message so far ahead is there.
const MOST_AHEAD: u64 = 1 << 32;

/// Ranges of lost messages that are named; the rest is counted.
const MOST_NAMED: usize = 16;

/// Destinations of other feeds that are named.
const MOST_OTHERS: usize = 8;

/// Why no feed is in a capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// None of its packets is one of MoldUDP64 with a message.
    #[error("no packet of MoldUDP64 with a message{}; {counts}", to(.lines))]
    Nothing {
        /// The lines that were asked for.
        lines: Vec<SocketAddr>,
        /// What was there.
        counts: CaptureCounts,
    },
    /// There are feeds to more destinations than a gateway takes lines.
    #[error("it has feeds to {}; name one, or two that are redundant, by --udp", listed(.0))]
    Many(Vec<SocketAddr>),
}

fn to(lines: &[SocketAddr]) -> String {
    match lines {
        [] => String::new(),
        lines => format!(" to {}", listed(lines)),
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    let each: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    each.join(", ")
}

/// What was in a capture, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounts {
    /// All.
    pub packets: u64,
    /// Fragments of datagrams, which are not put together.
    pub fragments: u64,
    /// Cut when they were captured.
    pub cut: u64,
    /// To other destinations, or of other protocols.
    pub others: u64,
    /// To a line, and none of MoldUDP64.
    pub malformed: u64,
    /// To a line, of another session.
    pub foreign: u64,
}

impl std::fmt::Display for CaptureCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            packets,
            fragments,
            cut,
            others,
            malformed,
            foreign,
        } = self;
        write!(
            f,
            "{packets} packets: {fragments} fragments, {cut} cut, {malformed} malformed, \
             {foreign} of other sessions, {others} others"
        )
    }
}

/// One line of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLine {
    /// Where its packets went.
    pub to: SocketAddr,
    /// Packets.
    pub packets: u64,
    /// Messages that it brought first.
    pub first: u64,
    /// Messages that the other line, or it itself, had brought before.
    pub duplicates: u64,
    /// Of those, with other bytes.
    pub different: u64,
}

/// What a capture held.
#[derive(Debug)]
pub struct Capture {
    /// Whether the lines were asked for.
    chosen: bool,
    lines: Vec<CaptureLine>,
    /// Other destinations to which packets of the session go.
    others: Vec<SocketAddr>,
    session: Option<SessionName>,
    counts: CaptureCounts,
    window: Option<Sequencer<usize>>,
    first: u64,
    lost: Vec<Range<u64>>,
    lost_count: u64,
    /// The message that comes next, as far as packets without messages say.
    announced: u64,
    frame: Vec<u8>,
}

impl Capture {
    pub(super) fn new(lines: &[SocketAddr]) -> Self {
        Self {
            chosen: !lines.is_empty(),
            lines: lines.iter().copied().map(line).collect(),
            others: Vec::new(),
            session: None,
            counts: CaptureCounts::default(),
            window: None,
            first: 0,
            lost: Vec::new(),
            lost_count: 0,
            announced: 0,
            frame: Vec::new(),
        }
    }

    /// The session.
    pub fn session(&self) -> Option<SessionName> {
        self.session
    }

    /// Its lines.
    pub fn lines(&self) -> &[CaptureLine] {
        &self.lines
    }

    /// What was in it.
    pub fn counts(&self) -> &CaptureCounts {
        &self.counts
    }

    /// Its messages by number: from the first to the last, with those lost between.
    pub fn numbers(&self) -> Range<u64> {
        self.first..self.window.as_ref().map_or(self.first, Sequencer::next)
    }

    /// How many messages it lacks, and where the first of them are.
    pub fn lost(&self) -> (u64, &[Range<u64>]) {
        (self.lost_count, &self.lost)
    }

    /// Takes a packet.
    pub(super) fn packet(&mut self, link: Linktype, data: &[u8], cut: bool, out: &mut Counting) {
        self.counts.packets += 1;
        if cut {
            self.counts.cut += 1;
            return;
        }
        match datagram(link, data) {
            Seen::Datagram(to, payload) => self.datagram(to, payload, out),
            Seen::Fragment => self.counts.fragments += 1,
            Seen::Other => self.counts.others += 1,
        }
    }

    fn datagram(&mut self, to: SocketAddr, payload: &[u8], out: &mut Counting) {
        let known = self.lines.iter().position(|line| line.to == to);
        if known.is_none() && self.chosen {
            self.counts.others += 1;
            return;
        }
        let Ok(packet) = Packet::decode(payload) else {
            match known {
                Some(_) => self.counts.malformed += 1,
                None => self.counts.others += 1,
            }
            return;
        };
        // A heartbeat may be anything: what brings a message begins the feed.
        let Body::Messages(messages) = packet.body else {
            match known {
                Some(line) => self.announcement(line, &packet),
                None => self.counts.others += 1,
            }
            return;
        };
        let session = *self.session.get_or_insert(packet.session);
        if session.trimmed() != packet.session.trimmed() {
            self.counts.foreign += 1;
            return;
        }
        let Some(line) = known.or_else(|| self.found(to)) else {
            self.counts.others += 1;
            return;
        };
        if self.is_far(packet.sequence) {
            self.counts.malformed += 1;
            return;
        }
        self.lines[line].packets += 1;
        if self.window.is_none() {
            self.first = packet.sequence;
            self.window = Some(Sequencer::new(self.first, WINDOW));
        }
        for (sequence, message) in (packet.sequence..).zip(messages.iter()) {
            self.message(line, sequence, message, out);
        }
    }

    /// A packet without a message says which one comes next.
    fn announcement(&mut self, line: usize, packet: &Packet<'_>) {
        let ours = self
            .session
            .map(|ours| ours.trimmed() == packet.session.trimmed());
        match ours {
            // Before the first message nobody knows of which session it is.
            None => self.lines[line].packets += 1,
            Some(false) => self.counts.foreign += 1,
            Some(true) if self.is_far(packet.sequence) => self.counts.malformed += 1,
            Some(true) => {
                self.lines[line].packets += 1;
                self.announced = self.announced.max(packet.sequence);
            }
        }
    }

    /// Whether a number is too far ahead to be true.
    fn is_far(&self, sequence: u64) -> bool {
        let next = self.window.as_ref().map(Sequencer::next);
        next.is_some_and(|next| sequence > next.saturating_add(MOST_AHEAD))
    }

    /// A destination that nobody named: a line, as long as there are not too many.
    fn found(&mut self, to: SocketAddr) -> Option<usize> {
        if self.lines.len() < MOST_LINES {
            self.lines.push(line(to));
            return Some(self.lines.len() - 1);
        }
        if !self.others.contains(&to) && self.others.len() < MOST_OTHERS {
            self.others.push(to);
        }
        None
    }

    fn message(&mut self, line: usize, sequence: u64, message: &[u8], out: &mut Counting) {
        loop {
            let window = self.window.as_mut().expect("made before the first message");
            let stats = &mut self.lines[line];
            match window.insert(sequence, line, message) {
                Placed::Next => {
                    stats.first += 1;
                    return self.write(out);
                }
                Placed::Held => return stats.first += 1,
                Placed::Duplicate => return stats.duplicates += 1,
                Placed::Differs => {
                    stats.duplicates += 1;
                    return stats.different += 1;
                }
                // What is missing in front has had its time.
                Placed::Beyond => self.give_up(sequence, out),
            }
        }
    }

    /// Gives up what is missing in front, up to message `to`.
    fn give_up(&mut self, to: u64, out: &mut Counting) {
        let window = self.window.as_mut().expect("made before the first message");
        let lost = window.give_up(to);
        if !lost.is_empty() {
            self.lost_count += lost.end - lost.start;
            if self.lost.len() < MOST_NAMED {
                self.lost.push(lost);
            }
        }
        self.write(out);
    }

    /// Writes what is in order. A device that is full is noticed by its owner.
    fn write(&mut self, out: &mut Counting) {
        let window = self.window.as_mut().expect("made before the first message");
        while let Some((_, _, raw)) = window.pop() {
            self.frame.clear();
            push_frame(raw.bytes(), &mut self.frame);
            let _ = out.write_all(&self.frame);
        }
    }

    /// Writes what waits for messages that do not come any more.
    pub(super) fn finish(mut self, out: &mut Counting) -> Result<Self, CaptureError> {
        while let Some(window) = &self.window
            && window.held() > 0
        {
            self.give_up(u64::MAX, out);
        }
        if self.window.is_some() {
            self.give_up(self.announced, out);
        }
        match (self.window.is_some(), self.others.is_empty()) {
            (false, _) => Err(CaptureError::Nothing {
                lines: self.lines.iter().map(|line| line.to).collect(),
                counts: self.counts,
            }),
            (true, false) => {
                let lines = self.lines.iter().map(|line| line.to);
                Err(CaptureError::Many(lines.chain(self.others).collect()))
            }
            (true, true) => Ok(self),
        }
    }
}

fn line(to: SocketAddr) -> CaptureLine {
    CaptureLine {
        to,
        packets: 0,
        first: 0,
        duplicates: 0,
        different: 0,
    }
}

/// What a captured packet is.
enum Seen<'a> {
    /// A datagram of UDP, where to, and what is in it.
    Datagram(SocketAddr, &'a [u8]),
    Fragment,
    Other,
}

/// Link types that are read, as `tcpdump.org/linktypes.html` lists them.
const LOOPBACK: [Linktype; 2] = [Linktype(0), Linktype(108)];
const RAW: [Linktype; 5] = [
    Linktype(101),
    Linktype(12),
    Linktype(14),
    Linktype(228),
    Linktype(229),
];

/// The bytes of the two headers that Linux puts in place of one of Ethernet, with the
/// Ethernet type last in the older and first in the other.
const COOKED_HEADER: usize = 16;
const COOKED_2_HEADER: usize = 20;

/// The bytes of a header of [`LOOPBACK`]: the family of the address.
const LOOPBACK_HEADER: usize = 4;

/// A packet behind a header of `length` bytes, which has the Ethernet type at `kind`.
fn cooked(data: &[u8], length: usize, kind: usize) -> Option<SlicedPacket<'_>> {
    let payload = data.get(length..)?;
    let kind = u16::from_be_bytes([data[kind], data[kind + 1]]);
    SlicedPacket::from_ether_type(EtherType(kind), payload).ok()
}

fn datagram(link: Linktype, data: &[u8]) -> Seen<'_> {
    let sliced = match link {
        Linktype::ETHERNET => SlicedPacket::from_ethernet(data).ok(),
        Linktype::LINUX_SLL => cooked(data, COOKED_HEADER, COOKED_HEADER - 2),
        Linktype::LINUX_SLL2 => cooked(data, COOKED_2_HEADER, 0),
        link if RAW.contains(&link) => SlicedPacket::from_ip(data).ok(),
        link if LOOPBACK.contains(&link) => {
            let ip = data.get(LOOPBACK_HEADER..);
            ip.and_then(|ip| SlicedPacket::from_ip(ip).ok())
        }
        _ => None,
    };
    let Some(sliced) = sliced else {
        return Seen::Other;
    };
    if sliced.is_ip_payload_fragmented() {
        return Seen::Fragment;
    }
    let to: IpAddr = match &sliced.net {
        Some(NetSlice::Ipv4(ip)) => ip.header().destination_addr().into(),
        Some(NetSlice::Ipv6(ip)) => ip.header().destination_addr().into(),
        _ => return Seen::Other,
    };
    match sliced.transport {
        Some(TransportSlice::Udp(udp)) => {
            let to = SocketAddr::new(to, udp.destination_port());
            Seen::Datagram(to, udp.payload())
        }
        _ => Seen::Other,
    }
}

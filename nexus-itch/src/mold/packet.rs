//! Packets and requests: what they hold, and their bytes.

use crate::binary_file::FRAME_HEADER_LEN;
use crate::itch;
use crate::preview::Preview;
use crate::session::{NAME_LEN, SessionName};
use std::fmt;
use std::ops::Range;

/// The bytes in front of the messages, and the bytes of a request.
pub const HEADER_LEN: usize = NAME_LEN + 8 + 2;

/// The longest datagram sent: with the headers of UDP and IP it fits an
/// Ethernet frame. Longer ones are understood all the same.
pub const MAX_DATAGRAM_LEN: usize = 1400;

/// The longest message that a datagram of IPv4 can carry, in bytes.
pub const MAX_MESSAGE_LEN: usize = 65_507 - HEADER_LEN - FRAME_HEADER_LEN;

/// So many messages of ITCH 5.0 fit a datagram, whatever their types.
pub(super) const MESSAGES_THAT_FIT: u16 =
    ((MAX_DATAGRAM_LEN - HEADER_LEN) / (FRAME_HEADER_LEN + itch::MAX_MESSAGE_LEN)) as u16;

/// The count that marks the end of a session.
const END: u16 = 0xffff;

/// One packet; messages are borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The session.
    pub session: SessionName,
    /// The number of the first message, or of the one that comes next.
    pub sequence: u64,
    /// What it carries.
    pub body: Body<'a>,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Nothing, but that the sender is there.
    Heartbeat,
    /// That there is no message more.
    EndOfSession,
    /// At least one message.
    Messages(Messages<'a>),
}

/// The messages of a packet, of any bytes; a message may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messages<'a> {
    count: u16,
    /// Length fields and messages: they fill it exactly.
    bytes: &'a [u8],
}

/// Why a datagram is no packet, and its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoldError {
    /// What is wrong with it.
    pub fault: MoldFault,
    /// Its first bytes.
    pub begins: Preview,
}

/// What is wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoldFault {
    /// It has fewer bytes than a header, or as a request not as many.
    Length {
        /// What it has.
        found: usize,
    },
    /// The messages do not fill it exactly.
    Messages {
        /// How many it announces.
        count: u16,
        /// How many of them are whole.
        whole: u16,
        /// The bytes that are left behind those.
        left: usize,
    },
    /// Its numbers are 0, or go beyond 2^64.
    Sequence {
        /// The first number.
        first: u64,
        /// How many.
        count: u16,
    },
}

impl fmt::Display for MoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            MoldFault::Length { found } => {
                write!(
                    f,
                    "a datagram of {found} bytes, a header takes {HEADER_LEN}"
                )?;
            }
            MoldFault::Messages { count, whole, left } => write!(
                f,
                "a packet of {count} messages, of which {whole} are whole; {left} bytes are left"
            )?,
            MoldFault::Sequence { first, count } => write!(
                f,
                "{count} messages from number {first} on; numbers go from 1 to 2^64 - 1"
            )?,
        }
        write!(f, "; it begins {}", self.begins)
    }
}

impl std::error::Error for MoldError {}

impl<'a> Packet<'a> {
    /// The numbers of its messages; none, from the next one on, where it carries no
    /// message.
    pub fn numbers(&self) -> Range<u64> {
        let count = match self.body {
            Body::Messages(messages) => u64::from(messages.count()),
            Body::Heartbeat | Body::EndOfSession => 0,
        };
        // Decoding has checked the sum.
        self.sequence..self.sequence + count
    }

    /// Reads a datagram from a publisher. Its messages fill it exactly; what they say
    /// is not looked at.
    ///
    /// # Errors
    ///
    /// If it is no packet, or one cut short.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, MoldError> {
        let error = |fault| MoldError {
            fault,
            begins: Preview::of(datagram),
        };
        let found = datagram.len();
        let Some((header, bytes)) = datagram.split_first_chunk() else {
            return Err(error(MoldFault::Length { found }));
        };
        let (session, sequence, count) = split(header);
        let body = match count {
            0 | END if !bytes.is_empty() => {
                let whole = 0;
                let left = bytes.len();
                return Err(error(MoldFault::Messages { count, whole, left }));
            }
            0 => Body::Heartbeat,
            END => Body::EndOfSession,
            _ => Body::Messages(Messages { count, bytes }),
        };
        let messages = match body {
            Body::Messages(messages) => count_of(messages),
            _ => 0,
        };
        if sequence == 0 || sequence.checked_add(messages).is_none() {
            let first = sequence;
            return Err(error(MoldFault::Sequence { first, count }));
        }
        if let Body::Messages(messages) = body {
            messages.check().map_err(error)?;
        }
        Ok(Self {
            session,
            sequence,
            body,
        })
    }
}

fn count_of(messages: Messages<'_>) -> u64 {
    u64::from(messages.count)
}

impl<'a> Messages<'a> {
    /// How many.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// They themselves, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (message, behind) = take(rest)?;
            rest = behind;
            Some(message)
        })
    }

    fn check(&self) -> Result<(), MoldFault> {
        let mut rest = self.bytes;
        for whole in 0..self.count {
            let Some((_, behind)) = take(rest) else {
                return Err(self.fault(whole, rest));
            };
            rest = behind;
        }
        match rest {
            [] => Ok(()),
            _ => Err(self.fault(self.count, rest)),
        }
    }

    fn fault(&self, whole: u16, rest: &[u8]) -> MoldFault {
        MoldFault::Messages {
            count: self.count,
            whole,
            left: rest.len(),
        }
    }
}

/// The message at the front of `bytes`, and what is behind it.
fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (field, rest) = bytes.split_first_chunk::<FRAME_HEADER_LEN>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*field)))
}

fn split(header: &[u8; HEADER_LEN]) -> (SessionName, u64, u16) {
    let (mut name, mut sequence, mut count) = ([0; NAME_LEN], [0; 8], [0; 2]);
    name.copy_from_slice(&header[..NAME_LEN]);
    sequence.copy_from_slice(&header[NAME_LEN..NAME_LEN + 8]);
    count.copy_from_slice(&header[NAME_LEN + 8..]);
    (
        SessionName::from_bytes(name),
        u64::from_be_bytes(sequence),
        u16::from_be_bytes(count),
    )
}

fn header(session: SessionName, sequence: u64, count: u16) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..NAME_LEN].copy_from_slice(&session.to_bytes());
    bytes[NAME_LEN..NAME_LEN + 8].copy_from_slice(&sequence.to_be_bytes());
    bytes[NAME_LEN + 8..].copy_from_slice(&count.to_be_bytes());
    bytes
}

/// Builds packets, one after the other, in one buffer.
///
/// ```
/// use nexus_itch::mold::{Body, Builder, Packet};
///
/// let session = "DAY1".parse().unwrap();
/// let mut builder = Builder::new(session);
/// assert_eq!(builder.begin(5).len(), 20, "a heartbeat");
/// let mut message = [0; 19];
/// message[0] = b'D';
/// assert!(builder.push(&message));
/// let packet = Packet::decode(builder.datagram())?;
/// assert_eq!(packet.sequence, 5);
/// let Body::Messages(messages) = packet.body else { unreachable!() };
/// assert_eq!(messages.iter().collect::<Vec<_>>(), [message]);
/// # Ok::<(), nexus_itch::mold::MoldError>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    session: SessionName,
    count: u16,
    bytes: Vec<u8>,
}

impl Builder {
    /// Builds packets of `session`.
    pub fn new(session: SessionName) -> Self {
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM_LEN);
        bytes.extend_from_slice(&header(session, 1, 0));
        Self {
            session,
            count: 0,
            bytes,
        }
    }

    /// Begins a packet that starts with message number `sequence`. As it
    /// stands, it is a heartbeat.
    pub fn begin(&mut self, sequence: u64) -> &[u8] {
        self.restart(sequence, 0)
    }

    /// The end of a session before message number `sequence`.
    pub fn end(&mut self, sequence: u64) -> &[u8] {
        self.restart(sequence, END)
    }

    fn restart(&mut self, sequence: u64, count: u16) -> &[u8] {
        self.count = 0;
        self.bytes.clear();
        let header = header(self.session, sequence, count);
        self.bytes.extend_from_slice(&header);
        &self.bytes
    }

    /// Appends a message. Returns whether it fitted; if not, the packet is as
    /// it was. A message that fits no datagram of [`MAX_DATAGRAM_LEN`] goes alone in a
    /// longer one.
    ///
    /// # Panics
    ///
    /// If the message is longer than [`MAX_MESSAGE_LEN`].
    pub fn push(&mut self, message: &[u8]) -> bool {
        let found = message.len();
        assert!(
            found <= MAX_MESSAGE_LEN,
            "a message of {found} bytes, the limit is {MAX_MESSAGE_LEN}"
        );
        let len = self.bytes.len() + FRAME_HEADER_LEN + found;
        if len > MAX_DATAGRAM_LEN && self.count > 0 {
            return false;
        }
        let field = found as u16;
        self.bytes.extend_from_slice(&field.to_be_bytes());
        self.bytes.extend_from_slice(message);
        self.count += 1;
        self.bytes[HEADER_LEN - 2..HEADER_LEN].copy_from_slice(&self.count.to_be_bytes());
        true
    }

    /// Whether another message of ITCH 5.0 fits, whatever its type.
    pub fn has_room(&self) -> bool {
        self.bytes.len() + FRAME_HEADER_LEN + itch::MAX_MESSAGE_LEN <= MAX_DATAGRAM_LEN
    }

    /// How many messages it holds.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The packet as it is sent.
    pub fn datagram(&self) -> &[u8] {
        &self.bytes
    }
}

/// Asks for messages again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The session.
    pub session: SessionName,
    /// The first message wanted.
    pub sequence: u64,
    /// How many, one at least.
    pub count: u16,
}

impl Request {
    /// Reads a datagram from a receiver.
    ///
    /// # Errors
    ///
    /// If it is no request.
    pub fn decode(datagram: &[u8]) -> Result<Self, MoldError> {
        let error = |fault| MoldError {
            fault,
            begins: Preview::of(datagram),
        };
        let found = datagram.len();
        let bytes = datagram
            .try_into()
            .map_err(|_| error(MoldFault::Length { found }))?;
        let (session, sequence, count) = split(bytes);
        if sequence == 0 || count == 0 || sequence.checked_add(u64::from(count)).is_none() {
            let first = sequence;
            return Err(error(MoldFault::Sequence { first, count }));
        }
        Ok(Self {
            session,
            sequence,
            count,
        })
    }

    /// The request as it is sent.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        header(self.session, self.sequence, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::itch::encode;
    use crate::itch::encode::tests::message;
    use proptest::prelude::*;

    fn session() -> SessionName {
        "DAY1".parse().unwrap()
    }

    fn error_of(datagram: &[u8]) -> String {
        let error = Packet::decode(datagram).unwrap_err().to_string();
        let (text, _) = error.split_once("; it begins ").unwrap();
        text.to_string()
    }

    #[test]
    fn a_packet_has_the_bytes_of_the_specification() {
        let mut builder = Builder::new(session());
        assert_eq!(builder.begin(258), b"DAY1      \0\0\0\0\0\0\x01\x02\0\0");
        let mut message = [0; 12];
        message[0] = b'S';
        assert!(builder.push(&message) && builder.push(&message));
        let two = [b"\0\x0c".as_slice(), &message].concat().repeat(2);
        let whole = [b"DAY1      \0\0\0\0\0\0\x01\x02\0\x02".as_slice(), &two].concat();
        assert_eq!(builder.datagram(), whole);
        assert_eq!(builder.end(3), b"DAY1      \0\0\0\0\0\0\0\x03\xff\xff");
        let end = Packet::decode(builder.datagram()).unwrap();
        assert_eq!((end.sequence, end.body), (3, Body::EndOfSession));
        let request = Request {
            session: session(),
            sequence: 1,
            count: 9,
        };
        assert_eq!(&request.encode(), b"DAY1      \0\0\0\0\0\0\0\x01\0\x09");
        assert_eq!(Request::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let datagram = |count: u16, body: &[u8]| {
            let mut bytes = header(session(), 7, count).to_vec();
            bytes.extend_from_slice(body);
            bytes
        };
        let delete = [b"\0\x13D".as_slice(), &[0; 18]].concat();
        assert_eq!(
            error_of(b"GET / HTTP/1.1"),
            "a datagram of 14 bytes, a header takes 20"
        );
        assert_eq!(
            error_of(&datagram(2, &delete)),
            "a packet of 2 messages, of which 1 are whole; 0 bytes are left"
        );
        assert_eq!(
            error_of(&datagram(1, &[&delete[..], b"x"].concat())),
            "a packet of 1 messages, of which 1 are whole; 1 bytes are left"
        );
        for count in [0, END] {
            let expected =
                format!("a packet of {count} messages, of which 0 are whole; 1 bytes are left");
            assert_eq!(error_of(&datagram(count, b"x")), expected);
        }
        assert_eq!(
            error_of(&header(session(), 0, 0)),
            "0 messages from number 0 on; numbers go from 1 to 2^64 - 1"
        );
        assert!(Packet::decode(&header(session(), u64::MAX, 0)).is_ok());
        let last = error_of(&[&header(session(), u64::MAX, 1)[..], &delete].concat());
        assert!(last.starts_with("1 messages from number 18446744073709551615"));
    }

    #[test]
    fn requests_for_nothing_are_none() {
        for (sequence, count) in [(0, 1), (1, 0), (u64::MAX, 1)] {
            let bytes = header(session(), sequence, count);
            assert!(Request::decode(&bytes).is_err(), "{sequence} {count}");
        }
        assert!(Request::decode(&[b'x'; 21]).is_err());
        assert!(Request::decode(b"").is_err());
    }

    #[test]
    fn the_longest_messages_fit_as_many_as_are_asked_for() {
        let mut builder = Builder::new(session());
        let mut imbalance = [0; itch::MAX_MESSAGE_LEN];
        imbalance[0] = b'I';
        while builder.has_room() {
            assert!(builder.push(&imbalance));
        }
        assert!(!builder.push(&imbalance));
        assert_eq!(builder.count(), MESSAGES_THAT_FIT);
        assert!(builder.datagram().len() <= MAX_DATAGRAM_LEN);
        assert!(Packet::decode(builder.datagram()).is_ok());
    }

    #[test]
    fn messages_are_opaque_and_a_long_one_goes_alone() {
        let mut builder = Builder::new(session());
        builder.begin(1);
        let longest = vec![b'z'; MAX_MESSAGE_LEN];
        assert!(builder.push(b"") && builder.push(b"z"));
        assert!(!builder.push(&longest));
        let lengths = |builder: &Builder| -> Vec<_> {
            let packet = Packet::decode(builder.datagram()).unwrap();
            let Body::Messages(messages) = packet.body else {
                panic!("it carries messages");
            };
            messages.iter().map(<[u8]>::len).collect()
        };
        assert_eq!(lengths(&builder), [0, 1]);
        builder.begin(3);
        assert!(builder.push(&longest));
        assert_eq!(builder.datagram().len(), 65_507);
        assert!(!builder.push(b"") && !builder.has_room());
        assert_eq!(lengths(&builder), [MAX_MESSAGE_LEN]);
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn packets_round_trip_and_no_truncation_of_one_is_one(
            sequence in 1..u64::MAX - 100,
            messages in proptest::collection::vec(message(), 0..20),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut builder = Builder::new(session());
            builder.begin(sequence);
            let mut expected = Vec::new();
            for message in &messages {
                let mut bytes = Vec::new();
                encode(message, &mut bytes);
                prop_assert!(builder.push(&bytes));
                expected.push(bytes);
            }
            let datagram = builder.datagram();
            let packet = Packet::decode(datagram).unwrap();
            prop_assert_eq!((packet.session, packet.sequence), (session(), sequence));
            match packet.body {
                Body::Messages(messages) => {
                    prop_assert_eq!(usize::from(messages.count()), expected.len());
                    prop_assert_eq!(messages.iter().collect::<Vec<_>>(), expected);
                }
                body => prop_assert!(body == Body::Heartbeat && expected.is_empty()),
            }
            let cut = cut.index(datagram.len());
            prop_assert!(Packet::decode(&datagram[..cut]).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_an_error_or_whole_messages(
            count in 0..4_u16,
            body in proptest::collection::vec(
                prop_oneof![3 => 0..60_u8, 1 => any::<u8>()], 0..200),
        ) {
            let datagram = [&header(session(), 1, count)[..], &body].concat();
            if let Ok(Packet { body: Body::Messages(messages), .. }) = Packet::decode(&datagram) {
                let len: usize = messages.iter().map(|m| m.len() + FRAME_HEADER_LEN).sum();
                prop_assert_eq!(len, body.len());
                prop_assert_eq!(messages.iter().count(), usize::from(count));
            }
            let _ = Packet::decode(&body);
            let _ = Request::decode(&body);
        }
    }
}

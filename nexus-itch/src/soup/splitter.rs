//! A stream of bytes, in whatever portions it comes, becomes packets.

use super::packet::{Packet, SoupFault, whole_len};
use crate::preview::Preview;
use std::fmt;

/// What is wrong with a stream, where, and with which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoupError {
    /// The offset of the packet in the stream.
    pub offset: u64,
    /// What is wrong with it.
    pub fault: SoupFault,
    /// Its first bytes.
    pub begins: Preview,
}

impl fmt::Display for SoupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            fault,
            begins,
        } = self;
        write!(f, "byte {offset}: {fault}; there: {begins}")
    }
}

impl std::error::Error for SoupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.fault)
    }
}

/// The least that is read at a time.
const LEAST_BUFFER: usize = 64;

/// Splits a stream into packets and lends them one by one.
///
/// An error does not move on: the next call finds the same packet. The buffer is
/// allocated by [`Splitter::new`], and grows where a packet is longer: up to
/// [`MAX_PACKET_LEN`](super::MAX_PACKET_LEN).
///
/// ```
/// use nexus_itch::soup::{Packet, Splitter};
///
/// let mut splitter = Splitter::new(4096);
/// let bytes = b"\0\x01H\0\x02SD";
/// splitter.space()[..bytes.len()].copy_from_slice(bytes);
/// splitter.fill(bytes.len());
/// assert_eq!(splitter.next()?, Some(Packet::ServerHeartbeat));
/// assert_eq!(splitter.next()?, Some(Packet::Sequenced(b"D")));
/// assert_eq!(splitter.next()?, None);
/// # Ok::<(), nexus_itch::soup::SoupError>(())
/// ```
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl Splitter {
    /// Reads up to `capacity` bytes at a time, and at least as many as a login has.
    pub fn new(capacity: usize) -> Self {
        Self {
            buffer: vec![0; capacity.max(LEAST_BUFFER)],
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// Forgets what was there: a new stream begins.
    pub fn reset(&mut self) {
        (self.start, self.end, self.offset) = (0, 0, 0);
    }

    /// Where the next bytes of the stream go. Never empty once
    /// [`next`](Self::next) has returned `None`.
    pub fn space(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if let Ok(Some(whole)) = whole_len(&self.buffer[..self.end])
            && whole > self.buffer.len()
        {
            self.buffer.resize(whole, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// The first `n` bytes of the space have been filled.
    ///
    /// # Panics
    ///
    /// If there was less space.
    pub fn fill(&mut self, n: usize) {
        let space = self.buffer.len() - self.end;
        assert!(n <= space, "{n} bytes in a space of {space}");
        self.end += n;
    }

    /// Bytes of a packet that is not whole yet.
    pub fn pending(&self) -> usize {
        self.end - self.start
    }

    /// The next packet, or `None` until more bytes are there.
    ///
    /// # Errors
    ///
    /// If what is there is no packet.
    // Not an iterator: the packet is lent, until the next is asked for.
    #[expect(
        clippy::should_implement_trait,
        reason = "Iterator cannot lend from its own buffer"
    )]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, SoupError> {
        let there = &self.buffer[self.start..self.end];
        let (offset, begins) = (self.offset, Preview::of(there));
        let error = |fault| SoupError {
            offset,
            fault,
            begins,
        };
        let Some(len) = whole_len(there).map_err(error)? else {
            return Ok(None);
        };
        let Some(whole) = there.get(..len) else {
            return Ok(None);
        };
        let packet = Packet::decode(whole).map_err(error)?;
        self.start += len;
        self.offset += len as u64;
        Ok(Some(packet))
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::packets;
    use super::super::{MAX_MESSAGE_LEN, MAX_PACKET_LEN};
    use super::*;
    use proptest::prelude::*;

    /// `bytes` must fit the space.
    fn feed(splitter: &mut Splitter, bytes: &[u8]) {
        splitter.space()[..bytes.len()].copy_from_slice(bytes);
        splitter.fill(bytes.len());
    }

    fn error_of(bytes: &[u8]) -> String {
        let mut splitter = Splitter::new(0);
        feed(&mut splitter, b"\0\x01H");
        feed(&mut splitter, bytes);
        assert_eq!(splitter.next(), Ok(Some(Packet::ServerHeartbeat)));
        let error = splitter.next().unwrap_err();
        assert_eq!(splitter.next(), Err(error), "an error does not move on");
        error.to_string()
    }

    #[test]
    fn rubbish_is_shown_with_its_place_and_first_bytes() {
        assert_eq!(
            error_of(b"HTTP/1.1 400"),
            "byte 3: unknown packet type 'T' (0x54); \
             there: 48 54 54 50 2f 31 2e 31 20 34 30 30 \"HTTP/1.1 400\""
        );
        assert_eq!(
            error_of(b"\0\0H"),
            "byte 3: packet length 0, the least is 1; there: 00 00 48 \"\\x00\\x00H\""
        );
        assert_eq!(
            error_of(b"\0\x02Z"),
            "byte 3: packet length 2 does not fit type 'Z', which takes 1; \
             there: 00 02 5a \"\\x00\\x02Z\""
        );
    }

    #[test]
    fn the_longest_packet_comes_out_whole_and_an_empty_message_is_one() {
        let longest = vec![b'x'; MAX_MESSAGE_LEN];
        let mut bytes = Vec::new();
        for message in [&longest[..], b"", &longest] {
            Packet::Sequenced(message).encode(&mut bytes);
        }
        assert_eq!(bytes.len(), 2 * MAX_PACKET_LEN + 3);
        let mut splitter = Splitter::new(0);
        let mut lengths = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let n = splitter.space().len().min(rest.len());
            feed(&mut splitter, &rest[..n]);
            rest = &rest[n..];
            while let Some(Packet::Sequenced(message)) = splitter.next().unwrap() {
                lengths.push(message.len());
            }
        }
        assert_eq!(lengths, [MAX_MESSAGE_LEN, 0, MAX_MESSAGE_LEN]);
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn packets_come_out_whole_whatever_the_portions(
            packets in proptest::collection::vec(packets(), 0..30),
            portions in proptest::collection::vec(1..2000_usize, 1..200),
        ) {
            let bytes = packets.concat();
            let mut splitter = Splitter::new(0);
            let mut out = Vec::new();
            let mut at = 0;
            for portion in portions.iter().cycle() {
                let n = (*portion).min(bytes.len() - at).min(splitter.space().len());
                feed(&mut splitter, &bytes[at..at + n]);
                at += n;
                while let Some(packet) = splitter.next().unwrap() {
                    packet.encode(&mut out);
                }
                prop_assert!(!splitter.space().is_empty());
                if at == bytes.len() {
                    break;
                }
            }
            prop_assert_eq!(splitter.pending(), 0);
            prop_assert_eq!(out, bytes);
        }

        #[test]
        fn every_truncation_is_a_packet_to_wait_for(packet in packets()) {
            for cut in 0..packet.len() {
                let mut splitter = Splitter::new(packet.len());
                feed(&mut splitter, &packet[..cut]);
                prop_assert_eq!(splitter.next(), Ok(None));
                prop_assert_eq!(splitter.pending(), cut);
                feed(&mut splitter, &packet[cut..]);
                prop_assert!(splitter.next().unwrap().is_some());
            }
        }

        #[test]
        fn arbitrary_bytes_end_in_packets_or_an_error(
            bytes in proptest::collection::vec(
                prop_oneof![Just(0_u8), Just(1), Just(b'H'), Just(b'S'), any::<u8>()],
                0..400,
            ),
        ) {
            let mut splitter = Splitter::new(bytes.len());
            feed(&mut splitter, &bytes);
            let mut read = 0;
            while let Ok(Some(packet)) = splitter.next() {
                let mut again = Vec::new();
                packet.encode(&mut again);
                prop_assert_eq!(&bytes[read..read + again.len()], &again[..]);
                read += again.len();
            }
        }
    }
}

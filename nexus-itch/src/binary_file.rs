//! BinaryFILE: messages in a file or a stream of bytes.
//!
//! A frame is a big-endian `u16` length and so many bytes of message. What a message
//! says is not looked at: the frame is opaque to it.
//!
//! A frame of length zero is the format's mark of the end of a session. It is accepted
//! as the last thing of a stream and is no message. With anything behind it, it is an
//! error (files are known with length fields that are all zero). Both transports allow
//! empty messages. The reader of an archive therefore says up to which offset such a
//! frame is a message: [`FrameReader::empty_messages_below`].

use crate::itch::{self, Message, encode};
use std::fmt;
use std::io::{self, Read};

/// The bytes of the length field in front of a message.
pub const FRAME_HEADER_LEN: usize = 2;

/// The longest message that a frame can hold, in bytes.
pub const MAX_MESSAGE_LEN: usize = u16::MAX as usize;

/// Appends `message` to `out` in a BinaryFILE frame.
///
/// ```
/// use nexus_itch::binary_file::encode_frame;
/// use nexus_itch::itch::{Event, Message};
///
/// let mut out = Vec::new();
/// let start = Message { timestamp: 0, locate: 0, event: Event::System { code: b'O' } };
/// encode_frame(&start, &mut out);
/// assert_eq!(out[..3], [0, 12, b'S']);
/// assert_eq!(out.len(), 14);
/// ```
///
/// # Panics
///
/// As [`encode`].
pub fn encode_frame(message: &Message, out: &mut Vec<u8>) {
    let mut bytes = Vec::with_capacity(itch::MAX_MESSAGE_LEN);
    encode(message, &mut bytes);
    push_frame(&bytes, out);
}

/// Appends the bytes of a message to `out`, in a frame.
///
/// # Panics
///
/// If it is longer than [`MAX_MESSAGE_LEN`].
pub fn push_frame(message: &[u8], out: &mut Vec<u8>) {
    let len = message.len();
    let Ok(field) = u16::try_from(len) else {
        panic!("a message of {len} bytes, the limit is {MAX_MESSAGE_LEN}");
    };
    out.extend_from_slice(&field.to_be_bytes());
    out.extend_from_slice(message);
}

/// What is wrong with a stream, and where.
#[derive(Debug)]
pub struct FrameError {
    /// The offset of the frame (its length field) that could not be read.
    pub offset: u64,
    /// What is wrong with it.
    pub fault: FrameFault,
}

/// What is wrong with a frame.
#[derive(Debug)]
pub enum FrameFault {
    /// The stream holds no message at all.
    NoMessage,
    /// The stream ends inside the frame.
    Truncated {
        /// The bytes that the frame takes, its length field included.
        expected: usize,
        /// The bytes that are there.
        found: usize,
    },
    /// The length field is zero, and more follows.
    EndMarkInside,
    /// The bytes could not be read.
    Io(io::Error),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: ", self.offset)?;
        match &self.fault {
            FrameFault::NoMessage => write!(f, "no message, the stream is empty"),
            FrameFault::Truncated { expected, found } => {
                write!(f, "truncated: {found} bytes of a frame of {expected}")
            }
            FrameFault::EndMarkInside => {
                write!(f, "length 0 (the end of a session), but more follows")
            }
            FrameFault::Io(error) => write!(f, "cannot read: {error}"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            FrameFault::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// A stream that cannot even be opened.
impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self {
            offset: 0,
            fault: FrameFault::Io(error),
        }
    }
}

/// Reads messages out of a framed stream and lends them one by one.
///
/// A message may have any bytes and any length: see [`itch::decode`]. An error names the offset of its frame
/// and does not move on: the next call finds the same frame.
///
/// ```
/// use nexus_itch::binary_file::{FrameReader, encode_frame};
/// use nexus_itch::itch::{Event, Message, decode};
///
/// let mut bytes = Vec::new();
/// let event = Event::Delete { order: 7 };
/// encode_frame(&Message { timestamp: 1, locate: 2, event }, &mut bytes);
/// bytes.push(0);
///
/// let mut frames = FrameReader::new(&bytes[..]);
/// let message = frames.next()?.expect("the first is whole");
/// assert_eq!(decode(message).unwrap().event, event);
/// let error = frames.next().unwrap_err();
/// assert_eq!(error.to_string(), "byte 21: truncated: 1 bytes of a frame of 2");
/// # Ok::<(), nexus_itch::binary_file::FrameError>(())
/// ```
#[derive(Debug)]
pub struct FrameReader<R> {
    inner: R,
    /// Grows to the longest frame that was met.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    /// Below this offset a frame of length zero is a message.
    empty_below: u64,
    /// A read error, kept until what was read before it has been lent.
    failed: Option<io::Error>,
}

/// Large enough that a file is read in few calls, small enough for the cache.
const BUFFER_BYTES: usize = 128 * 1024;

/// The least that is read at a time.
const LEAST_BUFFER: usize = 256;

impl<R: Read> FrameReader<R> {
    /// Reads `inner`, from the first byte of a length field.
    pub fn new(inner: R) -> Self {
        Self::starting_at(0, inner, BUFFER_BYTES)
    }

    /// Reads `inner`, which begins at byte `offset` of its stream, `capacity` bytes at
    /// a time. The buffer grows where a frame is longer.
    pub fn starting_at(offset: u64, inner: R, capacity: usize) -> Self {
        Self {
            inner,
            buffer: vec![0; capacity.max(LEAST_BUFFER)],
            start: 0,
            end: 0,
            offset,
            empty_below: 0,
            failed: None,
        }
    }

    /// Takes frames of length zero that begin below byte `offset` of the stream for
    /// messages of no bytes.
    #[must_use]
    pub fn empty_messages_below(mut self, offset: u64) -> Self {
        self.empty_below = offset;
        self
    }

    /// The offset of the next frame: behind the last message lent.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next message, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`FrameError`] names the offset of a frame that is truncated, marks an end that
    /// is none, or cannot be read.
    // Not an iterator: the message is lent, for as long as the reader is not
    // asked for the next.
    #[expect(
        clippy::should_implement_trait,
        reason = "Iterator cannot lend from its own buffer"
    )]
    pub fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let whole = match self.whole_frame() {
            Ok(Some(len)) => len,
            // What looks like the end is none if reading failed there.
            end_or_fault => {
                return match (self.failed.take(), end_or_fault) {
                    (Some(error), _) => Err(self.error(FrameFault::Io(error))),
                    (None, Err(fault)) => Err(self.error(fault)),
                    (None, Ok(_)) => Ok(None),
                };
            }
        };
        let from = self.start + FRAME_HEADER_LEN;
        self.start += whole;
        self.offset += whole as u64;
        Ok(Some(&self.buffer[from..self.start]))
    }

    /// The length of the frame at the front of the buffer, its length field included;
    /// `None` at the end.
    fn whole_frame(&mut self) -> Result<Option<usize>, FrameFault> {
        let there = self.available(FRAME_HEADER_LEN);
        let Some(field) = there.first_chunk::<FRAME_HEADER_LEN>() else {
            return match there.len() {
                0 => Ok(None),
                found => Err(FrameFault::Truncated {
                    expected: FRAME_HEADER_LEN,
                    found,
                }),
            };
        };
        let len = usize::from(u16::from_be_bytes(*field));
        let expected = FRAME_HEADER_LEN + len;
        if len == 0 && self.offset >= self.empty_below {
            return match self.available(expected + 1).len() > expected {
                false => Ok(None),
                true => Err(FrameFault::EndMarkInside),
            };
        }
        match self.available(expected).len() {
            found if found < expected => Err(FrameFault::Truncated { expected, found }),
            _ => Ok(Some(expected)),
        }
    }

    /// What is read and not lent: at least `wanted` bytes, unless the stream ends or
    /// fails behind them.
    fn available(&mut self, wanted: usize) -> &[u8] {
        if self.end - self.start < wanted {
            self.fill(wanted);
        }
        &self.buffer[self.start..self.end]
    }

    /// Moves what is left to the front and reads on.
    fn fill(&mut self, wanted: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.end < wanted && self.failed.is_none() {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.failed = Some(e),
            }
        }
    }

    fn error(&self, fault: FrameFault) -> FrameError {
        FrameError {
            offset: self.offset,
            fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::itch::decode;
    use crate::itch::encode::tests::message;
    use proptest::prelude::*;

    /// Yields one byte a call, and an interruption before each.
    struct Trickle<'a>(&'a [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.0.len().min(to.len()).min(1);
            to[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn error_of(bytes: &[u8]) -> String {
        let mut frames = FrameReader::new(bytes);
        loop {
            match frames.next() {
                Ok(Some(_)) => {}
                Ok(None) => return "none".to_string(),
                Err(error) => {
                    let again = frames.next().unwrap_err();
                    assert_eq!(error.to_string(), again.to_string());
                    return error.to_string();
                }
            }
        }
    }

    #[test]
    fn errors_name_the_frame_and_the_fault() {
        let good = [b"\0\x0cS".as_slice(), &[0; 11]].concat();
        let with = |tail: &[u8]| error_of(&[&good, tail].concat());
        assert_eq!(with(&[]), "none");
        assert_eq!(with(&[0, 0]), "none");
        assert_eq!(
            with(&[0, 0, 0]),
            "byte 14: length 0 (the end of a session), but more follows"
        );
        assert_eq!(with(&[0]), "byte 14: truncated: 1 bytes of a frame of 2");
        assert_eq!(
            with(b"\0\x24A"),
            "byte 14: truncated: 3 bytes of a frame of 38"
        );
        assert_eq!(
            with(b"\xff\xff"),
            "byte 14: truncated: 2 bytes of a frame of 65537"
        );
    }

    #[test]
    fn messages_are_opaque_and_may_be_as_long_as_their_length_field_says() {
        let mut bytes = Vec::new();
        let long = vec![b'z'; MAX_MESSAGE_LEN];
        for message in [&b"D"[..], &long, b"\x07", &long] {
            push_frame(message, &mut bytes);
        }
        let mut frames = FrameReader::starting_at(0, &bytes[..], 0);
        let mut lengths = Vec::new();
        while let Some(message) = frames.next().unwrap() {
            lengths.push(message.len());
        }
        assert_eq!(lengths, [1, MAX_MESSAGE_LEN, 1, MAX_MESSAGE_LEN]);
        let cut = error_of(&bytes[..bytes.len() - 1]);
        assert_eq!(
            cut,
            "byte 65543: truncated: 65536 bytes of a frame of 65537"
        );
    }

    #[test]
    fn an_empty_message_is_one_only_below_the_offset_that_is_given() {
        let bytes = b"\0\x01a\0\0\0\x01b\0\0";
        let mut frames = FrameReader::new(&bytes[..]).empty_messages_below(6);
        let mut messages = Vec::new();
        while let Some(message) = frames.next().unwrap() {
            messages.push(message.to_vec());
        }
        assert_eq!(messages, [&b"a"[..], b"", b"b"]);
        assert_eq!(
            (frames.offset(), error_of(bytes).contains("byte 3")),
            (8, true)
        );
        let mut all = FrameReader::new(&bytes[..]).empty_messages_below(10);
        let count = std::iter::from_fn(|| all.next().unwrap().map(<[u8]>::len)).count();
        assert_eq!(count, 4);
    }

    #[test]
    fn a_read_error_is_reported_where_it_happens() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the cable is out"))
            }
        }
        let good = [b"\0\x0cS".as_slice(), &[0; 11]].concat();
        let mut frames = FrameReader::new(good.chain(Broken));
        assert_eq!(frames.next().unwrap(), Some(&good[FRAME_HEADER_LEN..]));
        for _ in 0..2 {
            let error = frames.next().unwrap_err();
            assert_eq!(error.to_string(), "byte 14: cannot read: the cable is out");
        }
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn frames_round_trip_in_any_portions(
            messages in proptest::collection::vec(message(), 0..40),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for message in &messages {
                encode_frame(message, &mut bytes);
                ends.push(bytes.len());
            }
            let cut = cut.index(bytes.len() + 1);
            let mut frames = FrameReader::new(Trickle(&bytes[..cut], false));
            let whole = ends.iter().filter(|&&end| end <= cut).count() - 1;
            for (i, message) in messages.iter().take(whole).enumerate() {
                let lent = frames.next().unwrap().unwrap();
                prop_assert_eq!(decode(lent).unwrap(), *message);
                prop_assert_eq!(frames.offset(), ends[i + 1] as u64);
            }
            if ends[whole] == cut {
                prop_assert!(frames.next().unwrap().is_none());
            } else {
                let error = frames.next().unwrap_err();
                prop_assert_eq!(error.offset, ends[whole] as u64);
                let truncated = matches!(error.fault, FrameFault::Truncated { .. });
                prop_assert!(truncated, "{}", error);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_are_lent_once(
            bytes in proptest::collection::vec(prop_oneof![3 => 0..60_u8, 1 => any::<u8>()], 0..400),
        ) {
            let mut frames = FrameReader::new(&bytes[..]);
            let mut read = 0;
            while let Ok(Some(message)) = frames.next() {
                read += message.len() + FRAME_HEADER_LEN;
            }
            prop_assert_eq!(frames.offset(), read as u64);
        }
    }
}

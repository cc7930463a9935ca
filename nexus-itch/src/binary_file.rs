//! BinaryFILE framing: a stream of bytes becomes a sequence of messages.
//!
//! A frame of length zero is the format's end-of-session mark. It is accepted
//! as the last thing of a stream and is no message. With anything behind it, it
//! is an error (files are known with length fields that are all zero).

use crate::itch::{DecodeError, MAX_MESSAGE_LEN, Message, check, encode, length_of};
use std::fmt;
use std::io::{self, Read};

/// The bytes of the length field in front of a message.
pub const FRAME_HEADER_LEN: usize = 2;

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
    let at = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_LEN]);
    encode(message, out);
    let len = out.len() - at - FRAME_HEADER_LEN;
    let field = u16::try_from(len).expect("no message is longer than 50 bytes");
    out[at..at + FRAME_HEADER_LEN].copy_from_slice(&field.to_be_bytes());
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
    /// The length does not fit the type, or there is no such type.
    Message(DecodeError),
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
            FrameFault::Message(error) => error.fmt(f),
            FrameFault::Io(error) => write!(f, "cannot read: {error}"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            FrameFault::Message(error) => Some(error),
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
/// Every message lent fits its type. An error names the offset of its frame
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
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    offset: u64,
    /// A read error, kept until what was read before it has been lent.
    failed: Option<io::Error>,
}

/// Large enough that a file is read in few calls, small enough for the cache.
const BUFFER_BYTES: usize = 128 * 1024;

/// A whole frame fits the buffer, whatever its length field says is legal.
const LONGEST_FRAME: usize = FRAME_HEADER_LEN + MAX_MESSAGE_LEN;

impl<R: Read> FrameReader<R> {
    /// Reads `inner`, from the first byte of a length field.
    pub fn new(inner: R) -> Self {
        Self::starting_at(0, inner, BUFFER_BYTES)
    }

    /// Reads `inner`, which begins at byte `offset` of its stream, `capacity`
    /// bytes at a time; too few for the longest frame count as that many.
    pub fn starting_at(offset: u64, inner: R, capacity: usize) -> Self {
        Self {
            inner,
            buffer: vec![0; capacity.max(LONGEST_FRAME)].into_boxed_slice(),
            start: 0,
            end: 0,
            offset,
            failed: None,
        }
    }

    /// The offset of the next frame: behind the last message lent.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next message, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`FrameError`] names the offset of a frame that is truncated, does not
    /// fit its type, or cannot be read.
    // Not an iterator: the message is lent, for as long as the reader is not
    // asked for the next.
    #[expect(
        clippy::should_implement_trait,
        reason = "Iterator cannot lend from its own buffer"
    )]
    pub fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        if self.end - self.start < LONGEST_FRAME {
            self.fill();
        }
        let len = match frame_len(&self.buffer[self.start..self.end]) {
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
        self.start += len;
        self.offset += len as u64;
        Ok(Some(&self.buffer[from..self.start]))
    }

    /// Moves what is left to the front and reads until a whole frame must be
    /// there, or the stream ends or fails.
    fn fill(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < LONGEST_FRAME && self.failed.is_none() {
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

/// The length of the frame at the front of `available`, its length field
/// included; `None` at the end. Fewer than [`LONGEST_FRAME`] bytes mean that
/// the stream ends behind them.
fn frame_len(available: &[u8]) -> Result<Option<usize>, FrameFault> {
    let Some((field, rest)) = available.split_first_chunk::<FRAME_HEADER_LEN>() else {
        return match available.len() {
            0 => Ok(None),
            found => Err(FrameFault::Truncated {
                expected: FRAME_HEADER_LEN,
                found,
            }),
        };
    };
    let len = usize::from(u16::from_be_bytes(*field));
    if len == 0 {
        return match rest {
            [] => Ok(None),
            _ => Err(FrameFault::EndMarkInside),
        };
    }
    let whole = FRAME_HEADER_LEN + len;
    if len <= MAX_MESSAGE_LEN && available.len() < whole {
        return Err(FrameFault::Truncated {
            expected: whole,
            found: available.len(),
        });
    }
    let Some(message) = rest.get(..len) else {
        // Longer than any message: judged by its type, if even that is there.
        let &kind = rest.first().ok_or(FrameFault::Truncated {
            expected: whole,
            found: available.len(),
        })?;
        return Err(FrameFault::Message(match length_of(kind) {
            None => DecodeError::UnknownType { kind },
            Some(expected) => DecodeError::WrongLength {
                kind,
                expected,
                found: len,
            },
        }));
    };
    check(message).map_err(FrameFault::Message)?;
    Ok(Some(whole))
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
            with(b"\0\x0bS1234567890"),
            "byte 14: length 11 does not fit type 'S', which takes 12 bytes"
        );
        assert_eq!(
            with(b"\0\x03\x07ab"),
            "byte 14: unknown message type '\\x07' (0x07)"
        );
        assert_eq!(
            with(b"\xff\xffAb"),
            "byte 14: length 65535 does not fit type 'A', which takes 36 bytes"
        );
        assert_eq!(
            with(b"\xff\xff"),
            "byte 14: truncated: 2 bytes of a frame of 65537"
        );
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
        fn arbitrary_bytes_never_panic_and_never_lend_what_does_not_fit(
            bytes in proptest::collection::vec(prop_oneof![3 => 0..60_u8, 1 => any::<u8>()], 0..400),
        ) {
            let mut frames = FrameReader::new(&bytes[..]);
            let mut read = 0;
            while let Ok(Some(message)) = frames.next() {
                prop_assert!(check(message).is_ok());
                read += message.len() + FRAME_HEADER_LEN;
            }
            prop_assert_eq!(frames.offset(), read as u64);
        }
    }
}

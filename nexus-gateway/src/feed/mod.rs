//! What is played: a generated session or a file, once or several times over.
//!
//! Knows frames and sequence numbers; not what listens, nor how fast.
//!
//! - Sequence numbers count from 1 and go on from pass to pass.
//! - Every player of one feed yields the same bytes: the lines are redundant.
//! - A file is read through once before it is played. If a frame in it cannot
//!   be read, what lies before that frame is the feed, and it is played once.

mod random;
mod schedule;
mod session;
mod source;

pub use random::{Random, mix};
pub use schedule::{Line, Schedule};
pub use session::{MIN_MESSAGES, SessionPlan, session};

use crate::input::{self, Capture, Input, InputError};
use nexus_itch::binary_file::{FrameError, FrameFault, FrameReader};
use nexus_itch::itch::{DecodeError, advance_timestamp, check, timestamp};
use source::{Frames, Source};
use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A feed, ready to be played any number of times.
#[derive(Debug)]
pub struct Feed {
    source: Source,
    extent: Extent,
    /// Where in the source each [`STRIDE`]th message begins, the first
    /// included.
    marks: Vec<u64>,
    passes: u64,
    fault: Option<FrameError>,
    capture: Option<Capture>,
}

/// Messages between two marks: 16 kB at most are read to find one between.
const STRIDE: u64 = 512;

/// What a player that begins in the middle reads at a time: there may be a
/// hundred of them.
const SMALL_BUFFER: usize = 16 * 1024;

/// What one pass over a source holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Extent {
    messages: u64,
    bytes: u64,
    /// The length of the longest message.
    longest: usize,
    /// Messages that are none of ITCH 5.0, and the first of them with its offset.
    unknown: u64,
    first_unknown: Option<(u64, DecodeError)>,
    earliest: u64,
    latest: u64,
}

/// Messages of an input that are none of ITCH 5.0. They are played like all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMessages {
    /// How many.
    pub count: u64,
    /// The byte offset of the first.
    pub offset: u64,
    /// What it is.
    pub error: DecodeError,
}

impl fmt::Display for UnknownMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            offset,
            error,
        } = self;
        write!(
            f,
            "{count} messages are none of ITCH 5.0; the first, at byte {offset}: {error}"
        )
    }
}

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The input cannot be read at all.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file cannot be opened.
    #[error("cannot open input {path}: {1}", path = .0.display())]
    Open(PathBuf, io::Error),
    /// Not even the file's first frame can be read.
    #[error("input {path}: {1}", path = .0.display())]
    Frame(PathBuf, FrameError),
    /// None of the file's messages is one of ITCH 5.0.
    #[error("input {path}: all {1}", path = .0.display())]
    NotItch(PathBuf, UnknownMessages),
}

impl Feed {
    /// A generated session, `passes` times over (once, if that is zero).
    ///
    /// # Panics
    ///
    /// As [`session()`].
    pub fn generate(plan: SessionPlan, passes: u64) -> Self {
        let source = Source::generated(session(plan));
        let (extent, marks, fault) = survey(source.open(u64::MAX).expect("memory opens"));
        Self {
            source,
            extent,
            marks,
            passes: passes.max(1),
            fault,
            capture: None,
        }
    }

    /// The [input] at `path`, `passes` times over (once, if that is zero); of a capture
    /// the packets to `lines`, or of its only feed.
    ///
    /// # Errors
    ///
    /// If the input cannot be opened, or holds no message. One that is damaged further on
    /// is a feed with a [fault](Feed::take_fault).
    pub fn open(path: &Path, lines: &[SocketAddr], passes: u64) -> Result<Self, FeedError> {
        let owned = || path.to_path_buf();
        let Input {
            frames,
            capture,
            cut,
        } = input::open(path, lines)?;
        let source = match frames {
            input::Frames::InPlace => Source::File(owned()),
            input::Frames::Spooled(spool) => Source::Spool(spool),
        };
        let reader = source
            .open(u64::MAX)
            .map_err(|e| FeedError::Open(owned(), e))?;
        let (extent, marks, fault) = survey(reader);
        // Where the input itself was cut, a frame that is cut is no news.
        let fault = match cut {
            None => fault,
            Some(error) => Some(FrameError {
                offset: extent.bytes,
                fault: FrameFault::Io(error),
            }),
        };
        if extent.messages == 0 {
            let error = fault.unwrap_or(FrameError {
                offset: 0,
                fault: FrameFault::NoMessage,
            });
            return Err(FeedError::Frame(owned(), error));
        }
        if let Some(unknown) = extent.unknown_messages()
            && unknown.count == extent.messages
        {
            return Err(FeedError::NotItch(owned(), unknown));
        }
        Ok(Self {
            source,
            extent,
            marks,
            passes: if fault.is_some() { 1 } else { passes.max(1) },
            fault,
            capture,
        })
    }

    /// What the capture held from which it comes, if it comes from one.
    pub fn capture(&self) -> Option<&Capture> {
        self.capture.as_ref()
    }

    /// All messages of all passes.
    pub fn messages(&self) -> u64 {
        self.extent.messages.saturating_mul(self.passes)
    }

    /// The bytes of all passes, frames included.
    pub fn bytes(&self) -> u64 {
        self.extent.bytes.saturating_mul(self.passes)
    }

    /// How often the source is played.
    pub fn passes(&self) -> u64 {
        self.passes
    }

    /// The length of the longest message, in bytes.
    pub fn longest(&self) -> usize {
        self.extent.longest
    }

    /// The messages of one pass that are none of ITCH 5.0, if there are any.
    pub fn unknown(&self) -> Option<UnknownMessages> {
        self.extent.unknown_messages()
    }

    /// Takes out why the feed ends before its file does, if it does.
    pub fn take_fault(&mut self) -> Option<FrameError> {
        self.fault.take()
    }

    /// The sequence number of the first message in which `copy` is not this
    /// feed, its end included; `None` if it is the feed byte for byte.
    ///
    /// # Errors
    ///
    /// If either cannot be read.
    pub fn first_difference<R: Read>(
        &self,
        copy: &mut FrameReader<R>,
    ) -> Result<Option<u64>, FrameError> {
        let mut player = self.play()?;
        loop {
            match (player.next()?, copy.next()?) {
                (None, None) => return Ok(None),
                (Some((_, ours)), Some(theirs)) if ours == theirs => {}
                (Some((sequence, _)), _) => return Ok(Some(sequence)),
                (None, Some(_)) => return Ok(Some(self.messages() + 1)),
            }
        }
    }

    /// A player, at the beginning.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened any more.
    pub fn play(&self) -> io::Result<Player> {
        Ok(Player {
            frames: self.source.open(self.extent.bytes)?,
            source: self.source.clone(),
            extent: self.extent,
            passes: self.passes,
            pass: 0,
            left: self.extent.messages,
            sequence: 0,
            moved: Vec::new(),
        })
    }

    /// A player that begins with message number `sequence`; at the end, if
    /// there is none. Takes as long wherever that is.
    ///
    /// # Errors
    ///
    /// If the file has changed, or cannot be opened any more.
    pub fn play_from(&self, sequence: u64) -> Result<Player, FrameError> {
        let each = self.extent.messages;
        let before = sequence.saturating_sub(1).min(self.messages());
        let pass = (before / each).min(self.passes - 1);
        let within = before - pass * each;
        let stride = (within / STRIDE).min(self.marks.len() as u64 - 1);
        let mark = self.marks[stride as usize];
        let mut player = Player {
            frames: self
                .source
                .open_between(mark, self.extent.bytes, SMALL_BUFFER)?,
            source: self.source.clone(),
            extent: self.extent,
            passes: self.passes,
            pass,
            left: each - stride * STRIDE,
            sequence: pass * each + stride * STRIDE,
            moved: Vec::new(),
        };
        while player.sequence < before {
            player.next()?;
        }
        Ok(player)
    }
}

impl Extent {
    fn unknown_messages(&self) -> Option<UnknownMessages> {
        let (offset, error) = self.first_unknown?;
        Some(UnknownMessages {
            count: self.unknown,
            offset,
            error,
        })
    }
}

/// Reads as far as frames can be read.
fn survey(mut frames: Frames) -> (Extent, Vec<u64>, Option<FrameError>) {
    let mut extent = Extent {
        earliest: u64::MAX,
        ..Extent::default()
    };
    let mut marks = Vec::new();
    let fault = loop {
        let offset = frames.offset();
        match frames.next() {
            Ok(Some(message)) => {
                if extent.messages.is_multiple_of(STRIDE) {
                    marks.push(offset);
                }
                extent.messages += 1;
                extent.longest = extent.longest.max(message.len());
                match check(message) {
                    Ok(_) => {
                        let at = timestamp(message);
                        extent.earliest = extent.earliest.min(at);
                        extent.latest = extent.latest.max(at);
                    }
                    Err(error) => {
                        extent.unknown += 1;
                        extent.first_unknown.get_or_insert((offset, error));
                    }
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    extent.bytes = frames.offset();
    (extent, marks, fault)
}

/// Plays a feed from its beginning, message by message.
pub struct Player {
    frames: Frames,
    source: Source,
    extent: Extent,
    passes: u64,
    pass: u64,
    /// Messages still to come in this pass.
    left: u64,
    sequence: u64,
    moved: Vec<u8>,
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player")
            .field("source", &self.source)
            .field("pass", &self.pass)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Player {
    /// The next message and its sequence number, or `None` after the last
    /// pass. From the second pass on, timestamps are moved on so that they go
    /// on rising.
    ///
    /// # Errors
    ///
    /// If the file has changed, or cannot be read any more.
    // Not an iterator, for the reason that `FrameReader` is none.
    #[expect(
        clippy::should_implement_trait,
        reason = "Iterator cannot lend from its own buffer"
    )]
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>, FrameError> {
        if self.left == 0 {
            if self.pass + 1 == self.passes {
                return Ok(None);
            }
            self.pass += 1;
            self.left = self.extent.messages;
            self.frames = self.source.open(self.extent.bytes)?;
        }
        let offset = self.frames.offset();
        let Some(message) = self.frames.next()? else {
            return Err(FrameError {
                offset,
                fault: FrameFault::Io(io::Error::other("the file has become shorter")),
            });
        };
        self.left -= 1;
        self.sequence += 1;
        if self.pass == 0 {
            return Ok(Some((self.sequence, message)));
        }
        // One more than the span, so that passes do not share a timestamp.
        let span = self.extent.latest - self.extent.earliest + 1;
        self.moved.clear();
        self.moved.extend_from_slice(message);
        if check(message).is_ok() {
            advance_timestamp(&mut self.moved, span.wrapping_mul(self.pass));
        }
        Ok(Some((self.sequence, &self.moved)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_itch::itch::decode;

    fn all(feed: &Feed) -> Vec<(u64, Vec<u8>)> {
        let mut player = feed.play().unwrap();
        let mut all = Vec::new();
        while let Some((sequence, message)) = player.next().unwrap() {
            all.push((sequence, message.to_vec()));
        }
        assert!(player.next().unwrap().is_none(), "the end stays the end");
        all
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    const PLAN: SessionPlan = SessionPlan {
        messages: 500,
        seed: 9,
    };

    #[test]
    fn a_file_plays_as_the_session_that_it_holds() {
        let generated = Feed::generate(PLAN, 1);
        let file = file(&session(PLAN));
        let mut opened = Feed::open(file.path(), &[], 1).unwrap();
        assert_eq!(all(&generated), all(&opened));
        assert_eq!((opened.messages(), opened.passes()), (500, 1));
        assert_eq!(opened.bytes(), file.path().metadata().unwrap().len());
        assert!(opened.take_fault().is_none());
    }

    #[test]
    fn repeating_goes_on_with_sequence_and_time() {
        let feed = Feed::generate(PLAN, 3);
        let played = all(&feed);
        assert_eq!(played.len() as u64, feed.messages());
        let mut last = 0;
        for (i, (sequence, bytes)) in played.iter().enumerate() {
            assert_eq!(*sequence, i as u64 + 1);
            let message = decode(bytes).unwrap();
            assert!(message.timestamp > last);
            last = message.timestamp;
            let first = decode(&played[i % 500].1).unwrap();
            assert_eq!(message.event, first.event);
        }
    }

    #[test]
    fn playing_from_anywhere_is_playing_and_skipping() {
        let plan = SessionPlan {
            messages: 2 * STRIDE,
            seed: 9,
        };
        let file = file(&session(plan));
        for feed in [
            Feed::generate(plan, 2),
            Feed::open(file.path(), &[], 2).unwrap(),
        ] {
            let whole = all(&feed);
            for from in [
                0, 1, 2, 511, 512, 513, 1024, 1025, 1537, 2047, 2048, 2049, 9999,
            ] {
                let mut player = feed.play_from(from).unwrap();
                let expected = whole.get(from.saturating_sub(1) as usize..).unwrap_or(&[]);
                for (sequence, message) in expected.iter().take(600) {
                    let played = player.next().unwrap();
                    assert_eq!(played, Some((*sequence, &message[..])), "from {from}");
                }
                if expected.len() <= 600 {
                    assert!(player.next().unwrap().is_none());
                }
            }
        }
        let feed = Feed::open(file.path(), &[], 1).unwrap();
        std::fs::write(file.path(), b"").unwrap();
        assert!(feed.play_from(600).is_err());
    }

    #[test]
    fn a_copy_differs_where_it_does() {
        let feed = Feed::generate(PLAN, 2);
        let mut bytes = Vec::new();
        for (_, message) in all(&feed) {
            bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&message);
        }
        assert_eq!(bytes.len() as u64, feed.bytes());
        let difference =
            |bytes: &[u8]| feed.first_difference(&mut FrameReader::new(bytes)).unwrap();
        assert_eq!(difference(&bytes), None);
        assert_eq!(difference(&bytes[..bytes.len() - 14]), Some(1000));
        assert_eq!(difference(&bytes[14..]), Some(1));
        assert_eq!(difference(&[&bytes[..], &bytes[..14]].concat()), Some(1001));
        bytes[16 * 1024] ^= 1;
        assert!((400..600).contains(&difference(&bytes).unwrap()));
    }

    #[test]
    fn what_lies_before_a_fault_is_played_once() {
        let whole = session(PLAN);
        let cut = file(&whole[..whole.len() - 5]);
        let mut feed = Feed::open(cut.path(), &[], 4).unwrap();
        assert_eq!((feed.messages(), feed.passes()), (499, 1));
        assert_eq!(all(&feed), all(&Feed::generate(PLAN, 1))[..499]);
        let fault = feed.take_fault().expect("the last frame is cut");
        assert_eq!(fault.offset, whole.len() as u64 - 14);
    }

    #[test]
    fn a_file_without_a_message_is_refused() {
        let error = |bytes: &[u8]| {
            let file = file(bytes);
            let error = Feed::open(file.path(), &[], 1).unwrap_err().to_string();
            error.replace(&file.path().display().to_string(), "F")
        };
        assert_eq!(
            error(b""),
            "input F: byte 0: no message, the stream is empty"
        );
        assert_eq!(
            error(b"\0\0"),
            "input F: byte 0: no message, the stream is empty"
        );
        assert_eq!(
            error(b"\0\x01z"),
            "input F: all 1 messages are none of ITCH 5.0; the first, at byte 0: unknown message type 'z' (0x7a), 1 bytes"
        );
        let missing = Feed::open(Path::new("/nowhere/at.all"), &[], 1).unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("cannot open input /nowhere/at.all: ")
        );
        let folder = Feed::open(Path::new("/"), &[], 1).unwrap_err();
        assert_eq!(folder.to_string(), "input / is a folder");
    }

    #[test]
    fn a_file_that_shrinks_while_it_plays_is_an_error() {
        let file = file(&session(PLAN));
        let feed = Feed::open(file.path(), &[], 2).unwrap();
        let mut player = feed.play().unwrap();
        for _ in 0..500 {
            player.next().unwrap().unwrap();
        }
        std::fs::write(file.path(), b"").unwrap();
        let error = player.next().unwrap_err().to_string();
        assert_eq!(error, "byte 0: cannot read: the file has become shorter");
    }
}

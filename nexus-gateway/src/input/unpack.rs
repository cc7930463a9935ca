//! Recognising what bytes are, and unpacking them.

use super::Bytes;
use flate2::read::MultiGzDecoder;
use std::io::{self, Cursor, Read};

/// What a stream of bytes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// BinaryFILE frames, or what cannot be told from them.
    Frames,
    /// Packed bytes.
    Packed(Packing),
    /// Packets of a network, pcap or pcapng.
    Captured,
}

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// gzip, of any number of members.
    Gzip,
    /// Zstandard, of any number of frames.
    Zstd,
}

/// The bytes that tell.
const TELLING: usize = 4;

/// What the bytes of `reader` are, and all of them, those looked at included.
pub(super) fn recognise(mut reader: Bytes) -> io::Result<(Content, Bytes)> {
    let mut first = Vec::with_capacity(TELLING);
    (&mut reader).take(TELLING as u64).read_to_end(&mut first)?;
    // None of these begins a BinaryFILE of ITCH 5.0: its first message would have 2,573
    // bytes at least.
    let content = match first[..] {
        [0x1f, 0x8b, 8, ..] => Content::Packed(Packing::Gzip),
        // A frame of Zstandard, or one that is skipped.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Content::Packed(Packing::Zstd)
        }
        // pcap of microseconds and of nanoseconds, in both byte orders; pcapng.
        [0xa1, 0xb2, 0xc3, 0xd4]
        | [0xd4, 0xc3, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0x3c, 0x4d]
        | [0x4d, 0x3c, 0xb2, 0xa1]
        | [0x0a, 0x0d, 0x0d, 0x0a] => Content::Captured,
        _ => Content::Frames,
    };
    Ok((content, Box::new(Cursor::new(first).chain(reader))))
}

impl Packing {
    /// The unpacked bytes of `packed`.
    pub(super) fn reader(self, packed: Bytes) -> Bytes {
        match self {
            Self::Gzip => Box::new(Whole::of("gzip", MultiGzDecoder::new(packed))),
            Self::Zstd => match zstd::Decoder::new(packed) {
                Ok(decoder) => Box::new(Whole::of("zstd", decoder)),
                Err(error) => Box::new(Whole::of("zstd", Failing(Some(error)))),
            },
        }
    }
}

/// A stream that cannot be read at all.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Fills a buffer as far as there are bytes, and says of an error where it was.
pub(super) struct Whole<R> {
    name: &'static str,
    inner: R,
    read: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Whole<R> {
    pub(super) fn of(name: &'static str, inner: R) -> Self {
        Self {
            name,
            inner,
            read: 0,
            failed: None,
        }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && self.failed.is_none() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        self.read += filled as u64;
        match (filled, self.failed.take()) {
            (0, Some(error)) => {
                let text = format!(
                    "{} stream, behind {} unpacked bytes: {error}",
                    self.name, self.read
                );
                Err(io::Error::new(error.kind(), text))
            }
            (_, failed) => {
                self.failed = failed;
                Ok(filled)
            }
        }
    }
}

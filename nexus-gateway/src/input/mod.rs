//! Inputs as they come: a file, a pipe or standard input; plain, compressed or captured
//! from a network. What it is, its first bytes say, not its name.
//!
//! ```text
//!  bytes ─▶ gzip, zstd, as often as they are packed ─▶ BinaryFILE ──────────────┐
//!                                                    └▶ pcap, pcapng ─▶ packets ┴─▶ spool
//! ```
//!
//! A plain file is played where it lies. Everything else is unpacked once, into a file
//! without a name in the folder for temporary files: a feed is played more than once, and
//! from the middle. It is gone when the program ends, however it ends. Memory does not
//! grow with the input.

mod capture;
mod packets;
mod unpack;

pub use capture::{Capture, CaptureCounts, CaptureError, CaptureLine};

use crate::progress::Progress;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unpack::{Content, Whole, recognise};

/// Standard input, in place of a path.
pub const STDIN: &str = "-";

/// What is copied at a time.
const BLOCK: usize = 256 * 1024;

/// Packed in packed in packed: nobody does, and it ends somewhere.
const MOST_LAYERS: usize = 4;

/// Why an input cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be opened.
    #[error("cannot open input {path}: {1}", path = .0.display())]
    Open(PathBuf, io::Error),
    /// The path names a folder.
    #[error("input {} is a folder", .0.display())]
    Folder(PathBuf),
    /// It is packed too often.
    #[error("input {}: it is packed more than {MOST_LAYERS} times", .0.display())]
    Layers(PathBuf),
    /// There is no place to unpack it.
    #[error("input {path}: cannot unpack it into {folder}: {error}", path = .path.display(), folder = .folder.display())]
    Spool {
        /// The input.
        path: PathBuf,
        /// The folder for temporary files.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Nothing of the capture is a feed.
    #[error("input {path}: {1}", path = .0.display())]
    Capture(PathBuf, CaptureError),
}

/// An input, ready to be read any number of times.
#[derive(Debug)]
pub struct Input {
    /// Where its frames are.
    pub frames: Frames,
    /// What a capture held beside them.
    pub capture: Option<Capture>,
    /// Why it ends earlier than it should, if it does.
    pub cut: Option<io::Error>,
}

/// Where the frames of an input are.
#[derive(Debug)]
pub enum Frames {
    /// In the file itself.
    InPlace,
    /// Unpacked.
    Spooled(Spool),
}

/// A file without a name, which several readers read, each at its own place.
#[derive(Clone, Debug)]
pub struct Spool(Arc<File>);

impl Spool {
    /// Reads from byte `from` on.
    pub fn reader(&self, from: u64) -> SpoolReader {
        SpoolReader {
            file: Arc::clone(&self.0),
            at: from,
        }
    }
}

/// Reads a [`Spool`].
#[derive(Debug)]
pub struct SpoolReader {
    file: Arc<File>,
    at: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Opens `path`, or standard input for `-`, and unpacks what is there. Of a capture the
/// packets to `lines` are taken, or where none is named those of its only feed.
///
/// # Errors
///
/// If there is nothing to read, or no place to unpack it. An input that ends too early is
/// no error: see [`Input::cut`].
pub fn open(path: &Path, lines: &[SocketAddr]) -> Result<Input, InputError> {
    let owned = || path.to_path_buf();
    let (reader, is_file) = reader(path)?;
    let (content, begun) = recognise(reader).map_err(|e| InputError::Open(owned(), e))?;
    if is_file && content == Content::Frames {
        return Ok(Input {
            frames: Frames::InPlace,
            capture: None,
            cut: None,
        });
    }
    let no_spool = |error| InputError::Spool {
        path: owned(),
        folder: std::env::temp_dir(),
        error,
    };
    let file = tempfile::tempfile().map_err(no_spool)?;
    let progress = Progress::bytes("reading").map_err(no_spool)?;
    let mut out = Counting {
        inner: BufWriter::with_capacity(BLOCK, file),
        written: 0,
        progress: progress.counter(),
        failed: None,
    };
    let unpacked = unpack(path, content, begun, lines, &mut out)?;
    let flushed = out.flush();
    if let Some(error) = out.failed.take().or(flushed.err()) {
        return Err(no_spool(error));
    }
    let file = out
        .inner
        .into_inner()
        .map_err(|e| no_spool(e.into_error()))?;
    Ok(Input {
        frames: Frames::Spooled(Spool(Arc::new(file))),
        capture: unpacked.capture,
        cut: unpacked.cut,
    })
}

type Bytes = Box<dyn Read + Send>;

/// The bytes of the input, and whether it is a file that can be read again.
fn reader(path: &Path) -> Result<(Bytes, bool), InputError> {
    if path.as_os_str() == STDIN {
        return Ok((Box::new(io::stdin()), false));
    }
    let owned = || path.to_path_buf();
    let file = File::open(path).map_err(|e| InputError::Open(owned(), e))?;
    let kind = file.metadata().map_err(|e| InputError::Open(owned(), e))?;
    match kind.is_dir() {
        true => Err(InputError::Folder(owned())),
        false => Ok((Box::new(file), kind.is_file())),
    }
}

#[derive(Default)]
struct Unpacked {
    capture: Option<Capture>,
    cut: Option<io::Error>,
}

/// Takes layer by layer off, and writes frames to `out`.
fn unpack(
    path: &Path,
    mut content: Content,
    mut begun: Bytes,
    lines: &[SocketAddr],
    out: &mut Counting,
) -> Result<Unpacked, InputError> {
    for _ in 0..=MOST_LAYERS {
        let packing = match content {
            Content::Packed(packing) => packing,
            Content::Frames => {
                let cut = copy(begun, out).err();
                return Ok(Unpacked { capture: None, cut });
            }
            Content::Captured => {
                let mut capture = Capture::new(lines);
                let read = packets::read(begun, |link, data, cut| {
                    capture.packet(link, data, cut, out);
                });
                let capture = capture.finish(out);
                let capture = capture.map_err(|e| InputError::Capture(path.to_path_buf(), e))?;
                return Ok(Unpacked {
                    capture: Some(capture),
                    cut: read.err(),
                });
            }
        };
        begun = packing.reader(begun);
        match recognise(begun) {
            Ok(found) => (content, begun) = found,
            // Not even its first bytes: nothing was unpacked.
            Err(error) => {
                return Ok(Unpacked {
                    capture: None,
                    cut: Some(error),
                });
            }
        }
    }
    Err(InputError::Layers(path.to_path_buf()))
}

/// Copies until the end, or until reading or writing fails. Only the former is an error:
/// what fails in writing stays in `out`.
fn copy(mut from: impl Read, out: &mut Counting) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK];
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if out.write_all(&buffer[..n]).is_err() {
            return Ok(());
        }
    }
}

/// Counts what is written, and keeps the first error: the device may be full.
struct Counting {
    inner: BufWriter<File>,
    written: u64,
    progress: crate::progress::Counter,
    failed: Option<io::Error>,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.inner.write(bytes) {
            Ok(n) => {
                self.written += n as u64;
                self.progress.set(self.written);
                Ok(n)
            }
            Err(error) => {
                let kind = error.kind();
                self.failed.get_or_insert(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;

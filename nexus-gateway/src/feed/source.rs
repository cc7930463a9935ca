//! Where the frames of a feed lie.

use crate::input::Spool;
use nexus_itch::binary_file::FrameReader;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) enum Source {
    Memory(Shared),
    File(PathBuf),
    Spool(Spool),
}

/// Bytes that several readers read.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

pub(super) type Frames = FrameReader<io::Take<Box<dyn Read + Send>>>;

impl Source {
    pub(super) fn generated(bytes: Vec<u8>) -> Self {
        Source::Memory(Shared(Arc::new(bytes)))
    }

    /// Opens the first `limit` bytes.
    pub(super) fn open(&self, limit: u64) -> io::Result<Frames> {
        Ok(FrameReader::new(self.reader(0)?.take(limit)))
    }

    /// Opens the bytes from `from` to `to`, to be read `capacity` at a time.
    pub(super) fn open_between(&self, from: u64, to: u64, capacity: usize) -> io::Result<Frames> {
        let reader = self.reader(from)?.take(to.saturating_sub(from));
        Ok(FrameReader::starting_at(from, reader, capacity))
    }

    fn reader(&self, from: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Source::Memory(bytes) => {
                let mut reader = Cursor::new(bytes.clone());
                reader.set_position(from);
                Box::new(reader)
            }
            Source::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                Box::new(file)
            }
            Source::Spool(spool) => Box::new(spool.reader(from)),
        })
    }
}

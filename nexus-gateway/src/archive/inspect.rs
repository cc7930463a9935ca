//! Reading an archive back: how far it is whole, and whether it is what its
//! sync file says.

use super::error::Context;
use super::sync::{self, Claim, SyncRecord};
use super::{ArchiveError, ArchiveFault};
use nexus_itch::binary_file::{FrameError, FrameFault, FrameReader};
use nexus_itch::itch::check;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// What is in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Whole records.
    pub records: u64,
    /// Their bytes, frames included: where the last whole record ends.
    pub whole: u64,
    /// Bytes behind that: the beginning of a record, or garbage.
    pub torn: u64,
    /// The CRC-32C of the whole records.
    pub crc: u32,
    /// What the sync file claims. It has been checked.
    pub synced: Option<SyncRecord>,
}

/// How much of an archive is known to be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// All of it was synced.
    Sure,
    /// A part of it was.
    Partly,
    /// No sync file says.
    Unsure,
}

impl Certainty {
    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Partly => "partly",
            Self::Unsure => "unsure",
        }
    }
}

impl Inspection {
    /// How sure it is.
    pub fn certainty(&self) -> Certainty {
        match &self.synced {
            None => Certainty::Unsure,
            Some(synced) if self.torn == 0 && self.whole == synced.length => Certainty::Sure,
            Some(_) => Certainty::Partly,
        }
    }
}

/// Reads the archive at `path` through.
///
/// # Errors
///
/// If it cannot be read, or the prefix that was known to be on disk is not
/// there as it was. A torn tail is no error.
pub fn inspect(path: &Path) -> Result<Inspection, ArchiveError> {
    let file = File::open(path).context(path, "open it")?;
    inspect_open(path, &file)
}

/// Reads the archive at `path` through and demands that it was finished: no
/// torn tail, and all of it synced.
///
/// # Errors
///
/// As [`inspect`], and if the archive goes on behind its synced prefix.
pub fn verify(path: &Path) -> Result<Inspection, ArchiveError> {
    let found = inspect(path)?;
    let synced = found.synced.unwrap_or_default().length;
    let length = found.whole + found.torn;
    if synced != length {
        let fault = ArchiveFault::Unfinished {
            synced,
            found: length,
        };
        return Err(ArchiveError::new(path, fault));
    }
    Ok(found)
}

/// [`inspect`] for an open file; moves its position.
pub(super) fn inspect_open(path: &Path, file: &File) -> Result<Inspection, ArchiveError> {
    // A gateway that runs writes on. The claim first: it never says more than is on
    // disk then. What comes after the length is not looked at.
    let synced = claim(path)?;
    let length = regular_len(path, file)?;
    let known = synced.unwrap_or_default();
    if known.length > length {
        let fault = ArchiveFault::Shorter {
            synced: known,
            found: length,
        };
        return Err(ArchiveError::new(path, fault));
    }
    // Without a claim every whole record counts.
    let checked_from = synced.map(|record| record.length);
    let walk = walk(file, length, known.length, checked_from).context(path, "read it")?;
    if !walk.passed_mark {
        let fault = ArchiveFault::Record {
            synced: known,
            error: walk.stopped.filter(|error| error.offset < known.length),
        };
        return Err(ArchiveError::new(path, fault));
    }
    let (at_mark, crc) = checksums(file, known.length, walk.whole).context(path, "read it")?;
    if at_mark != known.crc {
        let fault = ArchiveFault::Changed {
            synced: known,
            found: at_mark,
        };
        return Err(ArchiveError::new(path, fault));
    }
    if let Some(claimed) = known.records
        && claimed != walk.at_mark
    {
        let fault = ArchiveFault::Count {
            claimed,
            found: walk.at_mark,
        };
        return Err(ArchiveError::new(path, fault));
    }
    Ok(Inspection {
        records: walk.records,
        whole: walk.whole,
        torn: length - walk.whole,
        crc,
        synced,
    })
}

/// The length of a regular file; a device may never end.
fn regular_len(path: &Path, file: &File) -> Result<u64, ArchiveError> {
    let metadata = file.metadata().context(path, "look at it")?;
    match metadata.is_file() {
        true => Ok(metadata.len()),
        false => Err(ArchiveError::new(path, ArchiveFault::NotAFile)),
    }
}

fn claim(path: &Path) -> Result<Option<SyncRecord>, ArchiveError> {
    let sync_path = sync::path_of(path);
    match sync::read(&sync_path).context(&sync_path, "read it")? {
        Claim::None => Ok(None),
        Claim::Record(record) => Ok(Some(record)),
        Claim::Damaged => Err(ArchiveError::new(path, ArchiveFault::SyncDamaged)),
    }
}

struct Walk {
    records: u64,
    whole: u64,
    /// Whether a record ended exactly at the mark.
    passed_mark: bool,
    /// The records up to there.
    at_mark: u64,
    stopped: Option<FrameError>,
}

/// Reads the records in the first `length` bytes as far as they are whole, and, from
/// `checked_from` on, messages of ITCH 5.0.
fn walk(mut file: &File, length: u64, mark: u64, checked_from: Option<u64>) -> io::Result<Walk> {
    file.seek(SeekFrom::Start(0))?;
    let mut frames = FrameReader::new(file.take(length)).empty_messages_below(mark);
    let mut walk = Walk {
        records: 0,
        whole: 0,
        passed_mark: mark == 0,
        at_mark: 0,
        stopped: None,
    };
    loop {
        match frames.next() {
            Ok(Some(message)) => {
                if checked_from.is_some_and(|from| walk.whole >= from) && check(message).is_err() {
                    return Ok(walk);
                }
                walk.records += 1;
            }
            Ok(None) => return Ok(walk),
            // What cannot be read may be whole: it is no tail to be cut.
            Err(FrameError {
                fault: FrameFault::Io(error),
                ..
            }) => return Err(error),
            Err(error) => {
                walk.stopped = Some(error);
                return Ok(walk);
            }
        }
        walk.whole = frames.offset();
        if walk.whole == mark {
            walk.passed_mark = true;
            walk.at_mark = walk.records;
        }
    }
}

/// The checksums of the first `mark` and of the first `whole` bytes.
fn checksums(mut file: &File, mark: u64, whole: u64) -> io::Result<(u32, u32)> {
    file.seek(SeekFrom::Start(0))?;
    let at_mark = checksum(&mut file.take(mark), 0)?;
    let all = checksum(&mut file.take(whole.saturating_sub(mark)), at_mark)?;
    Ok((at_mark, all))
}

fn checksum(reader: &mut impl Read, mut crc: u32) -> io::Result<u32> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(crc),
            Ok(n) => crc = crc32c::crc32c_append(crc, &buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{SessionPlan, session};

    /// The file has grown since its length was read.
    #[test]
    fn nothing_is_read_behind_the_length_that_was_read() {
        let bytes = session(SessionPlan {
            messages: 100,
            seed: 1,
        });
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &bytes).unwrap();
        let all = walk(&file, bytes.len() as u64, 0, None).unwrap();
        assert_eq!((all.whole, all.records > 2), (bytes.len() as u64, true));
        let less = walk(&file, all.whole - 1, 0, None).unwrap();
        assert_eq!(less.records, all.records - 1);
        assert!(less.whole < all.whole - 1);
        let exact = walk(&file, less.whole, 0, None).unwrap();
        assert_eq!((exact.records, exact.whole), (less.records, less.whole));
    }
}

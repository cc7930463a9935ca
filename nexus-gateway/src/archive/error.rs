//! What can be wrong with an archive.

use super::SyncRecord;
use nexus_itch::binary_file::{FrameError, MAX_MESSAGE_LEN};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong, and with which archive.
#[derive(Debug)]
pub struct ArchiveError {
    /// The archive (or its sync file, where that is meant).
    pub path: PathBuf,
    /// What is wrong.
    pub fault: ArchiveFault,
}

/// What is wrong with an archive.
#[derive(Debug)]
pub enum ArchiveFault {
    /// The system refused.
    Io {
        /// What was tried.
        action: &'static str,
        /// What it said.
        error: io::Error,
    },
    /// The path names a folder or a device.
    NotAFile,
    /// Another writer has the archive open.
    InUse,
    /// A write or a sync has failed before: what is on disk is not known.
    Broken,
    /// A message of so many bytes fits no frame.
    TooLong(usize),
    /// The sync file has bytes, but makes no claim.
    SyncDamaged,
    /// The archive is shorter than what was on disk once.
    Shorter {
        /// What the sync file claims.
        synced: SyncRecord,
        /// The archive's length.
        found: u64,
    },
    /// The synced prefix is not what it was.
    Changed {
        /// What the sync file claims.
        synced: SyncRecord,
        /// The checksum of that prefix now.
        found: u32,
    },
    /// The synced prefix has other records than were counted.
    Count {
        /// The records that the sync file claims.
        claimed: u64,
        /// The records that are there.
        found: u64,
    },
    /// A record in the synced prefix cannot be read, or crosses its end.
    Record {
        /// What the sync file claims.
        synced: SyncRecord,
        /// What is wrong with the record, if it can be told.
        error: Option<FrameError>,
    },
    /// The archive was not finished: there is more than was synced.
    Unfinished {
        /// The length of the synced prefix.
        synced: u64,
        /// The archive's length.
        found: u64,
    },
}

impl ArchiveError {
    pub(super) fn new(path: &Path, fault: ArchiveFault) -> Self {
        Self {
            path: path.to_path_buf(),
            fault,
        }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "archive {}: ", self.path.display())?;
        match &self.fault {
            ArchiveFault::Io { action, error } => write!(f, "cannot {action}: {error}"),
            ArchiveFault::NotAFile => write!(f, "not a regular file"),
            ArchiveFault::InUse => write!(f, "another program is writing it"),
            ArchiveFault::Broken => write!(f, "an earlier write failed"),
            ArchiveFault::TooLong(found) => write!(
                f,
                "cannot append a message of {found} bytes, the limit is {MAX_MESSAGE_LEN}"
            ),
            ArchiveFault::SyncDamaged => write!(
                f,
                "its sync file is damaged. Remove it to go on with every whole record; \
                 a received session is then named by --session and --adopt"
            ),
            ArchiveFault::Shorter { synced, found } => {
                write!(f, "{} bytes were on disk, {found} are left", synced.length)
            }
            ArchiveFault::Changed { synced, found } => write!(
                f,
                "the first {} bytes had checksum {:08x}, now {found:08x}",
                synced.length, synced.crc
            ),
            ArchiveFault::Count { claimed, found } => {
                write!(
                    f,
                    "its sync file counts {claimed} records, {found} are there"
                )
            }
            ArchiveFault::Record { synced, error } => match error {
                Some(error) => write!(f, "within the {} bytes synced: {error}", synced.length),
                None => write!(f, "no record ends at the {} bytes synced", synced.length),
            },
            ArchiveFault::Unfinished { synced, found } => {
                write!(f, "{found} bytes, of which {synced} are synced")
            }
        }
    }
}

// What it says has the cause in it: a chain would say it twice.
impl std::error::Error for ArchiveError {}

/// Says which archive and which action an I/O error belongs to.
pub(super) trait Context<T> {
    fn context(self, path: &Path, action: &'static str) -> Result<T, ArchiveError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, path: &Path, action: &'static str) -> Result<T, ArchiveError> {
        self.map_err(|error| ArchiveError::new(path, ArchiveFault::Io { action, error }))
    }
}

//! The archive: the feed in BinaryFILE framing, byte for byte, and beside it a
//! file that says which prefix is known to be on disk.
//!
//! Knows messages and files; not lines, channels or threads.
//!
//! - `name` holds whole records, and behind them, after a crash, perhaps the
//!   beginning of one more. `name.sync` holds length and checksum of a prefix, the
//!   session and the number of the first message; it is renewed only after that prefix has been flushed to the device.
//! - Opening cuts everything behind the last whole record, and appends there.
//!   It refuses an archive with a synced prefix that is not what it was:
//!   nothing is cut then.
//! - After a process is killed, every record that was synced is readable, and
//!   no record is read that was not appended. BinaryFILE has no checksum of
//!   its own: after a loss of power, what lies behind the synced prefix counts as
//!   far as it is messages of ITCH 5.0, by types and lengths.
//! - A message of no bytes is a frame of length zero, which is a message below the
//!   synced length and the end of an archive behind it.
//! - One writer at a time: the file is locked while it is open.

mod error;
mod folder;
mod inspect;
mod sync;

pub use error::{ArchiveError, ArchiveFault};
pub use folder::{Folder, FolderError};
pub use inspect::{Certainty, Inspection, inspect, verify};
pub use sync::SyncRecord;

use error::Context;
use nexus_itch::binary_file::{FRAME_HEADER_LEN, MAX_MESSAGE_LEN, push_frame};

use nexus_itch::session::SessionName;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use sync::SyncFile;

/// Appends messages to an archive.
///
/// Dropping it without [`sync`](Archive::sync) leaves what was appended since
/// the last one unwritten, as a crash would.
///
/// # Example
///
/// ```
/// use nexus_gateway::archive::{Archive, verify};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("feed.itch50");
/// let mut message = [0; 19];
/// message[0] = b'D';
///
/// let mut archive = Archive::open(&path)?;
/// archive.append(&message)?;
/// archive.sync()?;
///
/// assert_eq!(std::fs::read(&path)?[..3], [0, 19, b'D']);
/// assert_eq!(verify(&path)?.records, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    sync: SyncFile,
    /// Whole records not yet handed to the system.
    buffer: Vec<u8>,
    /// What was handed to the system: its length and checksum.
    written: u64,
    crc: u32,
    records: u64,
    first: u64,
    session: Option<SessionName>,
    found: Inspection,
    /// Set by the first write that fails: what is on disk is not known then,
    /// and a later sync that succeeds would prove nothing.
    broken: bool,
}

/// How much is collected before it is written.
const BUFFER_BYTES: usize = 256 * 1024;

impl Archive {
    /// Opens the archive at `path`, or makes it; cuts what is behind the last
    /// whole record and syncs.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, is being written by another, or its
    /// synced prefix is damaged.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .context(path, "open it")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(ArchiveError::new(path, ArchiveFault::InUse));
            }
            Err(TryLockError::Error(error)) => return Err(error).context(path, "lock it"),
        }
        let found = inspect::inspect_open(path, &file)?;
        if found.torn > 0 {
            file.set_len(found.whole).context(path, "cut its tail")?;
        }
        file.seek(SeekFrom::Start(found.whole))
            .context(path, "find its end")?;
        let sync_path = sync::path_of(path);
        let sync = SyncFile::open(&sync_path, found.synced).context(&sync_path, "open it")?;
        sync_folder(path)?;
        let known = found.synced.unwrap_or_default();
        let mut archive = Self {
            first: known.first,
            session: known.session,
            path: path.to_path_buf(),
            file,
            sync,
            buffer: Vec::with_capacity(BUFFER_BYTES + FRAME_HEADER_LEN + MAX_MESSAGE_LEN),
            written: found.whole,
            crc: found.crc,
            records: found.records,
            found,
            broken: false,
        };
        archive.sync()?;
        Ok(archive)
    }

    /// What was there when it was opened, before the cut.
    pub fn found(&self) -> &Inspection {
        &self.found
    }

    /// Records, those found included.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The number of its first message.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The session that it belongs to, if it is known.
    pub fn session(&self) -> Option<SessionName> {
        self.session
    }

    /// Names the session that the archive belongs to, and the number of its first message,
    /// before that is appended. Both are on disk when this returns.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    pub fn begin(&mut self, session: SessionName, first: u64) -> Result<SyncRecord, ArchiveError> {
        self.session = Some(session);
        self.first = first;
        self.sync()
    }

    /// Bytes, those found and those still buffered included.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// What is known to be on disk.
    pub fn synced(&self) -> SyncRecord {
        self.sync.last()
    }

    /// Whether something was appended since the last sync.
    pub fn is_dirty(&self) -> bool {
        self.bytes() != self.synced().length
    }

    /// Appends one message in a frame, whatever its bytes; it may be empty. It is on
    /// disk after the next [`sync`](Self::sync).
    ///
    /// # Errors
    ///
    /// If `message` is longer than [`MAX_MESSAGE_LEN`]: nothing is appended. If the
    /// disk does not take it: the archive takes no more then.
    pub fn append(&mut self, message: &[u8]) -> Result<(), ArchiveError> {
        self.refuse_if_broken()?;
        let found = message.len();
        if found > MAX_MESSAGE_LEN {
            return Err(ArchiveError::new(&self.path, ArchiveFault::TooLong(found)));
        }
        push_frame(message, &mut self.buffer);
        self.records += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    /// Flushes what was appended to the device, then renews the sync file.
    ///
    /// # Errors
    ///
    /// If the disk does not take it: the archive takes no more then, and the
    /// sync file still says what was true before.
    pub fn sync(&mut self) -> Result<SyncRecord, ArchiveError> {
        self.refuse_if_broken()?;
        self.write_out()?;
        let result = self
            .file
            .sync_data()
            .context(&self.path, "flush it to the device")
            .and_then(|()| {
                let renewed = self.sync.renew(SyncRecord {
                    length: self.written,
                    crc: self.crc,
                    first: self.first,
                    records: Some(self.records),
                    session: self.session,
                    ..SyncRecord::default()
                });
                renewed.context(&sync::path_of(&self.path), "renew it")
            });
        self.broken |= result.is_err();
        result
    }

    fn write_out(&mut self) -> Result<(), ArchiveError> {
        if let Err(error) = self.file.write_all(&self.buffer) {
            self.broken = true;
            return Err(error).context(&self.path, "write it");
        }
        self.crc = crc32c::crc32c_append(self.crc, &self.buffer);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn refuse_if_broken(&self) -> Result<(), ArchiveError> {
        match self.broken {
            true => Err(ArchiveError::new(&self.path, ArchiveFault::Broken)),
            false => Ok(()),
        }
    }
}

/// Flushes the folder: a new file is on disk only when its name is.
fn sync_folder(path: &Path) -> Result<(), ArchiveError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .context(path, "flush its folder")
}

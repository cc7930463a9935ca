//! The sync file: which prefix of an archive is known to be on disk.
//!
//! Two slots of 512 bytes are written in turn, each one line of text with a
//! checksum of its own. A write that is torn spoils one slot, and the other
//! still holds: its claim is older, but as true as when it was made. Against
//! the usual temporary file and rename this needs no new inode, hence no
//! journal commit and no free block, at each renewal. It goes on working on a
//! full disk.
//!
//! ```text
//! nexus-sync generation 00000000000000000003 length 00000000000034567890 crc32c 0badcafe check 89abcdef
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A claim about a prefix of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncRecord {
    /// Counts the renewals.
    pub generation: u64,
    /// The length of the prefix in bytes: the end of a record.
    pub length: u64,
    /// The CRC-32C of the prefix.
    pub crc: u32,
}

/// One sector: written whole or not at all.
const SLOT_BYTES: usize = 512;

const FILE_BYTES: usize = 2 * SLOT_BYTES;

impl SyncRecord {
    fn line(&self) -> String {
        let claim = format!(
            "nexus-sync generation {:020} length {:020} crc32c {:08x}",
            self.generation, self.length, self.crc
        );
        let check = crc32c::crc32c(claim.as_bytes());
        format!("{claim} check {check:08x}")
    }

    fn slot(&self) -> [u8; SLOT_BYTES] {
        let mut slot = blank();
        let line = self.line();
        slot[..line.len()].copy_from_slice(line.as_bytes());
        slot
    }

    /// Reads a slot; `None` unless it is, byte for byte, what
    /// [`slot`](Self::slot) writes.
    fn parse(slot: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(slot).ok()?;
        let mut words = text.split_ascii_whitespace();
        let mut value = |name| words.find(|&word| word == name).and_then(|_| words.next());
        let record = Self {
            generation: value("generation")?.parse().ok()?,
            length: value("length")?.parse().ok()?,
            crc: u32::from_str_radix(value("crc32c")?, 16).ok()?,
        };
        (record.slot() == slot).then_some(record)
    }
}

/// An empty slot: spaces, and a line end for people who print the file.
fn blank() -> [u8; SLOT_BYTES] {
    let mut slot = [b' '; SLOT_BYTES];
    slot[SLOT_BYTES - 1] = b'\n';
    slot
}

/// Where the sync file of the archive at `archive` is.
pub(super) fn path_of(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".sync");
    PathBuf::from(name)
}

/// What a sync file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// There is no file, or it was killed before its first write.
    None,
    /// The newest slot that is whole.
    Record(SyncRecord),
    /// There are bytes, and no slot is whole.
    Damaged,
}

/// Reads the sync file at `path`.
pub(super) fn read(path: &Path) -> io::Result<Claim> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Claim::None),
        Err(e) => return Err(e),
    };
    if bytes.is_empty() {
        return Ok(Claim::None);
    }
    let newest = bytes
        .chunks_exact(SLOT_BYTES)
        .take(2)
        .filter_map(SyncRecord::parse)
        .max_by_key(|record| record.generation);
    Ok(newest.map_or(Claim::Damaged, Claim::Record))
}

/// Writes a sync file.
#[derive(Debug)]
pub(super) struct SyncFile {
    file: File,
    last: SyncRecord,
}

impl SyncFile {
    /// Opens the file at `path`, with the newest record `last`, or makes it.
    pub(super) fn open(path: &Path, last: Option<SyncRecord>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if last.is_none() {
            // One write within one page: a kill leaves all of it or nothing.
            let mut both = [blank(), blank()].concat();
            both[..SLOT_BYTES].copy_from_slice(&SyncRecord::default().slot());
            debug_assert_eq!(both.len(), FILE_BYTES);
            file.write_all_at(&both, 0)?;
            file.sync_all()?;
        }
        Ok(Self {
            file,
            last: last.unwrap_or_default(),
        })
    }

    /// Makes a new claim, which the caller has made true before.
    pub(super) fn renew(&mut self, length: u64, crc: u32) -> io::Result<SyncRecord> {
        let record = SyncRecord {
            generation: self.last.generation + 1,
            length,
            crc,
        };
        let at = record.generation % 2 * SLOT_BYTES as u64;
        self.file.write_all_at(&record.slot(), at)?;
        self.file.sync_data()?;
        self.last = record;
        Ok(record)
    }

    pub(super) fn last(&self) -> SyncRecord {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_slot_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(&folder.path().join("x"));
        assert!(path.ends_with("x.sync"));
        assert_eq!(read(&path).unwrap(), Claim::None);
        std::fs::write(&path, b"").unwrap();
        assert_eq!(read(&path).unwrap(), Claim::None);

        let mut sync = SyncFile::open(&path, None).unwrap();
        assert_eq!(read(&path).unwrap(), Claim::Record(SyncRecord::default()));
        let mut newest = SyncRecord::default();
        for length in [10, 20, 30] {
            newest = sync.renew(length, length as u32 * 7).unwrap();
            assert_eq!(read(&path).unwrap(), Claim::Record(newest));
        }
        let again = SyncFile::open(&path, Some(newest)).unwrap();
        assert_eq!(again.last(), newest);
        assert_eq!((newest.generation, newest.length), (3, 30));
    }

    #[test]
    fn a_torn_slot_leaves_the_claim_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("y.sync");
        let mut sync = SyncFile::open(&path, None).unwrap();
        let older = sync.renew(10, 1).unwrap();
        let newer = sync.renew(20, 2).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let newest_at = (newer.generation % 2) as usize * SLOT_BYTES;
        for byte in 0..SLOT_BYTES {
            let mut torn = whole.clone();
            torn[newest_at + byte] ^= 0x40;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(read(&path).unwrap(), Claim::Record(older), "byte {byte}");
        }
        std::fs::write(&path, vec![0; FILE_BYTES]).unwrap();
        assert_eq!(read(&path).unwrap(), Claim::Damaged);
        for len in 1..FILE_BYTES {
            std::fs::write(&path, &whole[..len]).unwrap();
            let claim = read(&path).unwrap();
            assert!(
                matches!(claim, Claim::Damaged) || claim == Claim::Record(newer),
                "{len} bytes: {claim:?}"
            );
        }
    }
}

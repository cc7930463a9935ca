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
//! nexus-sync 2 generation 00000000000000000003 length 00000000000034567890 crc32c 0badcafe
//!     first 00000000000000000001 records 00000000000000912345
//!     session 44415920312020202020 (DAY 1) check 89abcdef
//! ```
//!
//! (in one line). The session is the ten bytes of its name in hex, and behind them what
//! people read; `-` stands for none. Version 1 had neither it nor the two numbers.

use nexus_itch::session::{NAME_LEN, SessionName};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A claim about a prefix of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRecord {
    /// Counts the renewals.
    pub generation: u64,
    /// The length of the prefix in bytes: the end of a record.
    pub length: u64,
    /// The CRC-32C of the prefix.
    pub crc: u32,
    /// The number of the first message in the archive.
    pub first: u64,
    /// The records of the prefix. Version 1 does not say.
    pub records: Option<u64>,
    /// The session that they belong to, if it is known.
    pub session: Option<SessionName>,
}

impl Default for SyncRecord {
    /// Of an archive that has nothing.
    fn default() -> Self {
        Self {
            generation: 0,
            length: 0,
            crc: 0,
            first: 1,
            records: Some(0),
            session: None,
        }
    }
}

/// One sector: written whole or not at all.
const SLOT_BYTES: usize = 512;

const FILE_BYTES: usize = 2 * SLOT_BYTES;

impl SyncRecord {
    fn line(&self) -> String {
        let (generation, length, crc) = (self.generation, self.length, self.crc);
        let numbers = format!("generation {generation:020} length {length:020} crc32c {crc:08x}");
        let claim = match self.records {
            None => format!("nexus-sync {numbers}"),
            Some(records) => format!(
                "nexus-sync 2 {numbers} first {:020} records {records:020} session {}",
                self.first,
                self.session.map_or("-".to_string(), text_of),
            ),
        };
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
        let mut record = Self {
            generation: value("generation")?.parse().ok()?,
            length: value("length")?.parse().ok()?,
            crc: u32::from_str_radix(value("crc32c")?, 16).ok()?,
            records: None,
            ..Self::default()
        };
        if let Some(first) = value("first") {
            record.first = first.parse().ok()?;
            record.records = Some(value("records")?.parse().ok()?);
            record.session = session_of(value("session")?);
        }
        (record.slot() == slot).then_some(record)
    }
}

/// A session's name, for the file: ten bytes in hex, and for people.
fn text_of(session: SessionName) -> String {
    let bytes = session.to_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex} ({session})")
}

/// The name that [`text_of`] wrote, from its hex.
fn session_of(hex: &str) -> Option<SessionName> {
    let mut bytes = [0; NAME_LEN];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(SessionName::from_bytes(bytes))
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

    /// Makes a new claim, which the caller has made true before. Its generation is
    /// that of the last one and 1.
    pub(super) fn renew(&mut self, claim: SyncRecord) -> io::Result<SyncRecord> {
        let record = SyncRecord {
            generation: self.last.generation + 1,
            ..claim
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

    fn claim(length: u64) -> SyncRecord {
        SyncRecord {
            length,
            crc: length as u32 * 7,
            records: Some(length / 10),
            session: Some(SessionName::from_bytes(*b"a.b >*\x1b[3m")),
            ..SyncRecord::default()
        }
    }

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
            newest = sync.renew(claim(length)).unwrap();
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
        let older = sync.renew(claim(10)).unwrap();
        let newer = sync.renew(claim(20)).unwrap();
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

    #[test]
    fn a_claim_of_the_first_version_is_read_and_renewed_in_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("z.sync");
        let old = SyncRecord {
            generation: 6,
            length: 20,
            crc: 7,
            records: None,
            ..SyncRecord::default()
        };
        let line = "nexus-sync generation 00000000000000000006 \
                    length 00000000000000000020 crc32c 00000007 check ";
        assert!(old.line().starts_with(line), "{}", old.line());
        std::fs::write(&path, [old.slot(), blank()].concat()).unwrap();
        assert_eq!(read(&path).unwrap(), Claim::Record(old));
        let mut sync = SyncFile::open(&path, Some(old)).unwrap();
        let new = sync.renew(claim(40)).unwrap();
        assert_eq!(
            (new.generation, read(&path).unwrap()),
            (7, Claim::Record(new))
        );
    }

    #[test]
    fn a_claim_says_which_session_for_programs_and_people() {
        let line = claim(30).line();
        let expected = "first 00000000000000000001 records 00000000000000000003 \
                        session 612e62203e2a1b5b336d (a.b >*\\x1b[3m) check ";
        assert!(line.contains(expected), "{line}");
        assert!(line.starts_with("nexus-sync 2 generation 0"), "{line}");
        assert!(SyncRecord::default().line().contains(" session - check "));
    }
}

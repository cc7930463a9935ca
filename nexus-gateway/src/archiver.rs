//! The thread that archives: appends what the sink passes on, and renews the sync file
//! on time.
//!
//! It polls its channel and sleeps in between, as long as something is not yet
//! synced. So the sender need not wake it, and it takes many messages at a
//! time. Only when all is on disk does it wait for the next message.

use crate::archive::{Archive, ArchiveError};
use crate::outcome::Archived;
use crate::sink::ToArchive;
use nexus_async_rt::channel::{TryRecvError, spsc_bytes};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// The longest it sleeps with a message perhaps waiting. The channel holds
/// what comes meanwhile.
const NAP: Duration = Duration::from_millis(1);

/// How many messages it takes between two looks at the clock.
const TURN: usize = 512;

struct Archiver {
    archive: Archive,
    interval: Duration,
    /// When the sync file is to be renewed.
    due: Instant,
    syncs: u64,
    longest_sync: Duration,
}

/// Archives what comes until the sender is gone; renews the sync file every `interval` and at the end.
pub(crate) fn archive(
    archive: Archive,
    path: PathBuf,
    interval: Duration,
    mut from: spsc_bytes::Receiver,
) -> Result<Archived, ArchiveError> {
    let mut archiver = Archiver {
        archive,
        interval,
        due: Instant::now() + interval,
        syncs: 0,
        longest_sync: Duration::ZERO,
    };
    loop {
        match archiver.take_turn(&mut from)? {
            Turn::Busy => {}
            Turn::Over => return archiver.finish(path),
            Turn::Idle => match archiver.archive.is_dirty() {
                true => thread::sleep(archiver.until_due().min(NAP)),
                false => {
                    if let Ok(record) = from.blocking_recv() {
                        archiver.take(&record)?;
                    }
                    archiver.due = Instant::now() + interval;
                }
            },
        }
        if archiver.until_due().is_zero() {
            archiver.sync()?;
        }
    }
}

/// How a turn ended.
enum Turn {
    /// There may be more.
    Busy,
    /// There was no more.
    Idle,
    /// There will be no more.
    Over,
}

impl Archiver {
    fn take_turn(&mut self, from: &mut spsc_bytes::Receiver) -> Result<Turn, ArchiveError> {
        for _ in 0..TURN {
            match from.try_recv() {
                Ok(record) => self.take(&record)?,
                Err(TryRecvError::Empty) => return Ok(Turn::Idle),
                Err(TryRecvError::Disconnected) => return Ok(Turn::Over),
            }
        }
        Ok(Turn::Busy)
    }

    fn take(&mut self, record: &[u8]) -> Result<(), ArchiveError> {
        match ToArchive::decode(record) {
            ToArchive::Message(message) => self.archive.append(message),
            ToArchive::Session(session) => self.archive.begin(session).map(drop),
        }
    }

    fn until_due(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    fn sync(&mut self) -> Result<(), ArchiveError> {
        let begun = Instant::now();
        if self.archive.is_dirty() {
            self.archive.sync()?;
            self.syncs += 1;
            self.longest_sync = self.longest_sync.max(begun.elapsed());
        }
        self.due = Instant::now() + self.interval;
        Ok(())
    }

    fn finish(mut self, path: PathBuf) -> Result<Archived, ArchiveError> {
        self.sync()?;
        Ok(Archived {
            path,
            found: *self.archive.found(),
            records: self.archive.records(),
            synced: self.archive.synced(),
            syncs: self.syncs,
            longest_sync: self.longest_sync,
        })
    }
}

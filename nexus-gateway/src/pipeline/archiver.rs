//! The thread that archives: of each message the first copy, in order, and the
//! sync file on time.
//!
//! It polls its channel and sleeps in between, as long as something is not yet
//! synced. So the senders need not wake it, and it takes many messages at a
//! time. Only when all is on disk does it wait for the next message.

use super::WINDOW;
use super::line::SEQUENCE_LEN;
use crate::arbiter::Arbiter;
use crate::archive::{Archive, ArchiveError};
use crate::outcome::Archived;
use nexus_async_rt::channel::{TryRecvError, mpsc_bytes};
use nexus_itch::itch::MAX_MESSAGE_LEN;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// The longest it sleeps with a message perhaps waiting. The channel holds
/// what comes meanwhile.
const NAP: Duration = Duration::from_millis(1);

/// How many messages it takes between two looks at the clock.
const TURN: usize = 512;

/// A message, held until it is its turn.
#[derive(Clone, Copy)]
struct Raw {
    len: usize,
    bytes: [u8; MAX_MESSAGE_LEN],
}

struct Archiver {
    archive: Archive,
    arbiter: Arbiter<Raw>,
    interval: Duration,
    /// When the sync file is to be renewed.
    due: Instant,
    syncs: u64,
    longest_sync: Duration,
}

/// Archives what comes until all senders are gone, from message `first` on;
/// renews the sync file every `interval` and at the end.
pub(crate) fn archive(
    archive: Archive,
    path: PathBuf,
    interval: Duration,
    first: u64,
    mut from: mpsc_bytes::Receiver,
) -> Result<Archived, ArchiveError> {
    let mut archiver = Archiver {
        archive,
        arbiter: Arbiter::starting_at(first, WINDOW),
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
    fn take_turn(&mut self, from: &mut mpsc_bytes::Receiver) -> Result<Turn, ArchiveError> {
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
        let (sequence, raw) = record.split_at(SEQUENCE_LEN.min(record.len()));
        let mut number = [0; SEQUENCE_LEN];
        number[..sequence.len()].copy_from_slice(sequence);
        let mut held = Raw {
            len: raw.len().min(MAX_MESSAGE_LEN),
            bytes: [0; MAX_MESSAGE_LEN],
        };
        held.bytes[..held.len].copy_from_slice(&raw[..held.len]);
        let archive = &mut self.archive;
        let mut result = Ok(());
        self.arbiter
            .offer(u64::from_le_bytes(number), held, |_, raw| {
                if result.is_ok() {
                    result = archive.append(&raw.bytes[..raw.len]);
                }
            });
        result
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
        let archive = &mut self.archive;
        let mut result = Ok(());
        self.arbiter.finish(|_, raw| {
            if result.is_ok() {
                result = archive.append(&raw.bytes[..raw.len]);
            }
        });
        result?;
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

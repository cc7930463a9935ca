//! The thread that archives: appends what the sink passes on, and renews the sync file
//! on time.
//!
//! It polls its channel and sleeps in between, as long as something is not yet
//! synced. So the sender need not wake it, and it takes many messages at a
//! time. Only when all is on disk does it wait for the next message.

use crate::archive::{Archive, ArchiveError};
use crate::outcome::Archived;
use crate::sink::{self, ToArchive};
use nexus_async_rt::channel::{TryRecvError, spsc_bytes};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tracing::warn;

/// The longest it sleeps with a message perhaps waiting. The channel holds
/// what comes meanwhile.
const NAP: Duration = Duration::from_millis(1);

/// How many messages it takes between two looks at the clock.
const TURN: usize = 512;

/// A device is short of space when it is full in so long at the rate until now.
const SHORT: Duration = Duration::from_secs(600);

/// How often the space is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at the space that a device has left.
struct Space {
    folder: PathBuf,
    /// When the first message came, and the length of the archive then.
    begun: Option<(Instant, u64)>,
    next_look: Instant,
    warned: bool,
}

impl Space {
    fn of(archive: &Path) -> Self {
        Self {
            folder: archive.parent().unwrap_or(archive).to_path_buf(),
            begun: None,
            next_look: Instant::now() + LOOK,
            warned: false,
        }
    }

    /// Warns once, when the device is short of space.
    fn look(&mut self, length: u64) {
        let now = Instant::now();
        let (begun, before) = *self.begun.get_or_insert((now, length));
        if self.warned || now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        // Where the system does not say, the write that fails does.
        let Ok(device) = rustix::fs::statvfs(&self.folder) else {
            return;
        };
        let free = device.f_bavail.saturating_mul(device.f_frsize);
        if let Some(left) = time_left(free, length - before, now - begun)
            && left < SHORT
        {
            warn!(
                "archive folder {}: {free} bytes are free, full in {} s at this rate",
                self.folder.display(),
                left.as_secs()
            );
            self.warned = true;
        }
    }
}

/// How long so many free bytes last, if `written` went in `elapsed`; `None` without a
/// rate.
fn time_left(free: u64, written: u64, elapsed: Duration) -> Option<Duration> {
    let rate = written as f64 / elapsed.as_secs_f64();
    let left = Duration::try_from_secs_f64(free as f64 / rate);
    (rate > 0.0).then(|| left.unwrap_or(Duration::MAX))
}

struct Archiver {
    archive: Archive,
    space: Option<Space>,
    interval: Duration,
    /// When the sync file is to be renewed.
    due: Instant,
    syncs: u64,
    longest_sync: Duration,
}

/// A thread that archives.
pub(crate) type ArchiveThread = JoinHandle<Result<Archived, ArchiveError>>;

/// Starts the thread of `archive`, which is at `path`. Returns where its messages go; it
/// ends when that is dropped. See [`archive`] for the rest.
pub(crate) fn start(
    archive: Archive,
    path: &Path,
    interval: Duration,
    watch_space: bool,
) -> io::Result<(spsc_bytes::Sender, ArchiveThread)> {
    let (to_archive, raw) = sink::to_archive();
    let path = path.to_path_buf();
    let thread = thread::Builder::new()
        .name("archive".to_string())
        .spawn(move || self::archive(archive, path, interval, watch_space, raw))?;
    Ok((to_archive, thread))
}

/// Archives what comes until the sender is gone; renews the sync file every
/// `interval` and at the end. Warns of a device that fills up, if that is wanted.
fn archive(
    archive: Archive,
    path: PathBuf,
    interval: Duration,
    watch_space: bool,
    mut from: spsc_bytes::Receiver,
) -> Result<Archived, ArchiveError> {
    let mut archiver = Archiver {
        archive,
        space: watch_space.then(|| Space::of(&path)),
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
            ToArchive::Session(session, first) => self.archive.begin(session, first).map(drop),
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
            let length = self.archive.bytes();
            if let Some(space) = &mut self.space {
                space.look(length);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_from_the_rate() {
        let second = Duration::from_secs(1);
        assert_eq!(time_left(1_000, 10, second), Some(Duration::from_secs(100)));
        assert_eq!(time_left(0, 10, second), Some(Duration::ZERO));
        assert_eq!(time_left(u64::MAX, 1, second * 60), Some(Duration::MAX));
        for (written, elapsed) in [(0, second), (0, Duration::ZERO)] {
            assert_eq!(time_left(1_000, written, elapsed), None);
        }
    }
}

//! What a run came to.

use crate::archive::{Inspection, SyncRecord};
use crate::book::Books;
use crate::latency::Percentiles;
use crate::replay::Merged;
use crate::tally::Tally;
use std::path::PathBuf;
use std::time::Duration;

/// What one run over the whole feed came to.
#[derive(Debug)]
pub struct Outcome {
    /// From the first message's sending to the last one's booking.
    pub elapsed: Duration,
    /// The books at the end.
    pub books: Books,
    /// The messages booked, by type.
    pub tally: Tally,
    /// What both lines brought.
    pub merged: Merged,
    /// From the moment at which a message was meant to be sent to its booking.
    /// Of a paced run only.
    pub latency: Option<Percentiles>,
    /// How late the sender of the line that was meant to be on time was, per
    /// packet. Of a paced run only.
    pub lateness: Option<Percentiles>,
    /// What was archived, if there is an archive.
    pub archived: Option<Archived>,
}

impl Outcome {
    /// Messages booked in a second.
    pub fn rate(&self) -> u64 {
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        (self.tally.total() as f64 / seconds) as u64
    }
}

/// Of which messages books are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The number of the first.
    pub first: u64,
    /// How many are missing behind it.
    pub missing: u64,
}

impl Coverage {
    /// All of a session.
    pub const WHOLE: Self = Self {
        first: 1,
        missing: 0,
    };

    /// Whether the books are what the exchange's are.
    pub fn is_complete(&self) -> bool {
        self.first <= 1 && self.missing == 0
    }
}

/// What an archive writer did.
#[derive(Clone, Debug)]
pub struct Archived {
    /// Where.
    pub path: PathBuf,
    /// What was there before.
    pub found: Inspection,
    /// Records, those found included.
    pub records: u64,
    /// What is on disk now: all of it.
    pub synced: SyncRecord,
    /// How often the sync file was renewed.
    pub syncs: u64,
    /// The longest that the device took for it.
    pub longest_sync: Duration,
}

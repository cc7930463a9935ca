//! The feed as all subscribers see it: what has been played by now, and what is
//! listening.

use super::counts::Counts;
use crate::feed::{Feed, Player, Schedule};
use nexus_async_rt::now;
use nexus_async_rt::time::sleep_until;
use nexus_itch::binary_file::FrameError;
use nexus_itch::heartbeat::Rhythm;
use nexus_itch::soup::Door;
use std::cell::Cell;
use std::future::pending;
use std::ops::Deref;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The least time between two looks at what is due: messages of one such
/// interval are sent together.
const GRAIN: Duration = Duration::from_millis(1);

/// One feed that is being played. Each subscriber reads it at its own place.
#[derive(Debug)]
pub(super) struct Broadcast {
    feed: Feed,
    /// As fast as it is taken, if there is none.
    schedule: Option<Schedule>,
    begun: Instant,
    door: Door,
    rhythm: Rhythm,
    connected: Cell<usize>,
    last_use: Cell<Instant>,
    counts: Counts,
}

impl Broadcast {
    /// Begins now. Needs a runtime's clock.
    pub(super) fn new(feed: Feed, rate: Option<u64>, door: Door, rhythm: Rhythm) -> Self {
        let begun = now();
        Self {
            feed,
            schedule: rate.map(Schedule::new),
            begun,
            door,
            rhythm,
            connected: Cell::new(0),
            last_use: Cell::new(begun),
            counts: Counts::default(),
        }
    }

    pub(super) fn door(&self) -> Door {
        self.door
    }

    pub(super) fn rhythm(&self) -> Rhythm {
        self.rhythm
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// All messages that there will be.
    pub(super) fn messages(&self) -> u64 {
        self.feed.messages()
    }

    /// A reader of the feed, at message `sequence`.
    pub(super) fn play_from(&self, sequence: u64) -> Result<Player, FrameError> {
        self.feed.play_from(sequence)
    }

    /// The last message that has been played by `now`.
    pub(super) fn latest(&self, now: Instant) -> u64 {
        let Some(schedule) = &self.schedule else {
            return self.messages();
        };
        let elapsed = now.saturating_duration_since(self.begun).as_nanos();
        let due = schedule.due_by(u64::try_from(elapsed).unwrap_or(u64::MAX));
        due.min(self.messages())
    }

    /// When to look whether message `sequence` has been played. Never for one
    /// that there is not.
    pub(super) fn due(&self, sequence: u64, now: Instant) -> Option<Instant> {
        if sequence > self.messages() {
            return None;
        }
        let after = self.schedule.as_ref().map_or(0, |s| s.due(sequence));
        let due = self.begun.checked_add(Duration::from_nanos(after))?;
        Some(due.max(now + GRAIN))
    }

    /// Somebody takes part, as long as what is returned lives.
    pub(super) fn attend(self: &Rc<Self>) -> Attendance {
        self.connected.set(self.connected.get() + 1);
        Attendance(Rc::clone(self))
    }

    /// How many take part.
    pub(super) fn connected(&self) -> usize {
        self.connected.get()
    }

    /// Somebody took part for a moment.
    pub(super) fn touch(&self) {
        self.last_use.set(now());
    }

    /// Waits until everything was played, and then nobody took part for
    /// `linger`; for ever, if there is none.
    pub(super) async fn is_done(&self, linger: Option<Duration>) {
        let Some(linger) = linger else {
            return pending().await;
        };
        let last = self.due(self.messages(), self.begun);
        loop {
            let idle_since = match self.connected.get() {
                0 => self.last_use.get().max(last.unwrap_or(self.begun)),
                _ => now(),
            };
            let done = idle_since + linger;
            if self.connected.get() == 0 && now() >= done {
                return;
            }
            sleep_until(done.max(now() + GRAIN)).await;
        }
    }
}

/// One that takes part.
#[derive(Debug)]
pub(super) struct Attendance(Rc<Broadcast>);

impl Deref for Attendance {
    type Target = Broadcast;

    fn deref(&self) -> &Broadcast {
        &self.0
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.connected.set(self.0.connected.get() - 1);
        // Outside a runtime nobody waits for the end any more.
        self.0.last_use.set(Instant::now());
    }
}

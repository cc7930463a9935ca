//! Heartbeats: ours sent in time, and a peer that sends none noticed.

use std::fmt;
use std::time::{Duration, Instant};

/// How often heartbeats are sent, and how long a peer may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// A heartbeat is sent when nothing else was for so long.
    pub heartbeat: Duration,
    /// A peer that was silent for so long is gone.
    pub silence: Duration,
}

impl Default for Rhythm {
    /// A heartbeat each second, and a peer silent for 15 is gone: the figures
    /// of both protocols.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(1),
            silence: Duration::from_secs(15),
        }
    }
}

/// A peer was silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent {
    /// How long it may be silent.
    pub limit: Duration,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "silent for {:?}, the limit", self.limit)
    }
}

impl std::error::Error for Silent {}

/// Watches both directions of one connection.
///
/// ```
/// use nexus_itch::heartbeat::{Rhythm, Liveness};
/// use std::time::{Duration, Instant};
///
/// let begin = Instant::now();
/// let mut liveness = Liveness::new(Rhythm::default(), begin);
/// assert!(!liveness.owes_heartbeat(begin));
/// assert!(liveness.owes_heartbeat(begin + Duration::from_secs(1)));
/// liveness.heard(begin + Duration::from_secs(9));
/// assert!(liveness.check(begin + Duration::from_secs(23)).is_ok());
/// assert!(liveness.check(begin + Duration::from_secs(24)).is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    rhythm: Rhythm,
    heard: Instant,
    sent: Instant,
}

impl Liveness {
    /// Begins now: both directions count as just used.
    pub fn new(rhythm: Rhythm, now: Instant) -> Self {
        Self {
            rhythm,
            heard: now,
            sent: now,
        }
    }

    /// Something came from the peer.
    pub fn heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    /// Something was sent to the peer.
    pub fn sent(&mut self, now: Instant) {
        self.sent = self.sent.max(now);
    }

    /// Whether it is time for a heartbeat of ours.
    pub fn owes_heartbeat(&self, now: Instant) -> bool {
        now >= self.heartbeat_due()
    }

    /// When a heartbeat of ours is due.
    pub fn heartbeat_due(&self) -> Instant {
        self.sent + self.rhythm.heartbeat
    }

    /// When the peer is gone unless something comes from it.
    pub fn silent_at(&self) -> Instant {
        self.heard + self.rhythm.silence
    }

    /// Fails once the peer is gone.
    ///
    /// # Errors
    ///
    /// If it was silent for as long as is allowed.
    pub fn check(&self, now: Instant) -> Result<(), Silent> {
        match now < self.silent_at() {
            true => Ok(()),
            false => Err(Silent {
                limit: self.rhythm.silence,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_counts_alone() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let mut liveness = Liveness::new(Rhythm::default(), begin);
        liveness.sent(after(800));
        assert!(!liveness.owes_heartbeat(after(1799)));
        assert!(liveness.owes_heartbeat(after(1800)));
        assert_eq!(liveness.silent_at(), after(15_000));
        let silent = liveness.check(after(15_000)).unwrap_err();
        assert_eq!(silent.to_string(), "silent for 15s, the limit");
        liveness.heard(after(14_000));
        liveness.heard(after(10));
        assert_eq!(liveness.silent_at(), after(29_000), "time does not go back");
    }
}

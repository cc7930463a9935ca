//! What each line brought, beside what the others did.

use crate::latency::{Latencies, Percentiles};
use nexus_itch::sequencer::Placed;
use std::ops::Range;
use std::time::Instant;

/// Copies are compared in time if so few messages lie between them.
const REMEMBERED: usize = 64 * 1024;

/// The line's letter.
pub(super) fn letter(line: usize) -> char {
    if line == 0 { 'A' } else { 'B' }
}

/// What one line brought.
#[derive(Debug, Default)]
pub struct LineStats {
    /// Packets of the session, heartbeats included.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that came over it first.
    pub first_copies: u64,
    /// Messages that were there before.
    pub duplicates: u64,
    /// How often it went on behind the message that was due.
    pub gaps: u64,
    /// The messages that it passed over so.
    pub missed: u64,
    /// Those of them that came over another line.
    pub filled: u64,
    /// How often it fell silent.
    pub downs: u64,
    /// When it was heard last.
    pub heard: Option<Instant>,
    /// How long after another line it brought the same message.
    pub(super) behind: Latencies,
    /// Messages below this have passed on it.
    pub(super) edge: Option<u64>,
    /// Datagrams that the kernel had no room for, where it says so.
    pub kernel_drops: Option<u64>,
}

impl LineStats {
    /// How far behind the others it was, if it ever was.
    pub fn lateness(&self) -> Option<Percentiles> {
        self.behind.percentiles()
    }
}

/// The first copy of a message: its number, when it came and over which line.
type FirstCopy = (u64, Instant, usize);

/// The lines of one reception.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) stats: Vec<LineStats>,
    arrivals: Vec<Option<FirstCopy>>,
}

impl Lines {
    pub(super) fn new(count: usize) -> Self {
        Self {
            stats: std::iter::repeat_with(LineStats::default)
                .take(count)
                .collect(),
            // A single line has none to be compared with.
            arrivals: vec![None; if count > 1 { REMEMBERED } else { 0 }],
        }
    }

    /// A packet of the session came over `line`, with these messages. Its copies are
    /// counted before.
    pub(super) fn packet(
        &mut self,
        line: usize,
        bytes: usize,
        Range { start: first, end }: Range<u64>,
        now: Instant,
    ) {
        let others_had = match self.stats[line].edge {
            Some(edge) if first > edge => {
                let oldest = first.saturating_sub(REMEMBERED as u64).max(edge);
                let had = (oldest..first).filter(|&sequence| self.arrival(sequence).is_some());
                Some((first - edge, had.count() as u64))
            }
            _ => None,
        };
        let stats = &mut self.stats[line];
        stats.packets += 1;
        stats.bytes += bytes as u64;
        stats.heard = Some(now);
        if let Some((missed, filled)) = others_had {
            stats.gaps += 1;
            stats.missed += missed;
            stats.filled += filled;
        }
        stats.edge = stats.edge.max(Some(end));
    }

    /// What became of a copy of message `sequence` that came over `line`.
    pub(super) fn copy(&mut self, line: usize, sequence: u64, placed: Placed, now: Instant) {
        match placed {
            Placed::Next | Placed::Held => self.first_copy(line, sequence, now),
            Placed::Duplicate | Placed::Differs => {
                self.stats[line].duplicates += 1;
                if let Some((_, first, other)) = self.arrival(sequence)
                    && other != line
                {
                    let behind = now.saturating_duration_since(first).as_nanos();
                    self.stats[line].behind.record(behind as u64);
                }
            }
            Placed::Beyond => {}
        }
    }

    fn first_copy(&mut self, line: usize, sequence: u64, now: Instant) {
        self.stats[line].first_copies += 1;
        for (other, stats) in self.stats.iter_mut().enumerate() {
            if other != line && stats.edge.is_some_and(|edge| edge > sequence) {
                stats.filled += 1;
            }
        }
        if let Some(place) = place(&self.arrivals, sequence) {
            self.arrivals[place] = Some((sequence, now, line));
        }
    }

    fn arrival(&self, sequence: u64) -> Option<FirstCopy> {
        let arrival = self.arrivals[place(&self.arrivals, sequence)?];
        arrival.filter(|&(number, ..)| number == sequence)
    }
}

/// Where the arrival of message `sequence` is kept, if any is.
fn place(arrivals: &[Option<FirstCopy>], sequence: u64) -> Option<usize> {
    let len = arrivals.len() as u64;
    (len > 0).then(|| (sequence % len.max(1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_line_is_counted_beside_the_other() {
        let begin = Instant::now();
        let after = |us| begin + Duration::from_micros(us);
        let mut lines = Lines::new(2);
        let mut one = |line, sequence, placed, now| {
            lines.copy(line, sequence, placed, now);
            lines.packet(line, 40, sequence..sequence + 1, now);
        };
        // A loses 2, which B brings later, and 4, which B has brought before.
        one(0, 1, Placed::Next, begin);
        one(0, 3, Placed::Held, after(10));
        one(1, 1, Placed::Duplicate, after(20));
        one(1, 2, Placed::Next, after(30));
        one(1, 3, Placed::Duplicate, after(40));
        one(1, 4, Placed::Next, after(50));
        one(0, 5, Placed::Next, after(60));
        let [a, b] = &lines.stats[..] else {
            panic!("two lines");
        };
        assert_eq!(
            (a.packets, a.bytes, a.first_copies, a.duplicates),
            (3, 120, 3, 0)
        );
        assert_eq!((a.gaps, a.missed, a.filled), (2, 2, 2));
        assert_eq!((b.packets, b.first_copies, b.duplicates), (4, 2, 2));
        assert_eq!((b.gaps, b.missed, b.filled), (0, 0, 0));
        assert_eq!((a.lateness(), b.heard), (None, Some(after(50))));
        let behind = b.lateness().unwrap();
        assert!((20_000..20_100).contains(&behind.p50), "{behind:?}");
        assert!((30_000..30_100).contains(&behind.max), "{behind:?}");
    }
}

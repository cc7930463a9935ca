//! The machine's own noise: how late a receiver would be that does nothing but
//! spin.
//!
//! No program can be better than that on this machine at this time: what the
//! bare loop waits for, interrupts and other programs took. It is measured as
//! the gateway is. Messages are due at fixed times, here one every microsecond,
//! and each waits for the first turn of the loop after it was due. A gap of a
//! millisecond so counts for the thousand that fell into it.

use crate::latency::{Latencies, Percentiles};
use std::time::{Duration, Instant};

/// The time between two messages that are due.
const INTERVAL_NS: u64 = 1_000;

/// Spins for `duration` and returns how long messages would have waited.
pub fn measure(duration: Duration) -> Option<Percentiles> {
    let start = Instant::now();
    let end = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    waits(end, || start.elapsed().as_nanos() as u64).percentiles()
}

/// How long each message due before `end` waits for a turn, where `turn` says
/// when the next one is.
fn waits(end: u64, mut turn: impl FnMut() -> u64) -> Latencies {
    let mut latencies = Latencies::new();
    let mut due = 0;
    while due < end {
        let now = turn();
        while due <= now && due < end {
            latencies.record(now - due);
            due += INTERVAL_NS;
        }
    }
    latencies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_for_all_that_it_delays() {
        // A turn every 100 ns, but for one gap of a tenth of the time.
        let mut now = 0;
        let latencies = waits(1_000_000, || {
            now += if now == 500_000 { 100_000 } else { 100 };
            now
        });
        let found = latencies.percentiles().unwrap();
        assert!(found.p50 <= 100, "{found:?}");
        // 99 in 100: all but ten of the thousand, in the hundred delayed.
        assert!((89_000..=91_500).contains(&found.p99), "{found:?}");
        assert!((98_000..=100_100).contains(&found.max), "{found:?}");
    }

    #[test]
    fn this_machine_makes_some() {
        let found = measure(Duration::from_millis(20)).unwrap();
        assert!(found.p50 <= found.max && found.max > 0, "{found:?}");
        assert_eq!(measure(Duration::ZERO), None);
    }
}

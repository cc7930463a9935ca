//! How long things took, as percentiles.

use hdrhistogram::Histogram;
use std::fmt;

/// Collects durations in nanoseconds. Allocates nothing after
/// [`Latencies::new`].
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

/// Longer ones count as this long: an hour.
const MOST: u64 = 3_600_000_000_000;

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, MOST, 3);
        Self(histogram.expect("the bounds are constant and legal"))
    }

    /// Collects one.
    pub fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(1));
    }

    /// Collects all that `other` collected.
    pub fn add(&mut self, other: &Self) {
        let added = self.0.add(&other.0);
        added.expect("histograms of the same bounds add up");
    }

    /// What they come to, or `None` if there are none.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile);
        (!self.0.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max(),
        })
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// What a set of durations comes to, in nanoseconds, to three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// Half are no longer.
    pub p50: u64,
    /// 99 in 100 are no longer.
    pub p99: u64,
    /// 999 in 1000 are no longer.
    pub p999: u64,
    /// None is longer.
    pub max: u64,
}

/// A duration for people to read: three digits or so, and a unit.
#[derive(Clone, Copy, Debug)]
pub struct Readable(pub u64);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0 as f64;
        let text = match self.0 {
            0..1_000 => format!("{} ns", self.0),
            1_000..1_000_000 => format!("{:.1} µs", ns / 1e3),
            1_000_000..1_000_000_000 => format!("{:.2} ms", ns / 1e6),
            _ => format!("{:.2} s", ns / 1e9),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.percentiles(), None);
        for i in 1..=1000 {
            latencies.record(i * 10);
        }
        let found = latencies.percentiles().unwrap();
        for (found, exact) in [
            (found.p50, 5_000_u64),
            (found.p99, 9_900),
            (found.p999, 9_990),
            (found.max, 10_000),
        ] {
            assert!(found.abs_diff(exact) <= exact / 500, "{found} for {exact}");
        }
        let mut all = Latencies::new();
        all.record(1);
        all.add(&latencies);
        assert_eq!(all.percentiles().unwrap().max, found.max);
        latencies.record(u64::MAX);
        assert!(latencies.percentiles().unwrap().max >= MOST);
    }

    #[test]
    fn durations_read_in_their_unit() {
        let text = |ns| Readable(ns).to_string();
        assert_eq!(text(0), "0 ns");
        assert_eq!(text(999), "999 ns");
        assert_eq!(text(12_345), "12.3 µs");
        assert_eq!(text(12_345_678), "12.35 ms");
        assert_eq!(text(12_345_678_901), "12.35 s");
        assert_eq!(format!("{:>9}|", Readable(1_500)), "   1.5 µs|");
    }
}

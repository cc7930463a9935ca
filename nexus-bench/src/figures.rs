//! What one sample says, and what many say together.

use std::time::{Duration, Instant};

/// The figures of one sample, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// An operation, on average; where single ones are timed, the median.
    pub typical: f64,
    /// The 99th percentile, where single operations are timed.
    pub tail: Option<f64>,
    /// The 99.9th percentile, likewise.
    pub rare: Option<f64>,
}

impl Figures {
    /// `ops` operations since `begin`.
    #[must_use]
    pub fn since(begin: Instant, ops: u64) -> Self {
        Self {
            typical: begin.elapsed().as_nanos() as f64 / ops as f64,
            tail: None,
            rare: None,
        }
    }

    /// Operations that were timed one by one.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn of(mut each: Vec<Duration>) -> Self {
        assert!(!each.is_empty(), "no operation was timed");
        each.sort_unstable();
        let at = |per_mille: usize| each[(each.len() - 1) * per_mille / 1000].as_nanos() as f64;
        Self {
            typical: at(500),
            tail: Some(at(990)),
            rare: Some(at(999)),
        }
    }
}

/// The middle of some values and how far they reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Half are below, half above.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// `None` of no values.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            n if n.is_multiple_of(2) => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        Some(Self {
            median,
            min: values[0],
            max: values[values.len() - 1],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_odd_even_and_no_values() {
        let odd = Spread::of(vec![3.0, 1.0, 2.0]);
        let even = Spread::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(odd.map(|s| (s.min, s.median, s.max)), Some((1.0, 2.0, 3.0)));
        assert_eq!(even.map(|s| s.median), Some(2.5));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let figures = Figures::of((1..=1001).rev().map(Duration::from_nanos).collect());
        assert_eq!(figures.typical, 501.0);
        assert_eq!(figures.tail, Some(991.0));
        assert_eq!(figures.rare, Some(1000.0));
    }
}

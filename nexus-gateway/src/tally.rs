//! How many messages there were, by type.

use nexus_rt::Resource;

/// Counts by type byte.
#[derive(Clone, Debug, Resource)]
pub struct Tally([u64; 256]);

impl Tally {
    /// Counts one message of type `kind`.
    pub fn count(&mut self, kind: u8) {
        self.0[usize::from(kind)] += 1;
    }

    /// How many messages of type `kind` there were.
    pub fn of(&self, kind: u8) -> u64 {
        self.0[usize::from(kind)]
    }

    /// How many messages there were.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The types that occurred and how often, the most frequent first.
    pub fn by_frequency(&self) -> Vec<(u8, u64)> {
        let mut seen: Vec<_> = (0..=255)
            .map(|kind| (kind, self.of(kind)))
            .filter(|&(_, count)| count > 0)
            .collect();
        seen.sort_by_key(|&(kind, count)| (std::cmp::Reverse(count), kind));
        seen
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self([0; 256])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_counted_and_ranked() {
        let mut tally = Tally::default();
        for &kind in b"AADPPPz\xff" {
            tally.count(kind);
        }
        assert_eq!((tally.of(b'A'), tally.of(b'X'), tally.total()), (2, 0, 8));
        let ranked: Vec<_> = tally.by_frequency().iter().map(|&(k, _)| k).collect();
        assert_eq!(ranked, b"PAD\x7a\xff");
    }
}

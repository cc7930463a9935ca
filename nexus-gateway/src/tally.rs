//! How many messages there were, by type.

use nexus_itch::itch::DecodeError;
use nexus_rt::Resource;
use std::collections::BTreeMap;

/// Counts by type byte, and by type and length where ITCH 5.0 has no such message.
#[derive(Clone, Debug, Resource)]
pub struct Tally {
    known: [u64; 256],
    unknown: BTreeMap<(Option<u8>, usize), u64>,
    /// Unknown messages of more kinds than are told apart.
    others: u64,
}

/// Kinds of unknown messages that are told apart: what a feed can say is not bounded.
const MOST_UNKNOWN: usize = 64;

impl Tally {
    /// Counts one message of type `kind`.
    pub fn count(&mut self, kind: u8) {
        self.known[usize::from(kind)] += 1;
    }

    /// How many messages of type `kind` there were.
    pub fn of(&self, kind: u8) -> u64 {
        self.known[usize::from(kind)]
    }

    /// Counts one message that is none of ITCH 5.0.
    pub fn count_unknown(&mut self, error: DecodeError) {
        let kind = error.kind_and_len();
        let room = self.unknown.len() < MOST_UNKNOWN;
        match self.unknown.get_mut(&kind) {
            Some(count) => *count += 1,
            None if room => drop(self.unknown.insert(kind, 1)),
            None => self.others += 1,
        }
    }

    /// How many messages there were, unknown ones included.
    pub fn total(&self) -> u64 {
        self.known.iter().sum::<u64>() + self.unknown()
    }

    /// How many messages were none of ITCH 5.0.
    pub fn unknown(&self) -> u64 {
        self.unknown.values().sum::<u64>() + self.others
    }

    /// Unknown messages: type byte (none in an empty message), length and how many.
    /// What is missing of [`unknown`](Self::unknown) was of yet other kinds.
    pub fn unknown_kinds(&self) -> impl Iterator<Item = (Option<u8>, usize, u64)> {
        let each = self.unknown.iter();
        each.map(|(&(kind, len), &count)| (kind, len, count))
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
        Self {
            known: [0; 256],
            unknown: BTreeMap::new(),
            others: 0,
        }
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

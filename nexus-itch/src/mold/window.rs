//! The messages that came early, held until it is their turn.

use crate::itch::MAX_MESSAGE_LEN;
use std::collections::VecDeque;
use std::fmt;

/// A message by value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    len: u8,
    bytes: [u8; MAX_MESSAGE_LEN],
}

impl Raw {
    /// Copies a message, which fits: no message is longer than
    /// [`MAX_MESSAGE_LEN`].
    pub(super) fn of(message: &[u8]) -> Self {
        let len = message.len().min(MAX_MESSAGE_LEN);
        let mut bytes = [0; MAX_MESSAGE_LEN];
        bytes[..len].copy_from_slice(&message[..len]);
        Self {
            len: len as u8,
            bytes,
        }
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({})", self.bytes().escape_ascii())
    }
}

/// Where a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// All before it have come.
    Next,
    /// It waits for others.
    Held,
    /// It was there before.
    Duplicate,
    /// It is too far ahead to be held.
    Beyond,
}

/// Holds messages `next`, `next + 1`, .. as far as they have come, up to
/// `capacity` of them.
#[derive(Debug)]
pub(super) struct Window {
    next: u64,
    /// Empty, or the last is not `None`.
    slots: VecDeque<Option<Raw>>,
    /// So many of the first have come: the next of them is missing.
    ready: usize,
    capacity: usize,
}

impl Window {
    /// Waits for message `next`.
    pub(super) fn new(next: u64, capacity: usize) -> Self {
        Self {
            next,
            slots: VecDeque::new(),
            ready: 0,
            capacity: capacity.max(1),
        }
    }

    /// The message that is taken out next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The first message too far ahead to be held.
    pub(super) fn limit(&self) -> u64 {
        self.next.saturating_add(self.capacity as u64)
    }

    pub(super) fn insert(&mut self, sequence: u64, message: &[u8]) -> Placed {
        if sequence < self.next {
            return Placed::Duplicate;
        }
        if sequence >= self.limit() {
            return Placed::Beyond;
        }
        // Below the limit, hence below the capacity, a `usize`.
        let ahead = (sequence - self.next) as usize;
        while self.slots.len() <= ahead {
            self.slots.push_back(None);
        }
        let slot = &mut self.slots[ahead];
        if slot.is_some() {
            return Placed::Duplicate;
        }
        *slot = Some(Raw::of(message));
        if ahead > self.ready {
            return Placed::Held;
        }
        let more = self.slots.iter().skip(ahead);
        self.ready += more.take_while(|slot| slot.is_some()).count();
        Placed::Next
    }

    /// Takes out the message that is next, if it is there.
    pub(super) fn pop(&mut self) -> Option<(u64, Raw)> {
        let raw = (*self.slots.front()?)?;
        self.slots.pop_front();
        self.ready -= 1;
        let sequence = self.next;
        self.next += 1;
        Some((sequence, raw))
    }

    /// Whether message `sequence` has come, taken out or not.
    pub(super) fn has(&self, sequence: u64) -> bool {
        let Some(ahead) = sequence.checked_sub(self.next) else {
            return true;
        };
        usize::try_from(ahead)
            .ok()
            .and_then(|ahead| self.slots.get(ahead))
            .is_some_and(Option::is_some)
    }

    /// The first message from `from` on that has not come.
    pub(super) fn first_missing(&self, from: u64) -> u64 {
        (from.max(self.next + self.ready as u64)..)
            .find(|&sequence| !self.has(sequence))
            .unwrap_or(u64::MAX)
    }

    /// The first message in `from..to` that has come, or `to`.
    pub(super) fn first_present(&self, from: u64, to: u64) -> u64 {
        (from..to)
            .find(|&sequence| self.has(sequence))
            .unwrap_or(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_comes_early_is_held_and_what_comes_again_is_not() {
        let mut window = Window::new(5, 3);
        assert_eq!(window.insert(4, b"4"), Placed::Duplicate);
        assert_eq!(window.insert(6, b"6"), Placed::Held);
        assert_eq!(window.insert(6, b"x"), Placed::Duplicate);
        assert_eq!(window.insert(8, b"8"), Placed::Beyond);
        assert_eq!(window.pop(), None);
        assert_eq!((window.first_missing(0), window.first_missing(6)), (5, 7));
        assert_eq!(window.first_present(5, 9), 6);
        assert_eq!(window.insert(5, b"5"), Placed::Next);
        assert_eq!(window.insert(7, b"7"), Placed::Next, "5 and 6 are there");
        assert_eq!(window.pop(), Some((5, Raw::of(b"5"))));
        assert_eq!(window.pop(), Some((6, Raw::of(b"6"))));
        assert_eq!(window.pop(), Some((7, Raw::of(b"7"))));
        assert_eq!(window.pop(), None);
        assert_eq!((window.next(), window.limit()), (8, 11));
        assert!(window.has(7) && !window.has(8) && !window.has(u64::MAX));
        assert_eq!(window.insert(u64::MAX, b"!"), Placed::Beyond);
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn whatever_comes_goes_out_once_and_in_order(
            capacity in 1..20_usize,
            arrivals in proptest::collection::vec(1..60_u8, 0..200),
        ) {
            let mut window = Window::new(1, capacity);
            let (mut came, mut went) = (BTreeSet::new(), Vec::new());
            for sequence in arrivals {
                let placed = window.insert(u64::from(sequence), &[sequence]);
                prop_assert_eq!(placed == Placed::Duplicate, came.contains(&u64::from(sequence)));
                if placed != Placed::Beyond {
                    came.insert(u64::from(sequence));
                }
                while let Some((sequence, raw)) = window.pop() {
                    prop_assert_eq!(raw.bytes(), [sequence as u8]);
                    went.push(sequence);
                }
                let missing = (1..).find(|s| !came.contains(s)).unwrap();
                prop_assert_eq!((window.next(), window.first_missing(0)), (missing, missing));
            }
            prop_assert_eq!(&went, &(1..window.next()).collect::<Vec<_>>());
        }
    }
}

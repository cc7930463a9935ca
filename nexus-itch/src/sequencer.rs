//! Puts numbered messages in order, from however many lines they come: of each
//! message the first copy counts.

use crate::foreign::shown;
use rustc_hash::FxHasher;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::fmt;
use std::hash::Hasher;
use std::ops::Range;

/// No message of ITCH 5.0 is longer: what is longer is held on the heap.
const INLINE: usize = 52;

/// A second copy is compared with the first if it comes before so many others.
const REMEMBERED: usize = 64 * 1024;

/// In place of the hash of a message that never came.
const UNKNOWN: u64 = 0;

/// The most bytes that messages behind a gap may take.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// A message by value.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(SmallVec<[u8; INLINE]>);

impl Raw {
    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Raw {
    fn from(message: &[u8]) -> Self {
        Self(SmallVec::from_slice(message))
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({})", shown(self.bytes()))
    }
}

/// What became of a copy of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// All messages before it have come: [`Sequencer::pop`] returns it.
    Next,
    /// It is held until those before it have come.
    Held,
    /// It came before.
    Duplicate,
    /// It came before, with other bytes. The first copy counts.
    Differs,
    /// It is too far ahead to be held.
    Beyond,
}

/// Holds messages that came early, and returns each once and in order.
///
/// The window is bounded by a number of messages and by 64 MiB. The message that is
/// wanted next always fits. `M` is what the caller wants to know of a message beside
/// its bytes, such as the line that brought it.
///
/// Cost: a copy of the message and a hash of it. Only messages longer than any of
/// ITCH 5.0 are allocated.
///
/// ```
/// use nexus_itch::sequencer::{Placed, Sequencer};
///
/// let mut sequencer = Sequencer::new(1, 1024);
/// assert_eq!(sequencer.insert(2, 'A', b"two"), Placed::Held);
/// assert_eq!(sequencer.insert(2, 'B', b"two"), Placed::Duplicate);
/// assert_eq!(sequencer.insert(1, 'B', b"one"), Placed::Next);
/// let came = std::iter::from_fn(|| sequencer.pop());
/// let came: Vec<_> = came.map(|(sequence, line, _)| (sequence, line)).collect();
/// assert_eq!(came, [(1, 'B'), (2, 'A')]);
/// assert_eq!(sequencer.insert(1, 'A', b"uno"), Placed::Differs);
/// ```
#[derive(Debug)]
pub struct Sequencer<M> {
    next: u64,
    /// Empty, or the last is not `None`.
    slots: VecDeque<Option<(M, Raw)>>,
    /// So many of the first have come: the next of them is missing.
    ready: usize,
    capacity: usize,
    held_bytes: usize,
    /// Hashes of the messages returned last, by sequence number.
    returned: Box<[u64]>,
    /// The first message of those that may be in `returned`.
    first: u64,
}

impl<M> Sequencer<M> {
    /// Waits for message `next`, and holds up to `capacity` messages from there on;
    /// 0 counts as 1.
    pub fn new(next: u64, capacity: usize) -> Self {
        Self {
            next,
            slots: VecDeque::new(),
            ready: 0,
            capacity: capacity.max(1),
            held_bytes: 0,
            returned: vec![UNKNOWN; REMEMBERED].into_boxed_slice(),
            first: next,
        }
    }

    /// The message that [`pop`](Self::pop) returns next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The first message too far ahead to be held.
    pub fn limit(&self) -> u64 {
        self.next.saturating_add(self.capacity as u64)
    }

    /// Takes a copy of message `sequence`.
    pub fn insert(&mut self, sequence: u64, with: M, message: &[u8]) -> Placed {
        if sequence < self.next {
            return match self.differs_from_returned(sequence, message) {
                true => Placed::Differs,
                false => Placed::Duplicate,
            };
        }
        if sequence >= self.limit() {
            return Placed::Beyond;
        }
        // Below the limit, hence below the capacity, a `usize`.
        let ahead = (sequence - self.next) as usize;
        if let Some(Some((_, first))) = self.slots.get(ahead) {
            return match first.bytes() == message {
                true => Placed::Duplicate,
                false => Placed::Differs,
            };
        }
        if ahead > 0 && self.held_bytes + message.len() > MAX_HELD_BYTES {
            return Placed::Beyond;
        }
        while self.slots.len() <= ahead {
            self.slots.push_back(None);
        }
        self.slots[ahead] = Some((with, Raw::from(message)));
        self.held_bytes += message.len();
        if ahead > self.ready {
            return Placed::Held;
        }
        let more = self.slots.iter().skip(ahead);
        self.ready += more.take_while(|slot| slot.is_some()).count();
        Placed::Next
    }

    /// Takes out the message that is next, if it is there.
    pub fn pop(&mut self) -> Option<(u64, M, Raw)> {
        if self.ready == 0 {
            return None;
        }
        let (with, raw) = self.slots.pop_front()??;
        self.ready -= 1;
        self.held_bytes -= raw.bytes().len();
        let sequence = self.next;
        self.returned[place(sequence)] = hash(raw.bytes());
        self.next += 1;
        Some((sequence, with, raw))
    }

    /// Gives up the messages that are missing in front of the first one that is held, or
    /// of message `to` where none is held below it. Returns their numbers: none, if the
    /// next message is there or is `to`.
    ///
    /// A message that was given up and comes after all is a [duplicate](Placed::Duplicate).
    ///
    /// Cost: proportional to the number of messages given up, up to 65,536 of them.
    ///
    /// ```
    /// use nexus_itch::sequencer::{Placed, Sequencer};
    ///
    /// let mut sequencer = Sequencer::new(1, 16);
    /// sequencer.insert(4, (), b"four");
    /// assert_eq!(sequencer.give_up(100), 1..4);
    /// assert_eq!(sequencer.pop().map(|(sequence, ..)| sequence), Some(4));
    /// assert_eq!(sequencer.give_up(100), 5..100);
    /// assert_eq!(sequencer.insert(7, (), b"late"), Placed::Duplicate);
    /// ```
    pub fn give_up(&mut self, to: u64) -> Range<u64> {
        let from = self.next;
        let held = self.slots.iter().position(Option::is_some);
        let end = held.map_or(to, |ahead| to.min(from + ahead as u64));
        self.next = end.max(from);
        let gone = usize::try_from(self.next - from).unwrap_or(usize::MAX);
        self.slots.drain(..gone.min(self.slots.len()));
        let there = self.slots.iter().take_while(|slot| slot.is_some());
        self.ready = there.count();
        let last = self.next.saturating_sub(REMEMBERED as u64);
        for sequence in from.max(last)..self.next {
            self.returned[place(sequence)] = UNKNOWN;
        }
        from..self.next
    }

    /// Whether message `sequence` has come, taken out or not.
    pub fn has(&self, sequence: u64) -> bool {
        let Some(ahead) = sequence.checked_sub(self.next) else {
            return true;
        };
        usize::try_from(ahead)
            .ok()
            .and_then(|ahead| self.slots.get(ahead))
            .is_some_and(Option::is_some)
    }

    /// Messages that have come and are not taken out.
    pub fn held(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_some()).count()
    }

    /// The first message from `from` on that has not come.
    pub fn first_missing(&self, from: u64) -> u64 {
        (from.max(self.next + self.ready as u64)..)
            .find(|&sequence| !self.has(sequence))
            .unwrap_or(u64::MAX)
    }

    /// The first message in `from..to` that has come, or `to`.
    pub fn first_present(&self, from: u64, to: u64) -> u64 {
        (from..to)
            .find(|&sequence| self.has(sequence))
            .unwrap_or(to)
    }

    fn differs_from_returned(&self, sequence: u64, message: &[u8]) -> bool {
        let remembered = sequence >= self.first && self.next - sequence <= REMEMBERED as u64;
        let known = self.returned[place(sequence)];
        remembered && known != UNKNOWN && known != hash(message)
    }
}

/// Where the hash of message `sequence` is kept.
fn place(sequence: u64) -> usize {
    (sequence % REMEMBERED as u64) as usize
}

fn hash(message: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(message);
    hasher.finish().max(UNKNOWN + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn pop(sequencer: &mut Sequencer<()>) -> Option<(u64, Vec<u8>)> {
        let (sequence, (), raw) = sequencer.pop()?;
        Some((sequence, raw.bytes().to_vec()))
    }

    #[test]
    fn what_comes_early_is_held_and_what_comes_again_is_not() {
        let mut window = Sequencer::new(5, 3);
        assert_eq!(window.insert(4, (), b"4"), Placed::Duplicate);
        assert_eq!(window.insert(6, (), b"6"), Placed::Held);
        assert_eq!(window.insert(6, (), b"x"), Placed::Differs);
        assert_eq!(window.insert(6, (), b"6"), Placed::Duplicate);
        assert_eq!(window.insert(8, (), b"8"), Placed::Beyond);
        assert_eq!((pop(&mut window), window.held()), (None, 1));
        assert_eq!((window.first_missing(0), window.first_missing(6)), (5, 7));
        assert_eq!(window.first_present(5, 9), 6);
        assert_eq!(window.insert(5, (), b"5"), Placed::Next);
        assert_eq!(
            window.insert(7, (), b"7"),
            Placed::Next,
            "5 and 6 are there"
        );
        for sequence in [5, 6, 7] {
            let expected = sequence.to_string().into_bytes();
            assert_eq!(pop(&mut window), Some((sequence, expected)));
        }
        assert_eq!(pop(&mut window), None);
        assert_eq!((window.next(), window.limit()), (8, 11));
        assert!(window.has(7) && !window.has(8) && !window.has(u64::MAX));
        assert_eq!(window.insert(u64::MAX, (), b"!"), Placed::Beyond);
    }

    #[test]
    fn a_copy_that_differs_is_noticed_among_the_last_that_were_returned() {
        let mut sequencer = Sequencer::new(1, 16);
        let last = REMEMBERED as u64 + 10;
        for sequence in 1..=last {
            let message = sequence.to_be_bytes();
            assert_eq!(sequencer.insert(sequence, (), &message), Placed::Next);
            sequencer.pop().unwrap();
        }
        for sequence in [last, 11] {
            let same = sequence.to_be_bytes();
            assert_eq!(sequencer.insert(sequence, (), &same), Placed::Duplicate);
            assert_eq!(sequencer.insert(sequence, (), b"lie"), Placed::Differs);
        }
        assert_eq!(sequencer.insert(10, (), b"too old"), Placed::Duplicate);
    }

    #[test]
    fn the_bytes_that_are_held_are_bounded_and_the_next_message_always_fits() {
        let mut sequencer = Sequencer::new(1, 64 * 1024);
        let long = vec![b'x'; u16::MAX.into()];
        let fit = (MAX_HELD_BYTES / long.len()) as u64;
        for sequence in 2..2 + fit {
            assert_eq!(sequencer.insert(sequence, (), &long), Placed::Held);
        }
        assert_eq!(sequencer.insert(2 + fit, (), &long), Placed::Beyond);
        assert_eq!(sequencer.insert(1, (), &long), Placed::Next);
        let came = std::iter::from_fn(|| sequencer.pop()).count() as u64;
        assert_eq!((came, sequencer.held_bytes), (1 + fit, 0));
        assert_eq!(sequencer.insert(2 + fit, (), &long), Placed::Next);
    }

    #[test]
    fn what_is_given_up_is_not_waited_for_and_comes_too_late() {
        let mut sequencer = Sequencer::new(1, 8);
        for sequence in [3, 4, 7] {
            sequencer.insert(sequence, (), &[sequence as u8]);
        }
        assert_eq!(sequencer.give_up(2), 1..2, "no further than it is told");
        assert_eq!(sequencer.give_up(9), 2..3);
        assert_eq!(sequencer.give_up(9), 3..3, "it is there");
        assert_eq!(pop(&mut sequencer).unwrap().0, 3);
        assert_eq!(pop(&mut sequencer).unwrap().0, 4);
        assert_eq!((sequencer.give_up(9), sequencer.next()), (5..7, 7));
        assert_eq!(pop(&mut sequencer).unwrap().0, 7);
        assert_eq!(sequencer.give_up(u64::MAX - 1), 8..u64::MAX - 1);
        assert_eq!((sequencer.held(), pop(&mut sequencer)), (0, None));

        let mut sequencer = Sequencer::new(1, 8);
        sequencer.insert(3, (), b"3");
        sequencer.give_up(9);
        pop(&mut sequencer).unwrap();
        assert_eq!(sequencer.insert(2, (), b"2"), Placed::Duplicate);
        assert_eq!(sequencer.insert(3, (), b"x"), Placed::Differs);
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn whatever_comes_goes_out_once_and_in_order(
            capacity in 1..20_usize,
            arrivals in proptest::collection::vec(1..60_u8, 0..200),
        ) {
            let mut sequencer = Sequencer::new(1, capacity);
            let (mut came, mut went) = (BTreeSet::new(), Vec::new());
            for sequence in arrivals {
                let placed = sequencer.insert(u64::from(sequence), (), &[sequence]);
                prop_assert_ne!(placed, Placed::Differs);
                prop_assert_eq!(placed == Placed::Duplicate, came.contains(&u64::from(sequence)));
                if placed != Placed::Beyond {
                    came.insert(u64::from(sequence));
                }
                while let Some((sequence, bytes)) = pop(&mut sequencer) {
                    prop_assert_eq!(bytes, [sequence as u8]);
                    went.push(sequence);
                }
                let missing = (1..).find(|s| !came.contains(s)).unwrap();
                prop_assert_eq!(
                    (sequencer.next(), sequencer.first_missing(0)),
                    (missing, missing)
                );
            }
            prop_assert_eq!(&went, &(1..sequencer.next()).collect::<Vec<_>>());
        }
    }
}

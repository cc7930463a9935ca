//! Arbitration of redundant lines: of each message, the first copy wins.
//!
//! Knows sequence numbers only. A message that comes too early is held until
//! those before it have come from the other line. What both lines lost is given
//! up when the window is full, or at the end, and counted.
//!
//! - Every message is delivered at most once, in the order of the sequence.
//! - Nothing is allocated after [`Arbiter::new`].

use std::collections::VecDeque;

/// Puts the copies of a sequence in order.
///
/// ```
/// use nexus_gateway::arbiter::Arbiter;
///
/// let mut arbiter = Arbiter::new(16);
/// let mut delivered = Vec::new();
/// for copy in [1, 1, 3, 2, 3] {
///     arbiter.offer(copy, copy, |sequence, _| delivered.push(sequence));
/// }
/// assert_eq!(delivered, [1, 2, 3]);
/// assert_eq!(arbiter.counts().duplicates, 2);
/// ```
#[derive(Debug)]
pub struct Arbiter<T> {
    /// The sequence number that is delivered next.
    next: u64,
    /// What is held for `next`, `next + 1`, ...: empty, or the first is `None`
    /// and the last is not.
    held: VecDeque<Option<T>>,
    window: usize,
    counts: ArbiterCounts,
}

/// What an arbiter saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArbiterCounts {
    /// First copies, delivered.
    pub delivered: u64,
    /// Later copies, dropped. Includes copies of what was given up.
    pub duplicates: u64,
    /// Messages that came too early and were held.
    pub held: u64,
    /// Messages that no line had in time.
    pub lost: u64,
}

impl<T> Arbiter<T> {
    /// Waits for message 1 and holds up to `window` messages behind a gap.
    ///
    /// # Panics
    ///
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        Self::starting_at(1, window)
    }

    /// Waits for message `next`; whatever is before it was there already.
    ///
    /// # Panics
    ///
    /// If `window` is zero.
    pub fn starting_at(next: u64, window: usize) -> Self {
        assert!(window > 0, "a window of 0 messages, the smallest is 1");
        Self {
            next,
            held: VecDeque::with_capacity(window + 1),
            window,
            counts: ArbiterCounts::default(),
        }
    }

    /// What was seen so far.
    pub fn counts(&self) -> ArbiterCounts {
        self.counts
    }

    /// Takes one copy of message `sequence` and delivers what is its turn.
    /// Returns whether the copy was the first.
    pub fn offer(&mut self, sequence: u64, item: T, mut deliver: impl FnMut(u64, T)) -> bool {
        if sequence < self.next {
            self.counts.duplicates += 1;
            return false;
        }
        self.make_room(sequence, &mut deliver);
        let ahead = (sequence - self.next) as usize;
        if ahead == 0 {
            self.held.pop_front();
            self.deliver(item, &mut deliver);
            self.deliver_held(&mut deliver);
            return true;
        }
        while self.held.len() <= ahead {
            self.held.push_back(None);
        }
        let slot = &mut self.held[ahead];
        if slot.is_some() {
            self.counts.duplicates += 1;
            return false;
        }
        *slot = Some(item);
        self.counts.held += 1;
        true
    }

    /// Gives up what is still missing: no line brings any more.
    pub fn finish(&mut self, mut deliver: impl FnMut(u64, T)) {
        while !self.held.is_empty() {
            self.give_up(&mut deliver);
        }
    }

    /// Gives up messages until `sequence` is within the window.
    fn make_room(&mut self, sequence: u64, deliver: &mut impl FnMut(u64, T)) {
        let window = self.window as u64;
        while sequence - self.next > window && !self.held.is_empty() {
            self.give_up(deliver);
        }
        if let Some(beyond @ 1..) = (sequence - self.next).checked_sub(window) {
            self.counts.lost += beyond;
            self.next += beyond;
        }
    }

    /// Passes over the message that is next, and delivers what was held for
    /// its coming.
    fn give_up(&mut self, deliver: &mut impl FnMut(u64, T)) {
        self.held.pop_front();
        self.counts.lost += 1;
        self.next += 1;
        self.deliver_held(deliver);
    }

    fn deliver_held(&mut self, deliver: &mut impl FnMut(u64, T)) {
        while let Some(Some(_)) = self.held.front() {
            if let Some(Some(item)) = self.held.pop_front() {
                self.deliver(item, deliver);
            }
        }
    }

    fn deliver(&mut self, item: T, deliver: &mut impl FnMut(u64, T)) {
        deliver(self.next, item);
        self.next += 1;
        self.counts.delivered += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn run(window: usize, copies: &[u64]) -> (Vec<u64>, ArbiterCounts) {
        let mut arbiter = Arbiter::new(window);
        let mut delivered = Vec::new();
        let mut deliver = |sequence, item| {
            assert_eq!(sequence, item, "an item goes with its number");
            delivered.push(sequence);
        };
        for &copy in copies {
            arbiter.offer(copy, copy, &mut deliver);
        }
        arbiter.finish(&mut deliver);
        (delivered, arbiter.counts())
    }

    fn counts(delivered: u64, duplicates: u64, held: u64, lost: u64) -> ArbiterCounts {
        ArbiterCounts {
            delivered,
            duplicates,
            held,
            lost,
        }
    }

    #[test]
    fn the_first_copy_wins_and_the_second_is_counted() {
        let (delivered, seen) = run(4, &[1, 2, 1, 3, 2, 3]);
        assert_eq!((delivered, seen), (vec![1, 2, 3], counts(3, 3, 0, 0)));
    }

    #[test]
    fn a_gap_is_filled_by_the_other_line() {
        let (delivered, seen) = run(4, &[1, 3, 4, 3, 2, 5]);
        assert_eq!((delivered, seen), (vec![1, 2, 3, 4, 5], counts(5, 1, 2, 0)));
    }

    #[test]
    fn a_gap_wider_than_the_window_is_given_up() {
        let (delivered, seen) = run(2, &[1, 3, 4, 5, 2]);
        assert_eq!((delivered, seen), (vec![1, 3, 4, 5], counts(4, 1, 2, 1)));
        let (delivered, seen) = run(2, &[1_000_000, 999_999]);
        assert_eq!(
            (delivered, seen),
            (vec![999_999, 1_000_000], counts(2, 0, 2, 999_998))
        );
        let (delivered, seen) = run(3, &[u64::MAX - 1]);
        assert_eq!((delivered, seen.lost), (vec![u64::MAX - 1], u64::MAX - 2));
    }

    #[test]
    fn what_was_there_before_the_start_is_a_duplicate() {
        let mut arbiter = Arbiter::starting_at(5, 4);
        let mut delivered = Vec::new();
        for copy in [4, 6, 5] {
            arbiter.offer(copy, copy, |sequence, _| delivered.push(sequence));
        }
        assert_eq!(
            (delivered, arbiter.counts()),
            (vec![5, 6], counts(2, 1, 1, 0))
        );
    }

    #[test]
    fn what_is_missing_at_the_end_is_counted() {
        let (delivered, seen) = run(8, &[2, 5]);
        assert_eq!((delivered, seen), (vec![2, 5], counts(2, 0, 2, 3)));
        assert_eq!(run(8, &[]), (vec![], counts(0, 0, 0, 0)));
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(512))]

        #[test]
        fn each_is_delivered_once_in_order_and_all_is_accounted_for(
            window in 1..6_usize,
            copies in proptest::collection::vec(1..40_u64, 0..80),
        ) {
            let (delivered, seen) = run(window, &copies);
            prop_assert!(delivered.is_sorted_by(|a, b| a < b));
            let offered: BTreeSet<_> = copies.iter().copied().collect();
            prop_assert!(delivered.iter().all(|d| offered.contains(d)));
            prop_assert_eq!(seen.delivered, delivered.len() as u64);
            prop_assert_eq!(seen.delivered + seen.duplicates, copies.len() as u64);
            let last = delivered.last().copied().unwrap_or(0);
            prop_assert_eq!(seen.delivered + seen.lost, last);
        }

        #[test]
        fn two_whole_lines_lose_nothing_however_they_interleave(
            turns in proptest::collection::vec(any::<bool>(), 200),
        ) {
            let mut lines = [1..101_u64, 1..101];
            let mut copies: Vec<_> =
                turns.iter().filter_map(|&turn| lines[usize::from(turn)].next()).collect();
            copies.extend(lines.into_iter().flatten());
            let (delivered, seen) = run(1, &copies);
            prop_assert_eq!(delivered, (1..101).collect::<Vec<_>>());
            prop_assert_eq!(seen, counts(100, 100, 0, 0));
        }
    }
}

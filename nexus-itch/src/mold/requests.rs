//! Which messages are missing for long enough to be asked for again, and how
//! often they were.

use super::packet::MESSAGES_THAT_FIT;
use crate::sequencer::Sequencer;
use std::fmt;
use std::time::{Duration, Instant};

/// Requests that wait for an answer at a time.
const MOST_OUTSTANDING: usize = 16;

/// The longest time between two tries of one request.
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// How long a receiver waits before it does something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A message that every line has passed may still come by itself: it is
    /// asked for after so long at least, after twice as long at most.
    pub reordering: Duration,
    /// A message that one line has passed may still come over another: after so long
    /// at least, after twice as long at most, it is asked for all the same.
    pub gap: Duration,
    /// A request is repeated after so long; then after twice as long, and so
    /// on, up to a second.
    pub answer: Duration,
    /// A request that was not answered for so long is an error.
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            reordering: Duration::from_millis(1),
            gap: Duration::from_millis(5),
            answer: Duration::from_millis(20),
            give_up: Duration::from_secs(60),
        }
    }
}

/// Nobody answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The message that is missing.
    pub sequence: u64,
    /// How often it was asked for.
    pub tries: u32,
    /// For how long.
    pub limit: Duration,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sequence,
            tries,
            limit,
        } = self;
        write!(
            f,
            "message {sequence} was lost and asked for {tries} times in {limit:?}, the limit, \
             without an answer"
        )
    }
}

impl std::error::Error for Unanswered {}

/// Messages asked for, and not yet there.
#[derive(Clone, Copy, Debug)]
struct Outstanding {
    first: u64,
    count: u16,
    /// When it was first sent.
    begun: Instant,
    /// When it is to be sent again.
    due: Instant,
    tries: u32,
}

impl Outstanding {
    fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }
}

/// The requests of one receiver.
///
/// - At most [`MOST_OUTSTANDING`] wait for an answer, and no two for the same
///   message.
/// - A request is settled when its first message has come, whichever way; what
///   did not come with it is missing again.
#[derive(Debug)]
pub(super) struct Requests {
    patience: Patience,
    /// In no order.
    outstanding: Vec<Outstanding>,
    /// What one line has passed, hence exists.
    known: Ripening,
    /// What all lines have passed.
    passed: Ripening,
}

/// A number that rises, and what it was some time ago.
#[derive(Clone, Copy, Debug)]
struct Ripening {
    edge: u64,
    /// What the edge was when it was last looked at.
    seen: u64,
    seen_at: Instant,
    /// What the edge was for long enough: messages below it that are missing are not
    /// merely late.
    ripe: u64,
}

impl Ripening {
    fn new(next: u64, now: Instant) -> Self {
        Self {
            edge: next,
            seen: next,
            seen_at: now,
            ripe: next,
        }
    }

    fn rise(&mut self, edge: u64, now: Instant) {
        if self.edge == self.ripe {
            // Nothing was waiting to ripen: the time counts from now.
            self.seen = self.edge.max(edge);
            self.seen_at = now;
        }
        self.edge = self.edge.max(edge);
    }

    fn ripen(&mut self, after: Duration, now: Instant) {
        if self.ripe < self.edge && now >= self.seen_at + after {
            self.ripe = self.seen;
            self.seen = self.edge;
            self.seen_at = now;
        }
    }
}

/// What is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) first: u64,
    pub(super) count: u16,
    /// How often it was asked for before.
    pub(super) tried: u32,
}

impl Requests {
    pub(super) fn new(next: u64, patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            outstanding: Vec::with_capacity(MOST_OUTSTANDING),
            known: Ripening::new(next, now),
            passed: Ripening::new(next, now),
        }
    }

    /// The sender has messages up to, but not including, `edge`; every line that is
    /// there has passed those below `passed`.
    pub(super) fn announce(&mut self, edge: u64, passed: u64, now: Instant) {
        self.known.rise(edge, now);
        self.passed.rise(passed, now);
    }

    pub(super) fn edge(&self) -> u64 {
        self.known.edge
    }

    /// Nothing before message `next` is wanted.
    pub(super) fn join(&mut self, next: u64, now: Instant) {
        self.known = Ripening::new(next, now);
        self.passed = Ripening::new(next, now);
    }

    /// What is to be asked for now. `None` if nothing is; asked again and again, it
    /// comes to that.
    pub(super) fn next(
        &mut self,
        window: &Sequencer<()>,
        now: Instant,
    ) -> Result<Option<Ask>, Unanswered> {
        self.known.ripen(self.patience.gap, now);
        self.passed.ripen(self.patience.reordering, now);
        self.outstanding.retain(|asked| !window.has(asked.first));
        let patience = self.patience;
        if let Some(asked) = self.outstanding.iter_mut().find(|asked| asked.due <= now) {
            if now >= asked.begun + patience.give_up {
                return Err(Unanswered {
                    sequence: asked.first,
                    tries: asked.tries,
                    limit: patience.give_up,
                });
            }
            asked.due = now + patience.retry(asked.tries);
            let tried = asked.tries;
            asked.tries = tried.saturating_add(1);
            let (first, count) = (asked.first, asked.count);
            return Ok(Some(Ask {
                first,
                count,
                tried,
            }));
        }
        if self.outstanding.len() == MOST_OUTSTANDING {
            return Ok(None);
        }
        let Some((first, count)) = self.missing(window) else {
            return Ok(None);
        };
        self.outstanding.push(Outstanding {
            first,
            count,
            begun: now,
            due: now + patience.retry(0),
            tries: 1,
        });
        Ok(Some(Ask {
            first,
            count,
            tried: 0,
        }))
    }

    fn ripe(&self) -> u64 {
        self.known.ripe.max(self.passed.ripe)
    }

    /// The first messages that are missing, ripe, and not asked for.
    fn missing(&self, window: &Sequencer<()>) -> Option<(u64, u16)> {
        let limit = self.ripe().min(window.limit());
        let mut first = window.first_missing(window.next());
        while first < limit {
            let asked = self.outstanding.iter();
            match asked
                .filter(|a| (a.first..a.end()).contains(&first))
                .max_by_key(|a| a.end())
            {
                Some(asked) => first = window.first_missing(asked.end()),
                None => {
                    let others = self.outstanding.iter().map(|asked| asked.first);
                    let fits = first.saturating_add(u64::from(MESSAGES_THAT_FIT));
                    let end = others
                        .filter(|&other| other > first)
                        .fold(limit.min(fits), u64::min);
                    let count = window.first_present(first, end) - first;
                    return Some((first, count as u16));
                }
            }
        }
        None
    }

    /// When to ask again, if nothing comes before.
    pub(super) fn deadline(&self, window: &Sequencer<()>) -> Option<Instant> {
        let missing = window.first_missing(self.ripe());
        let waits = [
            (self.known, self.patience.gap),
            (self.passed, self.patience.reordering),
        ];
        let unripe = waits.into_iter().filter(|(edge, _)| missing < edge.edge);
        let ripening = unripe.map(|(edge, after)| edge.seen_at + after);
        let due = self.outstanding.iter().map(|asked| asked.due);
        due.chain(ripening).min()
    }
}

impl Patience {
    /// How long after try number `tries` (the first is 0) the next follows.
    fn retry(&self, tries: u32) -> Duration {
        let doubled = self.answer.saturating_mul(1 << tries.min(16));
        doubled.min(LONGEST_RETRY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first message, how many, and whether for the first time.
    fn all(requests: &mut Requests, window: &Sequencer<()>, now: Instant) -> Vec<(u64, u16, bool)> {
        std::iter::from_fn(|| requests.next(window, now).unwrap())
            .map(|ask| (ask.first, ask.count, ask.tried == 0))
            .collect()
    }

    fn patience() -> Patience {
        Patience {
            give_up: Duration::from_millis(200),
            ..Patience::default()
        }
    }

    #[test]
    fn what_is_merely_late_is_not_asked_for() {
        let begin = Instant::now();
        let after = |us| begin + Duration::from_micros(us);
        let mut window = Sequencer::new(1, 100);
        let mut requests = Requests::new(1, patience(), begin);
        assert_eq!(requests.deadline(&window), None);
        window.insert(2, (), b"2");
        requests.announce(3, 3, after(5_000));
        assert_eq!(requests.next(&window, after(5_999)), Ok(None));
        assert_eq!(requests.deadline(&window), Some(after(6_000)));
        window.insert(1, (), b"1");
        assert_eq!(requests.next(&window, after(6_000)), Ok(None));
        assert_eq!(requests.deadline(&window), None, "nothing is missing");
    }

    #[test]
    fn gaps_are_asked_for_once_each_and_again_when_nobody_answers() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let mut window = Sequencer::new(1, 100);
        let mut requests = Requests::new(1, patience(), begin);
        for sequence in [3, 4, 7] {
            window.insert(sequence, (), b"x");
        }
        requests.announce(9, 9, begin);
        let first = [(1, 2, true), (5, 2, true), (8, 1, true)];
        assert_eq!(all(&mut requests, &window, after(1)), first);
        assert_eq!(all(&mut requests, &window, after(20)), []);
        assert_eq!(requests.deadline(&window), Some(after(21)));

        // A part of the first answer: the rest is missing again.
        window.insert(1, (), b"x");
        let again = [(5, 2, false), (8, 1, false), (2, 1, true)];
        assert_eq!(all(&mut requests, &window, after(21)), again);
        // The second waits for twice as long as the first.
        let newest = [(2, 1, false)];
        assert_eq!(all(&mut requests, &window, after(41)), newest);
        assert_eq!(all(&mut requests, &window, after(60)), []);
        assert_eq!(all(&mut requests, &window, after(61)).len(), 2);
        let error = loop {
            if let Err(error) = requests.next(&window, after(250)) {
                break error.to_string();
            }
        };
        assert_eq!(
            error,
            "message 5 was lost and asked for 3 times in 200ms, the limit, without an answer"
        );
    }

    #[test]
    fn a_wide_gap_is_asked_for_piece_by_piece_and_only_as_far_as_is_held() {
        let begin = Instant::now();
        let now = begin + Duration::from_millis(1);
        let mut window = Sequencer::new(1, 100);
        let mut requests = Requests::new(1, patience(), begin);
        requests.announce(1_000_000, 1_000_000, begin);
        let asked = all(&mut requests, &window, now);
        let fit = MESSAGES_THAT_FIT;
        assert_eq!(
            asked[..2],
            [(1, fit, true), (u64::from(fit) + 1, fit, true)]
        );
        let (first, count, _) = *asked.last().unwrap();
        assert_eq!(first + u64::from(count), window.limit());

        let mut wide = Requests::new(1, patience(), begin);
        window = Sequencer::new(1, 100_000);
        wide.announce(u64::MAX, u64::MAX, begin);
        assert_eq!(all(&mut wide, &window, now).len(), MOST_OUTSTANDING);
        window.insert(1, (), b"x");
        assert_eq!(all(&mut wide, &window, now), [(2, fit - 1, true)]);
    }

    #[test]
    fn a_gap_waits_for_the_line_that_is_behind_but_not_for_ever() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let mut window = Sequencer::new(1, 100);
        let mut requests = Requests::new(1, patience(), begin);
        window.insert(3, (), b"x");
        // One line has passed 1 and 2, the other nothing.
        requests.announce(4, 1, begin);
        assert_eq!(all(&mut requests, &window, after(4)), []);
        assert_eq!(requests.deadline(&window), Some(after(5)));
        // The other passes 1 only: that is asked for after a millisecond.
        requests.announce(4, 2, after(4));
        assert_eq!(requests.deadline(&window), Some(after(5)));
        let mut early = Requests::new(1, patience(), begin);
        early.announce(4, 1, begin);
        early.announce(4, 2, after(1));
        assert_eq!(all(&mut early, &window, after(2)), [(1, 1, true)]);
        assert_eq!(all(&mut requests, &window, after(5)), [(1, 2, true)]);
    }
}

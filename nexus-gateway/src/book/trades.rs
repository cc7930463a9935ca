//! The trades of a day, so that one can be taken back by its match number.
//!
//! A log in the order of arrival, 24 bytes a trade. Exchanges break few trades a day, so
//! there is no index: each [`CHUNK`] of the log knows its lowest and highest number, and
//! those that may hold a number are searched. Numbers rise nearly always, so that is one
//! chunk or two.

use rustc_hash::FxHashMap;

/// Trades between two entries of the table that says where to search.
const CHUNK: usize = 4096;

/// No trade.
const NONE: u32 = u32::MAX;

/// Shares that do not fit are in [`Trades::large`].
const LARGE: u32 = u32::MAX;

/// One trade: its size, 24 bytes, is what a trade costs.
#[derive(Clone, Copy, Debug)]
struct Trade {
    matched: u64,
    book: u32,
    price: u32,
    /// 0 once it is broken.
    shares: u32,
    /// The trade before it in the same book.
    before: u32,
}

/// Every trade that counts in a volume, and those that were broken.
#[derive(Debug, Default)]
pub(super) struct Trades {
    log: Vec<Trade>,
    /// The lowest and the highest match number of each chunk of the log.
    chunks: Vec<(u64, u64)>,
    /// Crosses of more shares than 32 bits hold.
    large: FxHashMap<u32, u64>,
}

/// A trade of a book that is the last one so far, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last(u32);

impl Default for Last {
    fn default() -> Self {
        Self(NONE)
    }
}

/// What a break takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) book: u32,
    pub(super) shares: u64,
}

impl Trades {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many there were, broken ones included.
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    /// Records a trade of `book` behind its trade `before`. Returns the new last one.
    pub(super) fn record(
        &mut self,
        book: u32,
        before: Last,
        (shares, price): (u64, u32),
        matched: u64,
    ) -> Last {
        // The log is as long as its indices are wide: 96 GiB before that.
        let Some(at) = u32::try_from(self.log.len()).ok().filter(|&at| at != NONE) else {
            return before;
        };
        let narrow = u32::try_from(shares).unwrap_or(LARGE);
        if narrow == LARGE {
            self.large.insert(at, shares);
        }
        match self.chunks.get_mut(self.log.len() / CHUNK) {
            Some((least, most)) => (*least, *most) = (matched.min(*least), matched.max(*most)),
            None => self.chunks.push((matched, matched)),
        }
        self.log.push(Trade {
            matched,
            book,
            price,
            shares: narrow,
            before: before.0,
        });
        Last(at)
    }

    /// Breaks what is recorded under a match number and is not broken yet.
    pub(super) fn take_back(&mut self, matched: u64) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (chunk, &(least, most)) in self.chunks.iter().enumerate() {
            if !(least..=most).contains(&matched) {
                continue;
            }
            let begin = chunk * CHUNK;
            let end = self.log.len().min(begin + CHUNK);
            for (i, trade) in self.log[begin..end].iter_mut().enumerate() {
                if trade.matched != matched || trade.shares == 0 {
                    continue;
                }
                let at = (begin + i) as u32;
                let shares = match trade.shares {
                    LARGE => self.large.remove(&at).unwrap_or_default(),
                    shares => u64::from(shares),
                };
                trade.shares = 0;
                let book = trade.book;
                broken.push(Broken { book, shares });
            }
        }
        broken
    }

    /// The last trade up to `last` that is not broken, and its price.
    pub(super) fn last_unbroken(&self, mut last: Last) -> (Last, Option<u32>) {
        while let Some(trade) = self.log.get(last.0 as usize) {
            if trade.shares > 0 {
                return (last, Some(trade.price));
            }
            last = Last(trade.before);
        }
        (Last::default(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_takes_24_bytes() {
        assert_eq!(size_of::<Trade>(), 24);
    }

    #[test]
    fn a_number_is_found_in_whatever_order_they_came_and_broken_once() {
        let mut trades = Trades::default();
        let mut last = Last::default();
        // Three chunks; each second number comes late.
        let numbers = (0..10_000_u64).map(|n| if n % 2 == 0 { n } else { 20_000 - n });
        let numbers: Vec<_> = numbers.collect();
        for &matched in &numbers {
            last = trades.record(3, last, (matched + 1, 7), matched);
        }
        for &matched in &numbers {
            let shares = matched + 1;
            assert_eq!(trades.take_back(matched), [Broken { book: 3, shares }]);
            assert_eq!(trades.take_back(matched), []);
        }
        assert_eq!(trades.last_unbroken(last), (Last::default(), None));
        assert_eq!(trades.take_back(1), []);
    }

    #[test]
    fn crosses_of_more_than_32_bits_are_whole() {
        let mut trades = Trades::default();
        for shares in [u64::from(u32::MAX) - 1, u64::from(u32::MAX), u64::MAX] {
            trades.record(0, Last::default(), (shares, 1), 9);
        }
        let broken: Vec<_> = trades.take_back(9).iter().map(|b| b.shares).collect();
        assert_eq!(
            broken,
            [u64::from(u32::MAX) - 1, u64::from(u32::MAX), u64::MAX]
        );
    }
}

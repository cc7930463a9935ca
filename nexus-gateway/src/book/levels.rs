//! One side of a book: its price levels.
//!
//! Orders come and go near the best price. So the best levels are a short sorted vector
//! with the best one last, where changes are cheap and the best is the last entry. All
//! others are in a B-tree: a book that is a hundred thousand levels deep costs as much
//! at its top as one of ten.

use nexus_itch::itch::Side;
use std::collections::BTreeMap;

/// All orders of one side at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// In ten-thousandths of a dollar.
    pub price: u32,
    /// How many orders rest here.
    pub orders: u32,
    /// Their shares together.
    pub shares: u64,
}

/// The levels of one side.
#[derive(Debug)]
pub(super) struct Levels {
    side: Side,
    /// The best levels, sorted by rank: the best one last. Empty only if `deep` is.
    top: Vec<Level>,
    /// All worse ones, by rank.
    deep: BTreeMap<u32, Level>,
}

impl Levels {
    /// The levels that are kept in the vector at most. Half of them move at a time.
    const MOST: usize = 64;

    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            top: Vec::with_capacity(Self::MOST + 1),
            deep: BTreeMap::new(),
        }
    }

    pub(super) fn best(&self) -> Option<Level> {
        self.top.last().copied()
    }

    /// All levels, the best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Level> {
        let top = self.top.iter().rev();
        top.chain(self.deep.values().rev()).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.top.len() + self.deep.len()
    }

    /// How good a price is: the higher the better.
    fn rank(&self, price: u32) -> u32 {
        match self.side {
            Side::Buy => price,
            Side::Sell => !price,
        }
    }

    /// Whether the level of this rank belongs to the vector.
    fn is_top(&self, rank: u32) -> bool {
        let worst = self.top.first();
        self.deep.is_empty() || worst.is_some_and(|worst| rank >= self.rank(worst.price))
    }

    /// Where in the vector the level of this rank is, or belongs.
    fn find(&self, rank: u32) -> usize {
        match self.side {
            Side::Buy => self.top.partition_point(|level| level.price < rank),
            Side::Sell => self.top.partition_point(|level| !level.price < rank),
        }
    }

    /// Counts one order more at `price`.
    pub(super) fn add(&mut self, price: u32, shares: u32) {
        let rank = self.rank(price);
        let empty = Level {
            price,
            orders: 0,
            shares: 0,
        };
        let level = match self.is_top(rank) {
            false => self.deep.entry(rank).or_insert(empty),
            true => {
                let at = self.find(rank);
                if self.top.get(at).is_none_or(|level| level.price != price) {
                    self.top.insert(at, empty);
                }
                &mut self.top[at]
            }
        };
        level.orders += 1;
        level.shares += u64::from(shares);
        if self.top.len() > Self::MOST {
            self.sink();
        }
    }

    /// Takes `shares` from an order that [`add`](Self::add) counted at
    /// `price`, and the order with them if it is `gone`.
    pub(super) fn reduce(&mut self, price: u32, shares: u32, gone: bool) {
        let rank = self.rank(price);
        let at = self.find(rank);
        let in_top = self.top.get(at).is_some_and(|level| level.price == price);
        let level = match in_top {
            true => self.top.get_mut(at),
            false => self.deep.get_mut(&rank),
        };
        let Some(level) = level else {
            debug_assert!(false, "an order rests at a level");
            return;
        };
        level.shares -= u64::from(shares);
        level.orders -= u32::from(gone);
        if level.orders > 0 {
            return;
        }
        debug_assert_eq!(level.shares, 0, "no orders have no shares");
        match in_top {
            true => drop(self.top.remove(at)),
            false => drop(self.deep.remove(&rank)),
        }
        if self.top.is_empty() {
            self.rise();
        }
    }

    /// Moves the worst levels of the vector into the tree.
    fn sink(&mut self) {
        let side = self.side;
        let rank = |level: &Level| match side {
            Side::Buy => level.price,
            Side::Sell => !level.price,
        };
        let worst = self.top.drain(..Self::MOST / 2);
        self.deep.extend(worst.map(|level| (rank(&level), level)));
    }

    /// Moves the best levels of the tree into the vector, which is empty.
    fn rise(&mut self) {
        for _ in 0..Self::MOST / 2 {
            let Some((_, level)) = self.deep.pop_last() else {
                break;
            };
            self.top.push(level);
        }
        self.top.reverse();
    }

    /// The levels, the best one first.
    #[cfg(test)]
    pub(super) fn best_first(&self) -> Vec<Level> {
        let top = self.top.iter().rev();
        top.chain(self.deep.values().rev()).copied().collect()
    }
}

//! One side of a book: its price levels, the best one last.
//!
//! A sorted vector: orders come and go near the best price, which is where a
//! vector is cheap to change, and finding the best is reading its last entry.

use nexus_itch::itch::Side;

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
    /// Sorted by rank: the best price last.
    sorted: Vec<Level>,
}

impl Levels {
    /// Room for as many levels as most stocks ever have at a time.
    const CAPACITY: usize = 64;

    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            sorted: Vec::with_capacity(Self::CAPACITY),
        }
    }

    pub(super) fn best(&self) -> Option<Level> {
        self.sorted.last().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Counts one order more at `price`.
    pub(super) fn add(&mut self, price: u32, shares: u32) {
        let at = self.find(price);
        match self.sorted.get_mut(at) {
            Some(level) if level.price == price => {
                level.orders += 1;
                level.shares += u64::from(shares);
            }
            _ => self.sorted.insert(
                at,
                Level {
                    price,
                    orders: 1,
                    shares: u64::from(shares),
                },
            ),
        }
    }

    /// Takes `shares` from an order that [`add`](Self::add) counted at
    /// `price`, and the order with them if it is `gone`.
    pub(super) fn reduce(&mut self, price: u32, shares: u32, gone: bool) {
        let at = self.find(price);
        let level = &mut self.sorted[at];
        debug_assert_eq!(level.price, price, "an order rests at a level");
        level.shares -= u64::from(shares);
        level.orders -= u32::from(gone);
        if level.orders == 0 {
            debug_assert_eq!(level.shares, 0, "no orders have no shares");
            self.sorted.remove(at);
        }
    }

    /// Where the level of `price` is, or belongs.
    fn find(&self, price: u32) -> usize {
        match self.side {
            Side::Buy => self.sorted.partition_point(|level| level.price < price),
            Side::Sell => self.sorted.partition_point(|level| level.price > price),
        }
    }

    /// The levels, the best one first.
    #[cfg(test)]
    pub(super) fn best_first(&self) -> Vec<Level> {
        self.sorted.iter().rev().copied().collect()
    }
}

//! Packets lost on purpose, to test receivers.

use crate::feed::Random;
use std::cell::RefCell;

/// Draws which packets are lost.
#[derive(Debug)]
pub(super) struct Loss {
    percent: u64,
    random: RefCell<Random>,
}

impl Loss {
    /// `percent` of 100, which ones is drawn by `seed`.
    pub(super) fn new(percent: u64, seed: u64) -> Self {
        Self {
            percent,
            random: RefCell::new(Random::new(seed)),
        }
    }

    /// Whether the next packet is lost.
    pub(super) fn strikes(&self) -> bool {
        self.percent > 0 && self.random.borrow_mut().below(100) < self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_lost_as_was_asked_for() {
        let struck = |percent| {
            let loss = Loss::new(percent, 7);
            (0..10_000).filter(|_| loss.strikes()).count()
        };
        assert_eq!(struck(0), 0);
        assert!((50..150).contains(&struck(1)), "{}", struck(1));
        assert!((4_800..5_200).contains(&struck(50)), "{}", struck(50));
    }
}

//! What a feed says that cannot be applied to a book.

use nexus_itch::itch::Event;

/// What could not be applied as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    /// Messages that name an order that does not rest, by type as in
    /// [`Anomalies::UNKNOWN_KINDS`].
    pub unknown: [u64; 5],
    /// Adds and replaces with a new reference that already rests: the new order
    /// takes the old one's place.
    pub duplicate: u64,
    /// Adds and replaces of no shares: nothing comes to rest.
    pub empty: u64,
    /// Executions of more than rests: the order is gone.
    pub overfilled: u64,
    /// Cancels of more than rests: the order is gone.
    pub overcancelled: u64,
    /// Breaks of a match number that adds nothing to a volume: it is unknown, was broken
    /// before, or belongs to an execution that is not printable.
    pub unbroken: u64,
    /// Stocks named under a locate code of another symbol, or under code 0: they go by
    /// their code.
    pub mislocated: u64,
    /// Orders and trades on neither side: nothing comes of them.
    pub malformed: u64,
}

impl Anomalies {
    /// The types that name an order.
    pub const UNKNOWN_KINDS: [u8; 5] = *b"ECXDU";

    /// All of them together.
    pub fn total(&self) -> u64 {
        let unknown: u64 = self.unknown.iter().sum();
        let odd = self.duplicate + self.empty + self.malformed + self.unbroken + self.mislocated;
        unknown + odd + self.overfilled + self.overcancelled
    }

    pub(super) fn unknown(&mut self, event: &Event) {
        let kind = event.kind();
        if let Some(at) = Self::UNKNOWN_KINDS.iter().position(|&k| k == kind) {
            self.unknown[at] += 1;
        }
    }
}

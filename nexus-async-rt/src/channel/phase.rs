//! How far a receiver has got with the end of its channel.

/// Kept in the receiver: it alone closes and sees the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// It has closed; what was accepted is still received.
    Closed,
    /// It has seen the end: no message ever again.
    Ended,
}

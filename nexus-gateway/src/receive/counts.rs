//! What a link saw.

use nexus_itch::mold;

/// Counts of one link, TCP or UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were lost, or could not be made.
    pub failures: u64,
    /// Datagrams that are no packet, or one cut short.
    pub malformed: u64,
    /// What the packets were.
    pub mold: mold::Counts,
}

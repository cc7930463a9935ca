//! What a link saw.

use super::lines::LineStats;
use nexus_itch::mold;

/// Counts of one link, TCP or UDP.
#[derive(Debug, Default)]
pub struct LinkCounts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were lost, or could not be made.
    pub failures: u64,
    /// Datagrams that are no packet, or one cut short.
    pub malformed: u64,
    /// Datagrams of others than the sources and services that are named.
    pub strangers: u64,
    /// What the packets were.
    pub mold: mold::Counts,
    /// What each line brought.
    pub lines: Vec<LineStats>,
}

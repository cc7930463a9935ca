//! What a link saw.

use super::lines::LineStats;
use nexus_itch::mold;
use std::ops::Range;

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
    /// Messages that were missing when the feed was lost, the first ranges.
    pub missing: Vec<Range<u64>>,
    /// What each line brought.
    pub lines: Vec<LineStats>,
}

//! The report as JSON, for programs. The README lists the fields.
//!
//! Prices are whole numbers of 1/10,000 dollars, durations are nanoseconds, and what does
//! not apply is absent or `null`.

use crate::archive::{ArchiveError, Inspection};
use crate::book::{Anomalies, Book, Books, Level};
use crate::config::{BooksConfig, UdpLine};
use crate::feed::Schedule;
use crate::latency::Percentiles;
use crate::outcome::{Archived, Coverage, Outcome};
use crate::receive::{LineStats, Received};
use crate::tally::Tally;
use nexus_itch::foreign::shown;
use nexus_itch::itch::{Side, name_of};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Raised when a field changes its meaning or goes; fields may be added without.
pub const VERSION: u32 = 1;

/// How many messages there were: all, and by kind. An unknown kind has its length; the
/// type of an empty message is null.
pub fn messages(tally: &Tally) -> Value {
    let known = tally.by_frequency().into_iter().map(|(kind, count)| {
        json!({ "type": char::from(kind).to_string(), "name": name_of(kind), "count": count })
    });
    let unknown = tally.unknown_kinds().map(|(kind, len, count)| {
        let kind = kind.map(shown_byte);
        json!({ "type": kind, "name": "unknown", "bytes": len, "count": count })
    });
    json!({
        "count": tally.total(),
        "unknown": tally.unknown(),
        "kinds": known.chain(unknown).collect::<Vec<_>>(),
    })
}

/// The books that `shown` names, or all of them; and what could not be applied.
pub fn books(books: &Books, shown: &BooksConfig, of: Coverage) -> Value {
    let wanted = |book: &&Book| shown.stocks.is_empty() || shown.stocks.contains(&book.stock());
    let stocks: Vec<Value> = books
        .iter()
        .filter(wanted)
        .map(|book| one_book(book, shown.depth))
        .collect();
    json!({
        "complete": of.is_complete(),
        "first": of.first,
        "missing": of.missing,
        "stocks": stocks,
        "resting_orders": books.resting(),
        "remembered_trades": books.trades(),
        "anomalies": anomalies(books.anomalies()),
    })
}

fn one_book(book: &Book, depth: Option<u64>) -> Value {
    let mut value = json!({
        "stock": book.stock().to_string(),
        "bid": book.best(Side::Buy).map(level),
        "offer": book.best(Side::Sell).map(level),
        "levels": book.levels(),
        "traded": book.volume(),
        "last": book.last(),
        "state": book.state().map(shown_byte),
        "halts": book.halts(),
        "locked": book.crossings().locked,
        "crossed": book.crossings().crossed,
    });
    if let Some(levels) = depth {
        for (name, side) in [("bids", Side::Buy), ("offers", Side::Sell)] {
            let levels = book.depth(side).take(levels as usize);
            value[name] = levels.map(level).collect();
        }
    }
    value
}

fn shown_byte(byte: u8) -> String {
    shown(&[byte]).to_string()
}

fn level(level: Level) -> Value {
    json!({ "price": level.price, "shares": level.shares, "orders": level.orders })
}

fn anomalies(seen: &Anomalies) -> Value {
    let unknown: Map<String, Value> = Anomalies::UNKNOWN_KINDS
        .iter()
        .zip(seen.unknown)
        .map(|(&kind, count)| (char::from(kind).to_string(), count.into()))
        .collect();
    json!({
        "unknown_order": unknown,
        "duplicate_order": seen.duplicate,
        "empty_order": seen.empty,
        "overfilled": seen.overfilled,
        "overcancelled": seen.overcancelled,
        "neither_side": seen.malformed,
        "unbroken_trade": seen.unbroken,
        "mislocated": seen.mislocated,
    })
}

/// One run of a replay.
pub fn run(name: &str, outcome: &Outcome, paced: Option<&Schedule>, kept: bool) -> Value {
    let seen = &outcome.merged;
    json!({
        "name": name,
        "messages": outcome.tally.total(),
        "elapsed": nanoseconds(outcome.elapsed),
        "per_second": outcome.rate(),
        "meant_per_second": paced.map(Schedule::rate),
        "first_copies": seen.first_copies,
        "duplicates": seen.duplicates,
        "different": seen.different,
        "held": seen.held,
        "latency": outcome.latency.map(percentiles),
        "lateness": outcome.lateness.map(percentiles),
        "archive": outcome.archived.as_ref().map(|archived| archive(archived, kept)),
    })
}

/// Percentiles in nanoseconds.
pub fn percentiles(of: Percentiles) -> Value {
    json!({ "p50": of.p50, "p99": of.p99, "p99.9": of.p999, "max": of.max })
}

/// An archive that was written, and verified.
pub fn archive(archived: &Archived, kept: bool) -> Value {
    json!({
        "path": archived.path.to_string_lossy(),
        "kept": kept,
        "records": archived.records,
        "bytes": archived.synced.length,
        "crc32c": format!("{:08x}", archived.synced.crc),
        "syncs": archived.syncs,
        "longest_sync": nanoseconds(archived.longest_sync),
        "found_records": archived.found.records,
        "cut_bytes": archived.found.torn,
    })
}

/// An archive that failed.
pub fn broken_archive(path: &Path, found: Result<&u64, &ArchiveError>) -> Value {
    json!({
        "path": path.to_string_lossy(),
        "readable_records": found.ok(),
        "error": found.err().map(ToString::to_string),
    })
}

/// What came over the network.
pub fn received(received: &Received, lines: &[UdpLine]) -> Value {
    let (link, mold) = (&received.link, &received.link.mold);
    let tcp = json!({ "connections": link.connections, "failures": link.failures });
    let udp = json!({
        "packets": mold.packets,
        "malformed": link.malformed,
        "other_sessions": mold.foreign,
        "strangers": link.strangers,
        "duplicates": mold.duplicates,
        "different": mold.different,
        "held": mold.held,
        "beyond": mold.beyond,
        "implausible": mold.implausible,
        "requests": mold.requests,
        "repeated_requests": mold.repeated,
        "requested_messages": mold.requested,
        "held_up": nanoseconds(mold.held_up),
        "lines": link.lines.iter().zip(lines).map(|(stats, at)| line(stats, at)).collect::<Vec<_>>(),
    });
    json!({
        "first": received.first,
        "next": received.next,
        "messages": received.messages(),
        "elapsed": nanoseconds(received.elapsed),
        "end": received.ending(),
        "missing": received.link.missing.iter().map(|lost| [lost.start, lost.end - 1]).collect::<Vec<_>>(),
        "tcp": lines.is_empty().then_some(tcp),
        "udp": (!lines.is_empty()).then_some(udp),
    })
}

fn line(stats: &LineStats, line: &UdpLine) -> Value {
    json!({
        "address": line.endpoint.to_string(),
        "packets": stats.packets,
        "bytes": stats.bytes,
        "first_copies": stats.first_copies,
        "duplicates": stats.duplicates,
        "gaps": stats.gaps,
        "missed_messages": stats.missed,
        "filled_messages": stats.filled,
        "behind": stats.lateness().map(percentiles),
        "silences": stats.downs,
        "last_heard": stats.heard.map(|at| nanoseconds(at.elapsed())),
        "kernel_drops": stats.kernel_drops,
    })
}

/// An archive that was looked at.
pub fn verified(path: &Path, found: &Result<Inspection, ArchiveError>) -> Value {
    let path = path.to_string_lossy();
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            return json!({ "path": path, "state": "damaged", "error": error.to_string() });
        }
    };
    let synced = found.synced.as_ref();
    json!({
        "path": path,
        "state": found.certainty().word(),
        "records": found.records,
        "bytes": found.whole,
        "synced_bytes": synced.map(|synced| synced.length),
        "torn_bytes": found.torn,
        "crc32c": format!("{:08x}", found.crc),
        "session": synced.and_then(|synced| synced.session).map(|session| session.to_string()),
        "first": synced.map(|synced| synced.first),
    })
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

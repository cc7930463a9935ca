//! The tables, and the same as JSON.

mod books;
pub mod capture;
pub mod json;
mod printer;

pub use books::books;
pub use printer::Printer;

use crate::feed::{Line, Schedule};
use crate::latency::{Percentiles, Readable};
use crate::outcome::{Archived, Outcome};
use crate::tally::Tally;
use nexus_itch::foreign::shown;
use nexus_itch::itch::name_of;
use std::fmt::{self, Write};
use std::ops::Range;

/// A table with columns as wide as their widest cell.
#[derive(Debug)]
struct Table {
    /// So many columns, from the first on, are text; the others are numbers.
    text_columns: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(text_columns: usize, titles: &[&str]) -> Self {
        Self {
            text_columns,
            rows: vec![titles.iter().map(ToString::to_string).collect()],
        }
    }

    fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |i| {
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            cells.map(|cell: &String| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match i < self.text_columns {
                    true => write!(line, "  {cell:<width$}")?,
                    false => write!(line, "  {cell:>width$}")?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A count with its thousands set apart.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Numbers of messages, the last one included.
pub(crate) fn numbers(range: &Range<u64>) -> String {
    match range.end.saturating_sub(range.start) {
        0 | 1 => count(range.start),
        _ => format!("{} to {}", count(range.start), count(range.end - 1)),
    }
}

/// A price in dollars.
fn price(price: u32) -> String {
    format!("{}.{:04}", price / 10_000, price % 10_000)
}

/// Messages by type, the most frequent first.
pub fn messages(tally: &Tally) -> String {
    let mut table = Table::new(2, &["type", "message", "count", "share"]);
    let total = tally.total().max(1);
    for (kind, n) in tally.by_frequency() {
        let share = n as f64 * 100.0 / total as f64;
        table.row(vec![
            char::from(kind).to_string(),
            name_of(kind).to_string(),
            count(n),
            format!("{share:.1} %"),
        ]);
    }
    for (kind, name, n) in unknown(tally) {
        let share = n as f64 * 100.0 / total as f64;
        table.row(vec![kind, name, count(n), format!("{share:.1} %")]);
    }
    let all = count(tally.total());
    table.row(vec![String::new(), "all".to_string(), all, String::new()]);
    format!("Messages by type\n{table}")
}

/// Messages that are none of ITCH 5.0: type, what is known of them, how many.
fn unknown(tally: &Tally) -> Vec<(String, String, u64)> {
    let mut rows = Vec::new();
    let mut named = 0;
    for (kind, len, n) in tally.unknown_kinds() {
        named += n;
        let kind = kind.map_or(String::new(), |kind| shown(&[kind]).to_string());
        let name = match len {
            0 => "empty".to_string(),
            _ => format!("unknown, {} bytes", count(len as u64)),
        };
        rows.push((kind, name, n));
    }
    let others = tally.unknown() - named;
    if others > 0 {
        rows.push((String::new(), "unknown, of other kinds".to_string(), others));
    }
    rows
}

/// How fast a run went, how fast it was meant to go if it was paced, and which
/// line was first. `name` is the run's.
pub fn rate(name: &str, outcome: &Outcome, paced: Option<&Schedule>) -> String {
    let seen = &outcome.merged;
    let name = capitalised(name);
    let [a, b] = Line::BOTH.map(|line| count(seen.first_copies[line.index()]));
    let mut text = format!(
        "{name} run: {} messages in {:.3} s, {} messages/s\n  \
         first copies: {a} from line A, {b} from line B\n  {} second copies dropped",
        count(outcome.tally.total()),
        outcome.elapsed.as_secs_f64(),
        count(outcome.rate()),
        count(seen.duplicates),
    );
    if seen.held + seen.different > 0 {
        let (held, different) = (count(seen.held), count(seen.different));
        let _ = write!(
            text,
            ", {held} held for a gap, {different} unlike the first"
        );
    }
    text.push('\n');
    if let Some(schedule) = paced {
        let _ = writeln!(
            text,
            "  meant to be sent: {} messages/s, in packets of {}",
            count(schedule.rate()),
            count(schedule.per_packet()),
        );
    }
    text
}

/// At the beginning of a line.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Latency of a paced run, beside it the machine's own noise.
pub fn latency(outcome: &Outcome, noise: Option<Percentiles>) -> String {
    let mut table = Table::new(1, &["", "p50", "p99", "p99.9", "max"]);
    for (name, percentiles) in [
        ("from feed to book", outcome.latency),
        ("of it, the sender's lateness", outcome.lateness),
        ("the machine alone (a bare loop)", noise),
    ] {
        let mut row = vec![name.to_string()];
        row.extend(match percentiles {
            Some(p) => [p.p50, p.p99, p.p999, p.max].map(|ns| Readable(ns).to_string()),
            None => ["-"; 4].map(str::to_string),
        });
        table.row(row);
    }
    format!("Latency, from when a message was meant to be sent\n{table}")
}

/// An archive: where, how long, its checksum, and what was found before.
pub fn archive(name: &str, archived: &Archived, kept: bool) -> String {
    let synced = &archived.synced;
    let found = &archived.found;
    let mut text = format!(
        "Archive of the {name} run: {}{}\n  \
         {} records, {} bytes, CRC-32C {:08x}, verified\n  \
         synced {} times, the longest took {}\n",
        archived.path.display(),
        if kept {
            ""
        } else {
            "\n  removed now; --archive keeps it"
        },
        count(archived.records),
        count(synced.length),
        synced.crc,
        count(archived.syncs),
        Readable(archived.longest_sync.as_nanos() as u64),
    );
    if found.records + found.torn > 0 {
        let _ = writeln!(
            text,
            "  reopened: {} records were there, {} bytes of a torn tail were cut",
            count(found.records),
            count(found.torn),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Inspection, SyncRecord};
    use crate::book::Books;
    use crate::config::BooksConfig;
    use crate::outcome::Coverage;
    use crate::replay::Merged;
    use nexus_itch::itch::{Event, Message, Side, Stock};
    use std::path::PathBuf;
    use std::time::Duration;

    fn outcome() -> Outcome {
        let mut books = Books::with_capacity(4);
        let mut apply = |event| {
            books.apply(&Message {
                timestamp: 0,
                locate: 1,
                event,
            });
        };
        apply(Event::Add {
            order: 1,
            side: Side::Buy,
            shares: 12_300,
            stock: Stock::new("ALPHA"),
            price: 250_100,
            attribution: None,
        });
        apply(Event::Delete { order: 9 });
        let mut tally = Tally::default();
        for _ in 0..1500 {
            tally.count(b'A');
        }
        tally.count(b'D');
        let percentiles = Percentiles {
            p50: 900,
            p99: 12_300,
            p999: 1_230_000,
            max: 2_000_000_000,
        };
        Outcome {
            elapsed: Duration::from_millis(500),
            books,
            tally,
            merged: Merged {
                first_copies: [1000, 501],
                duplicates: 1501,
                ..Merged::default()
            },
            latency: Some(percentiles),
            lateness: None,
            archived: Some(Archived {
                path: PathBuf::from("folder/x.itch50"),
                found: Inspection::default(),
                records: 1501,
                synced: SyncRecord {
                    generation: 3,
                    length: 57_040,
                    crc: 0xabc,
                    ..SyncRecord::default()
                },
                syncs: 3,
                longest_sync: Duration::from_micros(1500),
            }),
        }
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(price(250_100), "25.0100");
        assert_eq!(price(7), "0.0007");
    }

    #[test]
    fn tables_line_up() {
        let outcome = outcome();
        assert_eq!(
            messages(&outcome.tally),
            "Messages by type\n\
             \x20 type  message       count   share\n\
             \x20 A     add order     1,500  99.9 %\n\
             \x20 D     order delete      1   0.1 %\n\
             \x20       all           1,501\n"
        );
        assert_eq!(
            latency(&outcome, None),
            "Latency, from when a message was meant to be sent\n\
             \x20                                     p50      p99    p99.9     max\n\
             \x20 from feed to book                900 ns  12.3 µs  1.23 ms  2.00 s\n\
             \x20 of it, the sender's lateness          -        -        -       -\n\
             \x20 the machine alone (a bare loop)       -        -        -       -\n"
        );
        assert_eq!(
            books(&outcome.books, &BooksConfig::default(), Coverage::WHOLE),
            "Top of book\n\
             \x20 stock  shares      bid  offer  shares  levels  traded  last\n\
             \x20 ALPHA  12,300  25.0100      -       -       1       0     -\n\
             \x20 1 orders rest, 0 trades are remembered\n\
             \x20 1 messages named an unknown order (D 1)\n"
        );
    }

    #[test]
    fn runs_and_archives_say_what_happened() {
        let mut outcome = outcome();
        assert_eq!(
            rate("paced", &outcome, Some(&Schedule::new(500_000))),
            "Paced run: 1,501 messages in 0.500 s, 3,002 messages/s\n\
             \x20 first copies: 1,000 from line A, 501 from line B\n\
             \x20 1,501 second copies dropped\n\
             \x20 meant to be sent: 500,000 messages/s, in packets of 100\n"
        );
        outcome.merged.different = 2;
        let text = rate("unpaced", &outcome, None);
        assert!(text.ends_with("dropped, 0 held for a gap, 2 unlike the first\n"));

        let archived = outcome.archived.as_mut().unwrap();
        let text = archive("paced", archived, true);
        assert_eq!(
            text,
            "Archive of the paced run: folder/x.itch50\n\
             \x20 1,501 records, 57,040 bytes, CRC-32C 00000abc, verified\n\
             \x20 synced 3 times, the longest took 1.50 ms\n"
        );
        archived.found.torn = 5;
        let text = archive("paced", archived, false);
        assert!(text.contains("folder/x.itch50\n  removed now; --archive keeps it\n"));
        assert!(text.ends_with("0 records were there, 5 bytes of a torn tail were cut\n"));
    }
}

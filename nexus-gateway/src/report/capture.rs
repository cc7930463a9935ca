//! What a capture held.

use super::{count, numbers};
use crate::input::Capture;
use serde_json::{Value, json};
use std::fmt::Write;

/// Its lines, what was left out, and what it lacks.
pub fn text(capture: &Capture) -> String {
    let all = capture.numbers();
    let session = capture.session();
    let mut text = format!(
        "Capture: session {}, messages {} to {}\n",
        session.map_or(String::new(), |session| session.to_string()),
        count(all.start),
        count(all.end - 1),
    );
    for (line, letter) in capture.lines().iter().zip('A'..) {
        let _ = writeln!(
            text,
            "  line {letter}, {}: {} packets, {} first copies\n    \
             {} second copies, {} unlike the first",
            line.to,
            count(line.packets),
            count(line.first),
            count(line.duplicates),
            count(line.different),
        );
    }
    let counts = capture.counts();
    let _ = writeln!(
        text,
        "  left out: {} fragments, {} cut, {} malformed\n    \
         {} of other sessions, {} others",
        count(counts.fragments),
        count(counts.cut),
        count(counts.malformed),
        count(counts.foreign),
        count(counts.others),
    );
    let (lost, ranges) = capture.lost();
    if lost > 0 {
        let _ = writeln!(text, "  on no line: {} messages", count(lost));
        for range in ranges {
            let _ = writeln!(text, "    {}", numbers(range));
        }
        let named: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        if named < lost {
            let _ = writeln!(text, "    and {} more behind them", count(lost - named));
        }
    }
    text
}

/// The same for programs.
pub fn json(capture: &Capture) -> Value {
    let all = capture.numbers();
    let counts = capture.counts();
    let lines = capture.lines().iter().map(|line| {
        json!({
            "to": line.to,
            "packets": line.packets,
            "first_copies": line.first,
            "duplicates": line.duplicates,
            "different": line.different,
        })
    });
    let (lost, ranges) = capture.lost();
    let ranges = ranges
        .iter()
        .map(|range| json!([range.start, range.end - 1]));
    json!({
        "session": capture.session().map(|session| session.to_string()),
        "first": all.start,
        "last": all.end - 1,
        "lines": lines.collect::<Vec<_>>(),
        "packets": counts.packets,
        "fragments": counts.fragments,
        "cut": counts.cut,
        "malformed": counts.malformed,
        "other_sessions": counts.foreign,
        "others": counts.others,
        "lost": lost,
        "lost_ranges": ranges.collect::<Vec<_>>(),
    })
}

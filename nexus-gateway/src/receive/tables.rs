//! What a received feed came to, for people.

use super::lines::{LineStats, letter};
use super::{End, LinkError, Received};
use crate::archive::ArchiveError;
use crate::config::UdpLine;
use crate::endpoint::Endpoint;
use crate::latency::Readable;
use crate::report::{count, numbers};
use std::fmt::Write;
use std::path::Path;

/// How many messages came, how it ended, and what the link did meanwhile.
pub(super) fn received(received: &Received, lines: &[UdpLine]) -> String {
    let messages = received.messages();
    let seconds = received.elapsed.as_secs_f64();
    let rate = (messages as f64 / seconds.max(1e-9)) as u64;
    let mut text = format!("Received: {} messages", count(messages));
    if messages > 1 {
        let _ = write!(text, " in {seconds:.3} s, {} messages/s", count(rate));
    }
    text.push('\n');
    let next = count(received.next);
    let _ = match &received.end {
        Ok(End::Complete) => writeln!(text, "  the session is over, and complete"),
        Ok(End::Stopped) => writeln!(text, "  stopped by a signal before message {next}"),
        Err(LinkError::Skipped(lost)) => {
            let lost = count(*lost);
            writeln!(
                text,
                "  the session is over; {lost} messages were passed over"
            )
        }
        Err(_) => writeln!(text, "  lost before message {next}"),
    };
    for range in &received.link.missing {
        let _ = writeln!(text, "  missing: {}", numbers(range));
    }
    match lines {
        [] => tcp(received, &mut text),
        lines => udp(received, lines, &mut text),
    }
    text
}

/// What is left of an archive that failed: `found` records can be read back.
pub(super) fn broken_archive(
    path: &Path,
    received: &Received,
    found: Result<&u64, &ArchiveError>,
) -> String {
    let came = received.messages();
    let recoverable = match found {
        Ok(&records) => format!("{} records can be read back", count(records)),
        Err(error) => format!("it cannot be read back: {error}"),
    };
    format!(
        "Archive of the received run: {}\n  \
         it failed; {} messages were received, {recoverable}\n",
        path.display(),
        count(came),
    )
}

fn tcp(received: &Received, text: &mut String) {
    let link = &received.link;
    let _ = writeln!(
        text,
        "  TCP: {} connections, {} lost or not made",
        count(link.connections),
        count(link.failures),
    );
}

fn udp(received: &Received, lines: &[UdpLine], text: &mut String) {
    let link = &received.link;
    let mold = &link.mold;
    let _ = writeln!(
        text,
        "  UDP: {} packets; {} datagrams were none, {} of other sessions\n  \
         messages: {} duplicates dropped, {} held for a gap, {} too far ahead\n  \
         lost: {} requests, {} of them repeated, for {} messages",
        count(mold.packets),
        count(link.malformed),
        count(mold.foreign),
        count(mold.duplicates),
        count(mold.held),
        count(mold.beyond),
        count(mold.requests),
        count(mold.repeated),
        count(mold.requested),
    );
    for (n, what) in [
        (mold.different, "second copies differ from the first"),
        (
            mold.implausible,
            "packets announced more than 2^32 messages ahead",
        ),
        (link.strangers, "datagrams of strangers"),
    ] {
        if n > 0 {
            let _ = writeln!(text, "  {} {what}", count(n));
        }
    }
    let held_up = Readable(mold.held_up.as_nanos() as u64);
    let _ = writeln!(text, "  gaps held up the books for {held_up}");
    for (number, (stats, line)) in link.lines.iter().zip(lines).enumerate() {
        one_line(number, stats, &line.endpoint, text);
    }
}

fn one_line(number: usize, stats: &LineStats, endpoint: &Endpoint, text: &mut String) {
    let _ = write!(
        text,
        "  line {}, {endpoint}: {} packets, {} bytes\n    \
         first copies: {}, duplicates: {}\n    \
         gaps: {}, of {} messages, {} of which another line brought\n",
        letter(number),
        count(stats.packets),
        count(stats.bytes),
        count(stats.first_copies),
        count(stats.duplicates),
        count(stats.gaps),
        count(stats.missed),
        count(stats.filled),
    );
    if let Some(behind) = stats.lateness() {
        let [p50, p99, max] = [behind.p50, behind.p99, behind.max].map(Readable);
        let _ = writeln!(
            text,
            "    behind the other: p50 {p50}, p99 {p99}, max {max}"
        );
    }
    let heard = stats.heard.map_or("never".to_string(), |at| {
        format!("{} ago", Readable(at.elapsed().as_nanos() as u64))
    });
    let _ = write!(text, "    last heard: {heard}");
    if stats.downs > 0 {
        let _ = write!(text, "; fell silent {} times", count(stats.downs));
    }
    if let Some(drops) = stats.kernel_drops {
        let _ = write!(text, "; {} dropped by the kernel", count(drops));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::LinkCounts;
    use super::*;
    use crate::outcome::Coverage;
    use std::time::Duration;

    #[test]
    fn the_end_and_the_link_are_shown() {
        let mut run = Received {
            end: Ok(End::Complete),
            first: 11,
            next: 2_011,
            books: Coverage::WHOLE,
            elapsed: Duration::from_millis(500),
            link: LinkCounts {
                connections: 2,
                failures: 1,
                ..LinkCounts::default()
            },
        };
        assert_eq!(
            received(&run, &[]),
            "Received: 2,000 messages in 0.500 s, 4,000 messages/s\n\
             \x20 the session is over, and complete\n\
             \x20 TCP: 2 connections, 1 lost or not made\n"
        );
        run.end = Ok(End::Stopped);
        run.link.mold.requests = 3;
        let text = received(&run, &["239.1.1.1:9001".parse().unwrap()]);
        assert!(text.contains("stopped by a signal before message 2,011\n"));
        assert!(text.contains("lost: 3 requests, 0 of them repeated, for 0 messages\n"));
        assert!(
            text.ends_with("gaps held up the books for 0 ns\n"),
            "{text}"
        );
        run.link.lines = vec![LineStats {
            packets: 1_200,
            downs: 1,
            kernel_drops: Some(7),
            ..LineStats::default()
        }];
        run.link.strangers = 2;
        let text = received(&run, &["239.1.1.1:9001".parse().unwrap()]);
        assert!(text.contains("  2 datagrams of strangers\n"), "{text}");
        assert!(
            text.ends_with(
                "  line A, 239.1.1.1:9001: 1,200 packets, 0 bytes\n    \
                 first copies: 0, duplicates: 0\n    \
                 gaps: 0, of 0 messages, 0 of which another line brought\n    \
                 last heard: never; fell silent 1 times; 7 dropped by the kernel\n"
            ),
            "{text}"
        );
        run.end = Err(LinkError::Archive);
        run.next = 11;
        let text = received(&run, &["239.1.1.1:9001".parse().unwrap()]);
        assert!(text.starts_with("Received: 0 messages\n  lost before message 11\n"));
    }
}

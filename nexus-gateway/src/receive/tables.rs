//! What a received feed came to, for people.

use super::{End, Received};
use crate::report::count;
use std::fmt::Write;

/// How many messages came, how it ended, and what the link did meanwhile.
pub(super) fn received(received: &Received, packets: bool) -> String {
    let messages = received.next - received.first;
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
        Err(_) => writeln!(text, "  lost before message {next}"),
    };
    match packets {
        true => udp(received, &mut text),
        false => tcp(received, &mut text),
    }
    text
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

fn udp(received: &Received, text: &mut String) {
    let link = &received.link;
    let mold = &link.mold;
    let _ = writeln!(
        text,
        "  UDP: {} packets; {} datagrams were none, {} of other sessions\n  \
         messages: {} duplicates dropped, {} held for a gap, {} too far ahead\n  \
         lost: {} requests, {} of them repeated",
        count(mold.packets),
        count(link.malformed),
        count(mold.foreign),
        count(mold.duplicates),
        count(mold.held),
        count(mold.beyond),
        count(mold.requests),
        count(mold.repeated),
    );
}

#[cfg(test)]
mod tests {
    use super::super::{LinkCounts, LinkError};
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_end_and_the_link_are_shown() {
        let mut run = Received {
            end: Ok(End::Complete),
            first: 11,
            next: 2_011,
            elapsed: Duration::from_millis(500),
            link: LinkCounts {
                connections: 2,
                failures: 1,
                ..LinkCounts::default()
            },
        };
        assert_eq!(
            received(&run, false),
            "Received: 2,000 messages in 0.500 s, 4,000 messages/s\n\
             \x20 the session is over, and complete\n\
             \x20 TCP: 2 connections, 1 lost or not made\n"
        );
        run.end = Ok(End::Stopped);
        run.link.mold.requests = 3;
        let text = received(&run, true);
        assert!(text.contains("stopped by a signal before message 2,011\n"));
        assert!(text.ends_with("lost: 3 requests, 0 of them repeated\n"));
        run.end = Err(LinkError::Archive);
        run.next = 11;
        let text = received(&run, true);
        assert!(text.starts_with("Received: 0 messages\n  lost before message 11\n"));
    }
}

//! What a received message meets on its way to the sink: the session that it belongs
//! to, and the time at which it came.

use super::error::LinkError;
use super::resume::Resume;
use crate::service;
use crate::sink::Sink;
use crate::world::Arrival;
use nexus_async_rt::now;
use nexus_itch::session::SessionName;
use nexus_rt::Handler;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Passes each message on once, in order.
pub(super) struct Delivery<H> {
    sink: Sink<H>,
    resume: Resume,
    /// When the first message came, and the last.
    times: Option<(Instant, Instant)>,
    skipped: u64,
    /// Whether a service manager knows of the session.
    announced: bool,
}

impl<H: Handler<Arrival>> Delivery<H> {
    pub(super) fn new(sink: Sink<H>, resume: Resume) -> Self {
        Self {
            sink,
            resume,
            times: None,
            skipped: 0,
            announced: false,
        }
    }

    /// The message wanted next.
    pub(super) fn next(&self) -> u64 {
        self.sink.next()
    }

    /// The session wanted, or any.
    pub(super) fn session(&self) -> Option<SessionName> {
        self.resume.session
    }

    /// The first message that the books are made of; 0 before it is known.
    pub(super) fn first(&self) -> u64 {
        self.resume.first
    }

    /// Messages that were passed over.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The session and the number of its first message are known: the archive is told
    /// before that comes.
    pub(super) async fn begin(&mut self, session: SessionName, next: u64) -> Result<(), LinkError> {
        if !self.announced {
            self.announced = true;
            service::ready(&format!("session {session}, from message {next}"));
        }
        if !self.resume.kept {
            let begun = self.sink.begin(session, next).await;
            begun.map_err(|_| LinkError::Archive)?;
            self.resume.session = Some(session);
            self.resume.first = next;
            self.resume.kept = true;
        }
        Ok(())
    }

    /// Passes over messages that do not come any more.
    pub(super) fn skip(&mut self, lost: Range<u64>) {
        self.skipped += lost.end - lost.start;
        self.sink.skip_to(lost.end);
    }

    /// Passes on the message that is next; waits while the archive has no room.
    /// Dropped while it waits, it has passed on nothing.
    pub(super) async fn deliver(&mut self, sequence: u64, raw: &[u8]) -> Result<(), LinkError> {
        let delivered = self.sink.deliver(sequence, raw).await;
        delivered.map_err(|_| LinkError::Archive)?;
        let now = now();
        self.times.get_or_insert((now, now)).1 = now;
        Ok(())
    }

    /// From the first message to the last.
    pub(super) fn elapsed(&self) -> Duration {
        self.times
            .map_or(Duration::ZERO, |(first, last)| last - first)
    }
}

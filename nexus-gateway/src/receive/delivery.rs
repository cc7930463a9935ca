//! What a received message meets on its way to the sink: the session that it belongs
//! to, and the time at which it came.

use super::error::LinkError;
use super::resume::Resume;
use crate::sink::Sink;
use crate::world::Arrival;
use nexus_async_rt::now;
use nexus_itch::session::SessionName;
use nexus_rt::Handler;
use std::time::{Duration, Instant};

/// Passes each message on once, in order.
pub(super) struct Delivery<H> {
    sink: Sink<H>,
    resume: Resume,
    /// When the first message came, and the last.
    times: Option<(Instant, Instant)>,
}

impl<H: Handler<Arrival>> Delivery<H> {
    pub(super) fn new(sink: Sink<H>, resume: Resume) -> Self {
        Self {
            sink,
            resume,
            times: None,
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

    /// The session is known: the archive is told before its first message.
    pub(super) async fn begin(&mut self, session: SessionName) -> Result<(), LinkError> {
        if !self.resume.kept {
            let begun = self.sink.begin(session).await;
            begun.map_err(|_| LinkError::Archive)?;
            self.resume.session = Some(session);
            self.resume.kept = true;
        }
        Ok(())
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

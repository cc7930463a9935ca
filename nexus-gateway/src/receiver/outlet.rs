//! Where received messages go: to the archive and into the books.

use super::error::LinkError;
use super::resume::Resume;
use crate::pipeline::line::SEQUENCE_LEN;
use crate::progress::Counter;
use nexus_async_rt::channel::mpsc_bytes;
use nexus_async_rt::{now, with_world};
use nexus_itch::itch::{Message, decode};
use nexus_itch::session::SessionName;
use nexus_rt::Handler;
use std::time::{Duration, Instant};

/// Takes each message once, in order.
pub(super) struct Outlet<H> {
    handler: H,
    to_archive: mpsc_bytes::Sender,
    progress: Counter,
    resume: Resume,
    /// When the first message came, and the last.
    times: Option<(Instant, Instant)>,
}

impl<H: Handler<Message>> Outlet<H> {
    pub(super) fn new(
        handler: H,
        to_archive: mpsc_bytes::Sender,
        progress: Counter,
        resume: Resume,
    ) -> Self {
        Self {
            handler,
            to_archive,
            progress,
            resume,
            times: None,
        }
    }

    /// The message wanted next.
    pub(super) fn next(&self) -> u64 {
        self.resume.next
    }

    /// The session wanted, or any.
    pub(super) fn session(&self) -> SessionName {
        self.resume.session
    }

    /// The session is known.
    pub(super) fn begin(&mut self, session: SessionName) -> Result<(), LinkError> {
        self.resume.keep(session).map_err(LinkError::Resume)
    }

    /// Takes the message that is next; waits while the archive has no room.
    /// Dropped while it waits, it has taken nothing.
    pub(super) async fn deliver(&mut self, sequence: u64, raw: &[u8]) -> Result<(), LinkError> {
        debug_assert_eq!(sequence, self.resume.next, "each message once, in order");
        let claim = self.to_archive.claim(SEQUENCE_LEN + raw.len()).await;
        let mut claim = claim.map_err(|_| LinkError::Archive)?;
        claim[..SEQUENCE_LEN].copy_from_slice(&sequence.to_le_bytes());
        claim[SEQUENCE_LEN..].copy_from_slice(raw);
        claim.commit();
        if let Ok(message) = decode(raw) {
            let handler = &mut self.handler;
            with_world(|world| handler.run(world, message));
        }
        self.resume.next = sequence + 1;
        self.progress.set(sequence);
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

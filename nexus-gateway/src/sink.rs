//! Where messages go, each once and in order: into the archive and into the books.

use crate::progress::Counter;
use crate::world::Arrival;
use nexus_async_rt::channel::spsc_bytes;
use nexus_async_rt::with_world;
use nexus_itch::binary_file::FRAME_HEADER_LEN;
use nexus_itch::itch::decode;
use nexus_rt::Handler;

/// The archive's channel holds what comes while the device flushes.
const ARCHIVE_BYTES: usize = 16 * 1024 * 1024;

/// A channel to the archive's thread. A record is a message behind two bytes: a
/// message may be empty, and a record may not.
pub(crate) fn to_archive() -> (spsc_bytes::Sender, spsc_bytes::Receiver) {
    spsc_bytes::channel(ARCHIVE_BYTES)
}

/// The message in a record of that channel.
pub(crate) fn message_in(record: &[u8]) -> &[u8] {
    record.get(FRAME_HEADER_LEN..).unwrap_or_default()
}

/// The archive takes no more; its thread says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArchiveGone;

/// Takes each message once, in order.
pub(crate) struct Sink<H> {
    handler: H,
    to_archive: spsc_bytes::Sender,
    progress: Counter,
    next: u64,
}

impl<H: Handler<Arrival>> Sink<H> {
    /// Waits for message `next`; those before it are in the archive and in the books.
    pub(crate) fn new(
        next: u64,
        handler: H,
        to_archive: spsc_bytes::Sender,
        progress: Counter,
    ) -> Self {
        Self {
            handler,
            to_archive,
            progress,
            next,
        }
    }

    /// The message that it takes next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the message that is next; waits while the archive has no room.
    /// Dropped while it waits, it has taken nothing.
    pub(crate) async fn deliver(&mut self, sequence: u64, raw: &[u8]) -> Result<(), ArchiveGone> {
        debug_assert_eq!(sequence, self.next, "each message once, in order");
        let claim = self.to_archive.claim(FRAME_HEADER_LEN + raw.len()).await;
        let mut claim = claim.map_err(|_| ArchiveGone)?;
        claim[FRAME_HEADER_LEN..].copy_from_slice(raw);
        claim.commit();
        let handler = &mut self.handler;
        with_world(|world| handler.run(world, decode(raw)));
        self.next = sequence + 1;
        self.progress.set(sequence);
        Ok(())
    }
}

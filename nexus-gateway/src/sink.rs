//! Where messages go, each once and in order: into the archive and into the books.

use crate::progress::Counter;
use crate::world::Arrival;
use nexus_async_rt::channel::spsc_bytes;
use nexus_async_rt::with_world;
use nexus_itch::itch::decode;
use nexus_itch::session::{NAME_LEN, SessionName};
use nexus_rt::Handler;
use tracing::error;

/// The archive's channel holds what comes while the device flushes.
const ARCHIVE_BYTES: usize = 16 * 1024 * 1024;

/// A channel to the archive's thread.
pub(crate) fn to_archive() -> (spsc_bytes::Sender, spsc_bytes::Receiver) {
    spsc_bytes::channel(ARCHIVE_BYTES)
}

/// What a record of that channel says. A byte in front tells which: a message may be
/// empty, and a record may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToArchive<'a> {
    /// What follows belongs to this session.
    Session(SessionName),
    /// The next message.
    Message(&'a [u8]),
}

const MESSAGE: u8 = 0;
const SESSION: u8 = 1;

impl<'a> ToArchive<'a> {
    /// Reads a record of the [`Sink`].
    pub(crate) fn decode(record: &'a [u8]) -> Self {
        match record.split_first() {
            Some((&SESSION, name)) => {
                let mut bytes = [0; NAME_LEN];
                bytes.copy_from_slice(name);
                ToArchive::Session(SessionName::from_bytes(bytes))
            }
            Some((_, message)) => ToArchive::Message(message),
            None => ToArchive::Message(&[]),
        }
    }
}

/// The archive takes no more; its thread says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArchiveGone;

/// Takes each message once, in order.
pub(crate) struct Sink<H> {
    handler: H,
    /// None once the archive has failed, where the books go on without it.
    to_archive: Option<spsc_bytes::Sender>,
    /// Whether they do.
    books_alone: bool,
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
            to_archive: Some(to_archive),
            books_alone: false,
            progress,
            next,
        }
    }

    /// Goes on with the books alone when the archive fails, if that is `wanted`.
    pub(crate) fn without_archive_if_it_fails(mut self, wanted: bool) -> Self {
        self.books_alone = wanted;
        self
    }

    /// The message that it takes next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the message that is next; waits while the archive has no room.
    /// Dropped while it waits, it has taken nothing.
    pub(crate) async fn deliver(&mut self, sequence: u64, raw: &[u8]) -> Result<(), ArchiveGone> {
        debug_assert_eq!(sequence, self.next, "each message once, in order");
        self.send(MESSAGE, raw).await?;
        let handler = &mut self.handler;
        with_world(|world| handler.run(world, decode(raw)));
        self.next = sequence + 1;
        self.progress.set(sequence);
        Ok(())
    }

    /// Names the session of the messages that follow. Dropped while it waits, it has sent
    /// nothing.
    pub(crate) async fn begin(&mut self, session: SessionName) -> Result<(), ArchiveGone> {
        self.send(SESSION, &session.to_bytes()).await
    }

    async fn send(&mut self, tag: u8, bytes: &[u8]) -> Result<(), ArchiveGone> {
        let Some(to_archive) = &mut self.to_archive else {
            return Ok(());
        };
        match to_archive.claim(1 + bytes.len()).await {
            Ok(mut claim) => {
                claim[0] = tag;
                claim[1..].copy_from_slice(bytes);
                claim.commit();
                return Ok(());
            }
            Err(_) if self.books_alone => {}
            Err(_) => return Err(ArchiveGone),
        }
        error!("the archive failed: books go on without it");
        self.to_archive = None;
        Ok(())
    }
}

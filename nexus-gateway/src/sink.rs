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
    /// What follows belongs to this session, and begins with this number.
    Session(SessionName, u64),
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
                let (name, first) = name.split_first_chunk::<NAME_LEN>().expect("a name");
                let first = first.try_into().expect("a number");
                ToArchive::Session(SessionName::from_bytes(*name), u64::from_be_bytes(first))
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
    /// None without an archive; or once it has failed, where the books go on without it.
    to_archive: Option<spsc_bytes::Sender>,
    /// Whether they do.
    books_alone: bool,
    progress: Counter,
    next: u64,
}

impl<H: Handler<Arrival>> Sink<H> {
    /// Waits for message `next`; those before it are in the archive and in the books. 0 is
    /// the first that comes. Without a channel, there is no archive.
    pub(crate) fn new(
        next: u64,
        handler: H,
        to_archive: Option<spsc_bytes::Sender>,
        progress: Counter,
    ) -> Self {
        Self {
            handler,
            to_archive,
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

    /// Names the session of the messages that follow, and the first of them. Dropped while
    /// it waits, it has sent nothing.
    pub(crate) async fn begin(
        &mut self,
        session: SessionName,
        first: u64,
    ) -> Result<(), ArchiveGone> {
        let mut record = [0; NAME_LEN + size_of::<u64>()];
        record[..NAME_LEN].copy_from_slice(&session.to_bytes());
        record[NAME_LEN..].copy_from_slice(&first.to_be_bytes());
        self.send(SESSION, &record).await?;
        self.next = first;
        Ok(())
    }

    /// Passes over the messages before `next`: there are none.
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.next = self.next.max(next);
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

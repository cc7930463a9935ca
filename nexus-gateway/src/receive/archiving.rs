//! The archive of a received feed, and the thread that writes it.

use super::error::ReceiverError;
use super::resume::{self, Resume};
use crate::archive::{Archive, ArchiveError, Folder, verify};
use crate::archiver::{self, ArchiveThread};
use crate::config::ReceiveConfig;
use crate::outcome::Archived;
use crate::world::Arrival;
use nexus_async_rt::channel::spsc_bytes;
use nexus_rt::{Handler, World};
use std::path::PathBuf;

/// An archive that is being written.
pub(super) struct Archiving {
    folder: Folder,
    path: PathBuf,
    writer: ArchiveThread,
}

impl Archiving {
    /// Opens the archive, books what is in it, and starts its thread. Returns where the
    /// feed goes on, and where its messages go.
    pub(super) fn start(
        config: &ReceiveConfig,
        world: &mut World,
        handler: &mut impl Handler<Arrival>,
    ) -> Result<(Self, Resume, spsc_bytes::Sender), ReceiverError> {
        let folder = Folder::open(config.archive.as_deref())?;
        let path = folder.path().join("received.itch50");
        let mut archive = Archive::open(&path)?;
        let (session, adopt, from) = (config.session, config.adopt, config.from);
        let resume = Resume::open(&mut archive, &path, session, adopt, from)?;
        resume::replay(&path, archive.found(), world, handler)?;
        let started = archiver::start(archive, &path, config.sync, true);
        let (to_archive, writer) = started.map_err(ReceiverError::Thread)?;
        let archiving = Self {
            folder,
            path,
            writer,
        };
        Ok((archiving, resume, to_archive))
    }

    /// Waits for its thread, the sender being gone, and reads the archive back. The inner
    /// error is the archive's, and says nothing of the feed.
    pub(super) fn end(self) -> Result<Ended, ReceiverError> {
        let panicked = |_| ReceiverError::Defect("the archive's thread panicked");
        let archived = self.writer.join().map_err(panicked)?;
        let archived = archived.and_then(|archived| {
            verify(&self.path)?;
            Ok(archived)
        });
        Ok(Ended {
            folder: self.folder,
            path: self.path,
            archived,
        })
    }
}

/// An archive that was written, or failed.
pub(super) struct Ended {
    /// Removed with this, if it is temporary.
    pub(super) folder: Folder,
    pub(super) path: PathBuf,
    pub(super) archived: Result<Archived, ArchiveError>,
}

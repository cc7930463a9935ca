//! The registration of a descriptor with the runtime that the caller runs in.

use super::context;
use crate::reactor::{Side, Watch, Watches, gone};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;

/// A descriptor is watched, until this is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    watches: Rc<Watches>,
    watch: Rc<Watch>,
    fd: RawFd,
}

impl Registration {
    /// Registers `fd`, for the sides in `interest`, with the runtime that the
    /// caller runs in. `name` is the public function.
    ///
    /// The owner of the registration keeps `fd` open.
    #[track_caller]
    pub(crate) fn begin(name: &str, fd: BorrowedFd<'_>, interest: u8) -> io::Result<Self> {
        let fd = fd.as_raw_fd();
        let watches = context::with(name, |shared| shared.watches()).ok_or_else(gone)?;
        let watch = watches.begin(fd, interest)?;
        Ok(Self { watches, watch, fd })
    }

    /// Whether the caller may wait: the runtime must exist, and be the one that
    /// the caller runs in.
    #[inline]
    #[track_caller]
    pub(crate) fn check(&self, name: &str) -> io::Result<()> {
        if !self.watches.is_open() {
            return Err(gone());
        }
        let here = context::with(name, |shared| shared.number);
        assert!(
            here == self.watches.runtime(),
            "`{name}` was called in another runtime than the one that the socket belongs to"
        );
        Ok(())
    }

    /// Registers for `side` too.
    pub(crate) fn extend(&self, side: Side) -> io::Result<()> {
        self.watches.extend(&self.watch, self.fd, side)
    }

    #[inline]
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.watches.end(&self.watch, self.fd);
    }
}

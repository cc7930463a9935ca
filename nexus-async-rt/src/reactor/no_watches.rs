//! The table of watched descriptors of a build without sockets: always empty.

use super::poller::Poller;
use crate::unwind::Panic;
use mio::event::Event;
use std::io;
use std::task::Waker;

/// See the module.
#[derive(Debug)]
pub(crate) struct Watches {
    /// The runtime's number.
    runtime: u64,
}

impl Watches {
    /// The table of the runtime with this number.
    pub(crate) fn new(_: &Poller, runtime: u64) -> io::Result<Self> {
        Ok(Self { runtime })
    }

    pub(crate) fn runtime(&self) -> u64 {
        self.runtime
    }

    #[inline(always)]
    pub(crate) fn is_watching(&self) -> bool {
        false
    }

    pub(crate) fn has_waiters(&self) -> bool {
        false
    }

    pub(crate) fn hear(&self, _: &Event, _: &mut Option<Panic>) {}

    pub(crate) fn abandon(&self) -> Option<Waker> {
        None
    }
}

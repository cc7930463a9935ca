//! The table of watched descriptors, one a runtime.
//!
//! Knows no socket. A `Registration` of the runtime holds a watched descriptor
//! and with it the table. When the runtime is gone the table is closed, and
//! every use of what is left of it is an error.
//!
//! A token is a place in the table and the number of descriptors that had that
//! place before. So an event for a descriptor that is gone finds nobody, though
//! its place may have been given away since.

use super::poller::Poller;
use super::watch::{BOTH, Readiness, Side, Watch};
use crate::unwind::Panic;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::Waker;

/// Half of a token is the place, the other half the number before it.
const HALF: u32 = usize::BITS / 2;
const PLACE: usize = (1 << HALF) - 1;
/// Two places less, because the last tokens are the poller's own.
const PLACES: usize = PLACE - 1;

/// See the module.
#[derive(Debug)]
pub(crate) struct Watches {
    /// `None` once the runtime is gone.
    registry: RefCell<Option<Registry>>,
    /// The watches of descriptors, and those that are free.
    table: RefCell<Vec<Rc<Watch>>>,
    free: RefCell<Vec<Rc<Watch>>>,
    /// Descriptors that are watched.
    watched: Cell<usize>,
    /// The runtime's number.
    runtime: u64,
}

impl Watches {
    /// The table of the runtime with this number.
    pub(crate) fn new(poller: &Poller, runtime: u64) -> io::Result<Self> {
        Ok(Self {
            registry: RefCell::new(Some(poller.registry()?)),
            table: RefCell::default(),
            free: RefCell::default(),
            watched: Cell::new(0),
            runtime,
        })
    }

    /// The number of the runtime that has this table.
    pub(crate) fn runtime(&self) -> u64 {
        self.runtime
    }

    /// Whether there is anything to ask the OS for while the runtime is awake.
    #[inline(always)]
    pub(crate) fn is_watching(&self) -> bool {
        self.watched.get() > 0
    }

    /// Whether anybody waits for a descriptor. Looks at all of them.
    pub(crate) fn has_waiters(&self) -> bool {
        self.table.borrow().iter().any(|watch| watch.has_waiters())
    }

    /// Marks what an event says and wakes what waits for it. The first panic of
    /// a waker is kept.
    pub(crate) fn hear(&self, event: &Event, first: &mut Option<Panic>) {
        let token = event.token();
        let Some(watch) = self.find(token) else {
            return;
        };
        let end = event.is_read_closed() || event.is_error() || event.is_priority();
        let heard = [
            (Side::Read, event.is_readable() || end, end),
            (
                Side::Write,
                event.is_writable() || event.is_write_closed() || event.is_error(),
                false,
            ),
        ];
        for (side, ready, more) in heard {
            if ready && watch.covers(side) {
                watch.set_ready(
                    side,
                    if more {
                        Readiness::ReadyForMore
                    } else {
                        Readiness::Ready
                    },
                );
            }
        }
        for (side, ready, _) in heard {
            // A waker may have dropped the descriptor and given its place away.
            if ready && self.token(&watch) == token {
                watch.wake(side, first);
            }
        }
    }

    fn find(&self, token: Token) -> Option<Rc<Watch>> {
        let table = self.table.borrow();
        let watch = table.get(token.0 & PLACE)?;
        (self.token(watch) == token).then(|| watch.clone())
    }

    fn token(&self, watch: &Watch) -> Token {
        Token(watch.generation.get() << HALF | watch.index)
    }

    /// Watches `fd` for the sides in `interest`.
    pub(crate) fn begin(&self, fd: RawFd, interest: u8) -> io::Result<Rc<Watch>> {
        let registry = self.registry.borrow();
        let registry = registry.as_ref().ok_or_else(gone)?;
        let free = self.free.borrow_mut().pop();
        let watch = match free {
            Some(watch) => watch,
            None => self.place()?,
        };
        let token = self.token(&watch);
        if let Err(error) = registry.register(&mut SourceFd(&fd), token, to_mio(interest)) {
            self.free.borrow_mut().push(watch);
            return Err(error);
        }
        watch.interest.set(interest);
        self.watched.set(self.watched.get() + 1);
        Ok(watch)
    }

    /// A new place at the end.
    fn place(&self) -> io::Result<Rc<Watch>> {
        let mut table = self.table.borrow_mut();
        let index = table.len();
        if index == PLACES {
            let message = format!("{PLACES} descriptors are watched, that is the most");
            return Err(io::Error::other(message));
        }
        let watch = Rc::new(Watch::new(index));
        table.push(watch.clone());
        // Room for its return: that must not fail.
        let mut free = self.free.borrow_mut();
        let used = free.len();
        free.reserve(index + 1 - used);
        Ok(watch)
    }

    /// Has the OS watch `fd` for `side` too.
    pub(crate) fn extend(&self, watch: &Watch, fd: RawFd, side: Side) -> io::Result<()> {
        let registry = self.registry.borrow();
        let registry = registry.as_ref().ok_or_else(gone)?;
        let interest = watch.interest.get() | side.bit();
        registry.reregister(&mut SourceFd(&fd), self.token(watch), to_mio(interest))?;
        watch.interest.set(interest);
        Ok(())
    }

    pub(crate) fn end(&self, watch: &Rc<Watch>, fd: RawFd) {
        if let Some(registry) = &*self.registry.borrow() {
            // Fails if the owner has closed the descriptor; then the OS has
            // forgotten it already.
            let _ = registry.deregister(&mut SourceFd(&fd));
        }
        // Foreign code: with no borrow open.
        watch.retire();
        if self.is_open() {
            self.watched.set(self.watched.get() - 1);
            self.free.borrow_mut().push(watch.clone());
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.registry.borrow().is_some()
    }

    /// The runtime goes: closes the table, and takes any one waiter out.
    pub(crate) fn abandon(&self) -> Option<Waker> {
        drop(self.registry.take());
        self.watched.set(0);
        self.free.take();
        let mut table = self.table.borrow_mut();
        while let Some(watch) = table.last() {
            match watch.take_waker() {
                None => table.pop(),
                waker => return waker,
            };
        }
        None
    }
}

#[cold]
pub(crate) fn gone() -> io::Error {
    io::Error::other("the runtime that the socket belonged to is gone")
}

fn to_mio(interest: u8) -> Interest {
    let read = Interest::READABLE;
    // Urgent data, after which a read stops short of what is there.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let read = read.add(Interest::PRIORITY);
    match interest {
        BOTH => read.add(Interest::WRITABLE),
        bits if bits == Side::Write.bit() => Interest::WRITABLE,
        _ => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Write, pipe};
    use std::os::fd::AsRawFd;

    /// Asks the OS and marks what it says.
    fn hear(poller: &mut Poller, watches: &Watches) {
        poller.look().unwrap();
        report(poller, watches);
    }

    fn report(poller: &mut Poller, watches: &Watches) {
        poller.report(|event, first| watches.hear(event, first));
    }

    fn is_ready(watch: &Watch) -> bool {
        watch.attempt(Side::Read, || Ok(())).is_some()
    }

    /// A poller, its table, and pipes that can be read.
    fn made<const N: usize>() -> (Poller, Watches, [PipeReader; N]) {
        let (poller, _) = Poller::new(8).unwrap();
        let watches = Watches::new(&poller, 1).unwrap();
        let readers = [(); N].map(|()| {
            let (reader, mut writer) = pipe().unwrap();
            writer.write_all(b"x").unwrap();
            reader
        });
        (poller, watches, readers)
    }

    /// A runtime that slept without asking the OS reports, too.
    #[test]
    fn what_was_reported_is_not_reported_again() {
        let (mut poller, watches, [reader]) = made();
        let fd = reader.as_raw_fd();
        let watch = watches.begin(fd, Side::Read.bit()).unwrap();
        hear(&mut poller, &watches);
        assert!(is_ready(&watch));
        let tick = watch.tick(Side::Read);
        watch.block(Side::Read, tick);
        report(&mut poller, &watches);
        assert!(!is_ready(&watch));
        assert_eq!(watch.tick(Side::Read), tick);
        watches.end(&watch, fd);
    }

    #[test]
    fn an_event_for_what_is_gone_marks_nobody() {
        let (mut poller, watches, [gone, comes]) = made();
        let watch = watches.begin(gone.as_raw_fd(), Side::Read.bit()).unwrap();
        // Asked for, and not reported yet.
        poller.look().unwrap();
        watches.end(&watch, gone.as_raw_fd());
        let next = watches.begin(comes.as_raw_fd(), Side::Read.bit()).unwrap();
        assert!(Rc::ptr_eq(&watch, &next), "the place is used again");
        report(&mut poller, &watches);
        assert!(!is_ready(&next));
        hear(&mut poller, &watches);
        assert!(is_ready(&next), "its own event");
        watches.end(&next, comes.as_raw_fd());
    }
}

//! A descriptor, and its registration with the runtime once it has to wait.
//!
//! Knows no protocol. The system call comes first. Only when it would block is
//! the descriptor registered, with the runtime that the caller runs in. It is
//! registered only for the side that blocks, unless its kind asks for both at
//! once.

use super::op::OpFut;
use crate::reactor::{BOTH, Side, Watch, attempt};
use crate::runtime::Registration;
use crate::thread;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};

/// See the module. `!Send`, because its registration is.
pub(super) struct Source<S> {
    /// Before the descriptor, which it needs to the end.
    registration: OnceCell<Registration>,
    /// The sides that are registered together.
    together: u8,
    /// The sides that were shut down here. The OS need not report that, neither
    /// when it happens nor when the descriptor is registered later.
    ended: Cell<u8>,
    io: S,
}

// Besides the descriptor there are cells, each of which is set by one step; the
// table of watches is in order wherever foreign code runs.
impl<S: UnwindSafe> UnwindSafe for Source<S> {}
impl<S: RefUnwindSafe> RefUnwindSafe for Source<S> {}

impl<S: AsFd> Source<S> {
    /// Each side is registered when it has to wait for the first time.
    pub(super) fn new(io: S) -> Self {
        Self::together(io, 0)
    }

    /// The sides in `together` are registered when one of them has to wait for
    /// the first time.
    pub(super) fn together(io: S, together: u8) -> Self {
        Self {
            registration: OnceCell::new(),
            together,
            ended: Cell::new(0),
            io,
        }
    }

    /// Registers now.
    #[track_caller]
    pub(super) fn register(&self, name: &str, interest: u8) -> io::Result<()> {
        let registration = Registration::begin(name, self.io.as_fd(), interest)?;
        // Taken already if `as_fd` has come back here: then the second one goes.
        let _ = self.registration.set(registration);
        Ok(())
    }

    pub(super) fn io(&self) -> &S {
        &self.io
    }

    /// Gives the descriptor back, watched no longer.
    pub(super) fn into_io(self) -> S {
        drop(self.registration);
        self.io
    }

    /// The watch of `side`, which begins here if there is none.
    pub(super) fn watch(&self, name: &str, side: Side) -> io::Result<&Watch> {
        if let Some(registration) = self.registration.get() {
            registration.check(name)?;
            if !registration.watch().covers(side) {
                registration.extend(side)?;
                registration.watch().end(self.ended.get() & side.bit());
            }
            return Ok(registration.watch());
        }
        self.register(name, side.bit() | self.together)?;
        let watch = self.watched().expect("registered just now");
        watch.end(self.ended.get());
        if side == Side::Read && watch.covers(Side::Write) {
            // Nobody has tried yet.
            watch.assume_ready(Side::Write);
        }
        Ok(watch)
    }

    /// The first attempt of an operation. Breaks with its result, or goes on to
    /// wait at the watch.
    pub(super) fn begin<R>(
        &self,
        name: &str,
        side: Side,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> ControlFlow<io::Result<R>, &Watch> {
        let watched = match self.registration.get() {
            Some(registration) => {
                if let Err(error) = registration.check(name) {
                    return ControlFlow::Break(Err(error));
                }
                registration.watch().covers(side)
            }
            None => false,
        };
        // Not watched: nothing is known but by trying.
        if !watched && let Some(result) = attempt(|| operation(&self.io)) {
            return ControlFlow::Break(result);
        }
        match self.watch(name, side) {
            Ok(watch) => ControlFlow::Continue(watch),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }

    /// The future of an operation, for the public function `name`.
    pub(super) fn op<R, F>(&self, name: &'static str, side: Side, operation: F) -> OpFut<'_, S, F>
    where
        F: FnMut(&S) -> io::Result<R>,
    {
        OpFut::new(self, name, side, operation)
    }

    /// One attempt, whatever is known of the sides; `None`: it would block.
    pub(super) fn once<R>(
        &self,
        name: &'static str,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = Option<io::Result<R>>> {
        poll_fn(move |cx| {
            if !thread::may_complete(cx) {
                return Poll::Pending;
            }
            if let Some(registration) = self.registration.get()
                && let Err(error) = registration.check(name)
            {
                return Poll::Ready(Some(Err(error)));
            }
            let result = attempt(|| operation(&self.io));
            if result.is_some() {
                thread::completed();
            }
            Poll::Ready(result)
        })
    }

    /// One poll of an operation by hand; the latest caller of a side is woken.
    #[inline]
    pub(super) fn poll_op<R>(
        &self,
        name: &str,
        side: Side,
        cx: &Context<'_>,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        let result = match self.begin(name, side, &mut operation) {
            ControlFlow::Break(result) => result,
            ControlFlow::Continue(watch) => {
                let mut attempt = || watch.attempt(side, || operation(&self.io));
                let mut attempted = attempt();
                if attempted.is_none() {
                    watch.register_poller(side, cx);
                    // The clone of the waker and the drop of the former one are
                    // foreign code: it may have shut the side down.
                    attempted = attempt();
                    if attempted.is_some() {
                        watch.dismiss_poller(side);
                    }
                }
                ready!(attempted.map_or(Poll::Pending, Poll::Ready))
            }
        };
        thread::completed();
        Poll::Ready(result)
    }

    /// An attempt that does not wait.
    pub(super) fn try_op<R>(
        &self,
        side: Side,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let result = attempt(|| operation(&self.io));
        if result.is_none()
            && let Some(watch) = self.watched()
        {
            watch.block(side, watch.tick(side));
        }
        result.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    /// Shuts sides down by `call`, and ends the waits there.
    ///
    /// A connection that is gone already has nothing to shut down. Waits there
    /// end likewise: the next attempt says why.
    pub(super) fn shutdown(
        &self,
        how: Shutdown,
        call: impl FnOnce(&S) -> io::Result<()>,
    ) -> io::Result<()> {
        let result = call(&self.io);
        let sides = match how {
            Shutdown::Read => Side::Read.bit(),
            Shutdown::Write => Side::Write.bit(),
            Shutdown::Both => BOTH,
        };
        match &result {
            Ok(()) => self.ended.set(self.ended.get() | sides),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(_) => return result,
        }
        if let Some(watch) = self.watched() {
            watch.end(sides);
        }
        result
    }

    /// Whether `side` was shut down here.
    pub(super) fn has_ended(&self, side: Side) -> bool {
        self.ended.get() & side.bit() != 0
    }

    /// Waits until an operation on `side` need not wait.
    pub(super) fn ready(
        &self,
        name: &'static str,
        side: Side,
    ) -> impl Future<Output = io::Result<()>> {
        self.op(name, side, move |_| {
            // Without a watch nothing is known: the first event will tell.
            if self.watched().is_some_and(|watch| watch.covers(side)) {
                return Ok(());
            }
            Err(io::ErrorKind::WouldBlock.into())
        })
    }

    /// The watch, once there is one.
    #[inline]
    pub(super) fn watched(&self) -> Option<&Watch> {
        self.registration.get().map(Registration::watch)
    }

    /// A read gave less than there was room for: see [`Watch::drained`].
    #[inline]
    pub(super) fn drained(&self) {
        if let Some(watch) = self.watched() {
            watch.drained();
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Source<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

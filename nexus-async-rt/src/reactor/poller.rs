//! The OS: where an idle runtime sleeps, and what it hears about sockets there.
//!
//! Knows no task and no socket: what it has heard it [reports](Poller::report). `epoll_wait` counts milliseconds; so on Linux a deadline is
//! given to a `timerfd` that is polled with everything else, and set again only
//! when the deadline has moved.

use super::refused::refused;
use crate::unwind::{Panic, hand_on};
use mio::event::Event;
use mio::{Events, Poll, Token};
use std::io;
use std::time::{Duration, Instant};

const BELL: Token = Token(usize::MAX);
#[cfg(all(target_os = "linux", not(miri)))]
const TIMER: Token = Token(usize::MAX - 1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
    #[cfg(all(target_os = "linux", not(miri)))]
    timer: timer::TimerFd,
}

impl Poller {
    /// With what wakes it up on another thread.
    pub(crate) fn new(event_capacity: usize) -> io::Result<(Self, mio::Waker)> {
        let poll = Poll::new().map_err(refused("poller"))?;
        let bell = mio::Waker::new(poll.registry(), BELL);
        let bell = bell.map_err(refused("wake-up descriptor"))?;
        let poller = Self {
            events: Events::with_capacity(event_capacity),
            #[cfg(all(target_os = "linux", not(miri)))]
            timer: timer::TimerFd::new(poll.registry(), TIMER).map_err(refused("timer"))?,
            poll,
        };
        Ok((poller, bell))
    }

    /// Where descriptors are registered, for the table of watches.
    #[cfg(feature = "net")]
    pub(crate) fn registry(&self) -> io::Result<mio::Registry> {
        let registry = self.poll.registry().try_clone();
        registry.map_err(refused("second descriptor of its poller"))
    }

    /// Asks the OS what has happened, without waiting.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        self.wait(Some(Duration::ZERO))
    }

    /// Sleeps until the bell rings, something else happens, or, if there is a
    /// deadline, `now + sleep`. May return early.
    pub(crate) fn sleep(&mut self, now: Option<(Instant, Duration)>) -> io::Result<()> {
        #[cfg(all(target_os = "linux", not(miri)))]
        let timeout = {
            if let Some((now, sleep)) = now {
                self.timer.set(now, sleep)?;
            }
            None
        };
        #[cfg(not(all(target_os = "linux", not(miri))))]
        let timeout = now.map(|(_, sleep)| sleep);
        self.wait(timeout)
    }

    /// Tells `hear` what has happened since the last call, event by event. If wakers
    /// panic, all others are woken first, then the first panic goes on.
    pub(crate) fn report(&mut self, mut hear: impl FnMut(&Event, &mut Option<Panic>)) {
        let mut first: Option<Panic> = None;
        for event in &self.events {
            match event.token() {
                BELL => {}
                #[cfg(all(target_os = "linux", not(miri)))]
                TIMER => {}
                _ => hear(event, &mut first),
            }
        }
        self.events.clear();
        hand_on(first);
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod timer {
    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use std::io;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::time::{Duration, Instant};

    /// A timer of the kernel that makes a descriptor readable.
    #[derive(Debug)]
    pub(super) struct TimerFd {
        fd: OwnedFd,
        set_for: Option<Instant>,
    }

    impl TimerFd {
        pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            // SAFETY: a system call without pointers.
            let fd = unsafe {
                libc::timerfd_create(
                    libc::CLOCK_MONOTONIC,
                    libc::TFD_CLOEXEC | libc::TFD_NONBLOCK,
                )
            };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: a descriptor just made, owned by nobody else.
            let fd = unsafe { OwnedFd::from_raw_fd(fd) };
            registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Self { fd, set_for: None })
        }

        /// Goes off `sleep` after `now`. A timer that has gone off is never
        /// read: setting it anew rearms the descriptor.
        pub(super) fn set(&mut self, now: Instant, sleep: Duration) -> io::Result<()> {
            let until = now.checked_add(sleep);
            if until.is_some() && until == self.set_for && !sleep.is_zero() {
                return Ok(());
            }
            // A zero would disarm it.
            let sleep = sleep.max(Duration::from_nanos(1));
            let spec = libc::itimerspec {
                it_interval: libc::timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
                it_value: libc::timespec {
                    tv_sec: libc::time_t::try_from(sleep.as_secs()).unwrap_or(libc::time_t::MAX),
                    tv_nsec: libc::c_long::from(sleep.subsec_nanos().cast_signed()),
                },
            };
            // SAFETY: an open descriptor and a valid structure; no old value
            // is asked for.
            let result = unsafe {
                libc::timerfd_settime(
                    self.fd.as_raw_fd(),
                    0,
                    &raw const spec,
                    std::ptr::null_mut(),
                )
            };
            if result < 0 {
                return Err(io::Error::last_os_error());
            }
            self.set_for = until;
            Ok(())
        }
    }
}

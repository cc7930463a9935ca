//! Asymmetric fences: a light one for the many, a heavy one for the few.
//!
//! A heavy fence has every thread of the process pass a full fence between its
//! begin and its end, wherever that thread is; so a light one need only keep the
//! compiler from reordering. Linux has it as `membarrier`. It interrupts each
//! core that runs another thread of the process, for microseconds: so each has
//! to be [granted](grant_heavy_fence), and all together take no more than a
//! hundredth of the time.

use super::{Ordering, Site, compiler_fence};
use std::io;

/// Pairs with a heavy fence of another thread.
#[inline(always)]
pub(crate) fn light_fence(_: Site) {
    compiler_fence(Ordering::SeqCst);
}

/// Pairs with the light fences of all threads. To be granted before.
#[cold]
pub(crate) fn heavy_fence(_: Site) -> io::Result<()> {
    compiler_fence(Ordering::SeqCst);
    os::heavy_fence()?;
    compiler_fence(Ordering::SeqCst);
    Ok(())
}

/// Whether there is a heavy fence here. The first call of a process may take
/// some milliseconds, if there are other threads: so it belongs to setting up.
pub(crate) fn has_heavy_fence() -> bool {
    os::is_available()
}

/// Whether [`heavy_fence`] may be called, once, at any later time. Only where
/// there is one.
pub(crate) fn grant_heavy_fence() -> bool {
    os::grant()
}

#[cfg(all(target_os = "linux", not(miri)))]
mod os {
    use std::io;
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::{Duration, Instant};

    /// What bounds how often the threads of the process are interrupted, whatever
    /// the number of channels.
    struct Grants {
        /// When the next may be given.
        next: Option<Instant>,
        /// What the latest heavy fence took.
        cost: Duration,
    }

    static GRANTS: Mutex<Grants> = Mutex::new(Grants {
        next: None,
        cost: Duration::ZERO,
    });

    /// At least so long from grant to grant.
    const PERIOD: Duration = Duration::from_millis(1);
    /// And so many times what a heavy fence takes.
    const SHARE: u32 = 100;

    fn with_grants<R>(f: impl FnOnce(&mut Grants) -> R) -> R {
        f(&mut GRANTS.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn membarrier(command: libc::c_int) -> io::Result<()> {
        // SAFETY: a system call without pointers.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    pub(super) fn heavy_fence() -> io::Result<()> {
        let begin = Instant::now();
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)?;
        let cost = begin.elapsed();
        with_grants(|grants| grants.cost = cost);
        Ok(())
    }

    pub(super) fn is_available() -> bool {
        /// Tried once as well: a filter of system calls may tell the two apart.
        static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
            membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
                .and_then(|()| heavy_fence())
                .is_ok()
        });
        *AVAILABLE
    }

    pub(super) fn grant() -> bool {
        let now = Instant::now();
        with_grants(|grants| {
            let due = grants.next.is_none_or(|next| now >= next);
            if due {
                grants.next = now.checked_add(PERIOD.max(grants.cost * SHARE));
            }
            due
        })
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod os {
    use std::io;

    pub(super) fn heavy_fence() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn is_available() -> bool {
        false
    }

    pub(super) fn grant() -> bool {
        false
    }
}

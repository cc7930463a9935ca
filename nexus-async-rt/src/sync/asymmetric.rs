//! Asymmetric fences: a light one for the many, a heavy one for the few.
//!
//! A heavy fence makes every thread of the process pass a full fence between its
//! begin and its end, wherever that thread is. So a light one need only keep the
//! compiler from reordering. Linux has it as `membarrier`. It interrupts each
//! core that runs another thread of the process, for microseconds: so each has
//! to be [granted](grant_heavy_fence). Grants are given at a rate that leaves a
//! hundredth of the time to heavy fences. Few are out at a time, because all of
//! them may be used at once.

use super::{Ordering, Site, compiler_fence};

/// Pairs with a heavy fence of another thread.
#[inline(always)]
pub(crate) fn light_fence(_: Site) {
    compiler_fence(Ordering::SeqCst);
}

/// Pairs with the light fences of all threads. Uses up a grant. `false`: the OS
/// refused, and nothing was fenced. Nothing is granted then any more.
#[cold]
#[must_use]
pub(crate) fn heavy_fence(_: Site) -> bool {
    compiler_fence(Ordering::SeqCst);
    let fenced = os::heavy_fence();
    compiler_fence(Ordering::SeqCst);
    fenced
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

/// A grant will not be used.
pub(crate) fn give_back_heavy_fence() {
    os::give_back();
}

#[cfg(all(target_os = "linux", not(miri)))]
mod os {
    use std::sync::{LazyLock, Mutex, PoisonError, TryLockError};
    use std::time::{Duration, Instant};

    #[derive(Debug)]
    struct Grants {
        /// How many may still be used.
        out: u32,
        /// When the next may be given.
        next: Option<Instant>,
        /// What the latest heavy fence took.
        cost: Duration,
        /// There was one, and it is there no more: a filter of system calls.
        refused: bool,
    }

    static GRANTS: Mutex<Grants> = Mutex::new(Grants {
        out: 0,
        next: None,
        cost: Duration::ZERO,
        refused: false,
    });

    /// Grants that are out at a time.
    pub(super) const LIMIT: u32 = 16;
    /// At least so long from grant to grant.
    const PERIOD: Duration = Duration::from_millis(1);
    /// And so many times what a heavy fence takes.
    const SHARE: u32 = 100;
    /// A fence that took longer was not what took long.
    const MOST: Duration = Duration::from_millis(1);

    #[cfg(test)]
    thread_local! {
        /// Has the OS refuse on this thread.
        pub(super) static REFUSES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }

    fn with_grants<R>(f: impl FnOnce(&mut Grants) -> R) -> R {
        f(&mut GRANTS.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a test has the OS refuse.
    fn is_refusing() -> bool {
        #[cfg(test)]
        return REFUSES.get();
        #[cfg(not(test))]
        false
    }

    fn membarrier(command: libc::c_int) -> bool {
        if is_refusing() {
            return false;
        }
        // SAFETY: a system call without pointers.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    fn fence() -> bool {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }

    fn register() -> bool {
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    pub(super) fn heavy_fence() -> bool {
        let begin = Instant::now();
        // A process that was restored from a snapshot has to register again.
        let fenced = fence() || (register() && fence());
        let cost = begin.elapsed().min(MOST);
        with_grants(|grants| {
            grants.out -= 1;
            if fenced {
                grants.cost = cost;
            } else if !is_refusing() {
                grants.refused = true;
            }
        });
        fenced
    }

    pub(super) fn is_available() -> bool {
        /// Tried once as well: a filter of system calls may tell the two apart.
        static AVAILABLE: LazyLock<bool> = LazyLock::new(|| register() && fence());
        *AVAILABLE && !with_grants(|grants| grants.refused)
    }

    pub(super) fn grant() -> bool {
        let mut grants = match GRANTS.try_lock() {
            Ok(grants) => grants,
            Err(TryLockError::Poisoned(grants)) => grants.into_inner(),
            // Not worth waiting for.
            Err(TryLockError::WouldBlock) => return false,
        };
        let now = Instant::now();
        let due =
            !grants.refused && grants.out < LIMIT && grants.next.is_none_or(|next| now >= next);
        if due {
            grants.out += 1;
            grants.next = now.checked_add(PERIOD.max(grants.cost * SHARE));
        }
        due
    }

    pub(super) fn give_back() {
        with_grants(|grants| grants.out -= 1);
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod os {
    pub(super) fn heavy_fence() -> bool {
        false
    }

    pub(super) fn is_available() -> bool {
        false
    }

    pub(super) fn grant() -> bool {
        false
    }

    pub(super) fn give_back() {}
}

/// For tests that count on grants: there are few in a process.
#[cfg(test)]
pub(crate) fn one_at_a_time() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs `f` with the OS refusing all fences that this thread asks for.
#[cfg(all(test, target_os = "linux", not(miri)))]
pub(crate) fn with_refused_fences<R>(f: impl FnOnce() -> R) -> R {
    os::REFUSES.set(true);
    let result = f();
    os::REFUSES.set(false);
    result
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn granted_within(limit: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < limit {
            if grant_heavy_fence() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    /// Few are out at a time, and those that come back can be given again.
    #[test]
    fn grants_are_few_and_come_back() {
        let _alone = one_at_a_time();
        if !has_heavy_fence() {
            return;
        }
        let long = Duration::from_secs(10);
        for _ in 0..2 {
            for out in 0..os::LIMIT {
                assert!(granted_within(long), "no more than {out} were granted");
            }
            let more = granted_within(Duration::from_millis(50));
            assert!(!more, "more than {} were granted", os::LIMIT);
            (0..os::LIMIT).for_each(|_| give_back_heavy_fence());
        }
        // A fence uses its grant up: so many can be had one after the other.
        for _ in 0..3 * os::LIMIT {
            assert!(granted_within(long), "a grant was not returned");
            assert!(heavy_fence(Site::HeavyFence));
        }
    }

    /// However often one is asked for, no more than a hundredth of the time goes
    /// into heavy fences; a test machine may be interrupted in one.
    #[test]
    fn heavy_fences_take_a_hundredth_of_the_time() {
        let _alone = one_at_a_time();
        if !has_heavy_fence() {
            return;
        }
        let begin = Instant::now();
        let (mut fences, mut shortest) = (0_u32, Duration::MAX);
        while begin.elapsed() < Duration::from_millis(300) {
            if grant_heavy_fence() {
                let fence = Instant::now();
                assert!(heavy_fence(Site::HeavyFence));
                shortest = shortest.min(fence.elapsed());
                fences += 1;
            }
        }
        assert!(fences > 0);
        let most = begin.elapsed().as_millis() as u32 + 1;
        assert!(fences <= most, "{fences} in {most} ms");
        assert!(
            shortest * fences * 50 <= begin.elapsed(),
            "{fences} of {shortest:?}"
        );
    }
}

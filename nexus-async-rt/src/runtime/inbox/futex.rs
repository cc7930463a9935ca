//! Sleeping on a word: until it no longer has the value that it was left with.
//!
//! Linux alone. What a poller adds, descriptors and deadlines, costs each wake
//! some hundred nanoseconds more.

#[cfg(not(all(test, nexus_loom)))]
pub(crate) use real::{wait, wake};

#[cfg(all(test, nexus_loom))]
pub(crate) use model::{wait, wake};

#[cfg(not(all(test, nexus_loom)))]
mod real {
    use crate::sync::AtomicPtr;
    use std::{io, ptr};

    /// The half of the word that the kernel looks at: the one with the low bits.
    fn low_half<T>(word: &AtomicPtr<T>) -> *const u32 {
        let halves: *const u32 = ptr::from_ref(word).cast();
        if cfg!(target_endian = "big") {
            halves.wrapping_add(1)
        } else {
            halves
        }
    }

    /// Sleeps while `word` is `mark`. No other value of the word has the low half of
    /// `mark`. May return early. `false`: it had changed before.
    ///
    /// # Panics
    /// If the OS refuses.
    pub(crate) fn wait<T>(word: &AtomicPtr<T>, mark: *mut T) -> bool {
        // SAFETY: the kernel reads the half of a word that is alive for the call; no
        // time-out is given.
        let result = unsafe {
            libc::syscall(
                libc::SYS_futex,
                low_half(word),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                mark.addr() as u32,
                ptr::null::<libc::timespec>(),
            )
        };
        if result >= 0 {
            return true;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN) => false,
            Some(libc::EINTR) => true,
            _ => panic!("the OS refused to wait for a word: {error}"),
        }
    }

    /// Wakes the thread that [waits](wait) for the word, which has been
    /// changed.
    pub(crate) fn wake<T>(word: &AtomicPtr<T>) {
        // SAFETY: the kernel looks for threads that wait at an address; it
        // reads nothing there.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                low_half(word),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                1,
            );
        }
    }
}

/// The model of it: the kernel's lock is between a look at the word and falling
/// asleep, and a waker takes it after the change.
#[cfg(all(test, nexus_loom))]
mod model {
    use crate::sync::{AtomicPtr, Ordering, RawMutex};
    use loom::sync::Condvar;

    loom::lazy_static! {
        /// Of all words: in a model one thread sleeps.
        static ref SLEEPER: (RawMutex<()>, Condvar) = (RawMutex::new(()), Condvar::new());
    }

    pub(crate) fn wait<T>(word: &AtomicPtr<T>, mark: *mut T) -> bool {
        let held = SLEEPER.0.lock().unwrap();
        // Ordering: Relaxed; the lock orders it with the waker.
        let slept = word.load(Ordering::Relaxed) == mark;
        if slept {
            drop(SLEEPER.1.wait(held).unwrap());
        }
        slept
    }

    pub(crate) fn wake<T>(word: &AtomicPtr<T>) {
        drop(SLEEPER.0.lock().unwrap());
        SLEEPER.1.notify_one();
        // The sleeper may be awake before the call returns: the word has to be
        // there until then.
        //
        // Ordering: Relaxed; its value does not matter.
        word.load(Ordering::Relaxed);
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;
    use crate::sync::{AtomicPtr, Ordering};
    use std::ptr;
    use std::time::{Duration, Instant};

    const MARK: *mut u64 = ptr::without_provenance_mut(3);

    #[expect(clippy::print_stderr, reason = "why the process ends")]
    #[test]
    fn a_changed_word_is_not_slept_on_and_a_change_wakes() {
        let word = AtomicPtr::new(ptr::null_mut::<u64>());
        assert!(!wait(&word, MARK));
        word.store(MARK, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                while word.load(Ordering::Acquire) == MARK {
                    wait(&word, MARK);
                }
            });
            std::thread::sleep(Duration::from_millis(20));
            assert!(!sleeper.is_finished());
            word.store(ptr::null_mut(), Ordering::Release);
            wake(&word);
            let limit = Instant::now() + Duration::from_secs(10);
            while !sleeper.is_finished() {
                if Instant::now() > limit {
                    eprintln!("the sleeper was not woken within ten seconds");
                    std::process::abort();
                }
                std::thread::yield_now();
            }
        });
    }
}

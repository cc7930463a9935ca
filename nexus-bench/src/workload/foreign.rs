//! How long it takes until a runtime runs a task that another thread has woken.

use super::gate::until;
use crate::cores;
use crate::figures::Figures;
use crate::peers::Executor;
use std::future::poll_fn;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// How long the sleeper is left alone, so that it is asleep: many times what it
/// takes to park.
const REST: Duration = Duration::from_micros(30);

/// What the two threads share.
struct Bell {
    epoch: Instant,
    /// When the last call was made, in nanoseconds since `epoch`.
    called_at: AtomicU64,
    /// Calls made.
    calls: AtomicU64,
    /// Calls heard.
    heard: AtomicU64,
    /// Whether the caller is on its core.
    in_place: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            called_at: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            in_place: AtomicBool::new(false),
            waker: Mutex::new(None),
        })
    }

    /// Makes `ops` calls from a thread of its own, each after a rest; `ring`
    /// ends the sleep. Returns when that thread is on its core: it could not get
    /// off this one beside a runtime that never sleeps.
    fn caller(
        self: &Arc<Self>,
        ops: u64,
        ring: impl Fn(&Self) + Send + 'static,
    ) -> thread::JoinHandle<()> {
        let bell = self.clone();
        let caller = thread::spawn(move || {
            cores::stay(1);
            bell.in_place.store(true, Ordering::Release);
            for call in 1..=ops {
                until(|| bell.heard.load(Ordering::Acquire) == call - 1);
                let rested = Instant::now() + REST;
                while Instant::now() < rested {
                    spin_loop();
                }
                let now = bell.epoch.elapsed().as_nanos() as u64;
                bell.called_at.store(now, Ordering::Relaxed);
                bell.calls.store(call, Ordering::Release);
                ring(&bell);
            }
        });
        until(|| self.in_place.load(Ordering::Acquire));
        caller
    }

    /// Call number `call` has been heard. How late it was.
    fn hear(&self, call: u64) -> Duration {
        let late =
            self.epoch.elapsed() - Duration::from_nanos(self.called_at.load(Ordering::Relaxed));
        self.heard.store(call, Ordering::Release);
        late
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until call number `call` has been made.
    async fn wait(&self, call: u64) {
        poll_fn(|cx| {
            let called = || self.calls.load(Ordering::Acquire) >= call;
            if called() {
                return Poll::Ready(());
            }
            *self.waker() = Some(cx.waker().clone());
            if called() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

async fn listen(bell: Arc<Bell>, ops: u64) -> Figures {
    let caller = bell.caller(ops, |bell| {
        let waker = bell.waker().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    let mut late = Vec::with_capacity(ops as usize);
    for call in 1..=ops {
        bell.wait(call).await;
        late.push(bell.hear(call));
    }
    assert!(caller.join().is_ok(), "the caller panicked");
    Figures::of(late)
}

/// The future of `block_on` is woken.
#[must_use]
pub fn root<E: Executor>(ops: u64) -> Figures {
    cores::stay(0);
    E::block_on(listen(Bell::new(), ops))
}

/// A spawned task is woken.
#[must_use]
pub fn task<E: Executor>(ops: u64) -> Figures {
    cores::stay(0);
    E::block_on(async move { E::spawn(listen(Bell::new(), ops)).await })
}

/// The limit where nobody sleeps: a thread that looks at a flag.
///
/// # Panics
/// If the caller does.
#[must_use]
pub fn flag(ops: u64) -> Figures {
    cores::stay(0);
    let bell = Bell::new();
    let caller = bell.caller(ops, |_| ());
    let mut late = Vec::with_capacity(ops as usize);
    for call in 1..=ops {
        until(|| bell.calls.load(Ordering::Acquire) >= call);
        late.push(bell.hear(call));
    }
    assert!(caller.join().is_ok(), "the caller panicked");
    Figures::of(late)
}

/// The limit: a thread that reads from an eventfd.
///
/// # Panics
/// If the OS has none.
#[cfg(target_os = "linux")]
#[must_use]
pub fn eventfd(ops: u64) -> Figures {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::FromRawFd;

    cores::stay(0);
    // SAFETY: no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    assert!(fd >= 0, "no eventfd: {}", std::io::Error::last_os_error());
    // SAFETY: open, and nobody else's: made just now.
    let file = Arc::new(unsafe { File::from_raw_fd(fd) });
    let bell = Bell::new();
    let rung = file.clone();
    let caller = bell.caller(ops, move |_| {
        let wrote = (&*rung).write_all(&1_u64.to_ne_bytes());
        assert!(wrote.is_ok(), "the eventfd refused a write: {wrote:?}");
    });
    let mut late = Vec::with_capacity(ops as usize);
    for call in 1..=ops {
        let mut count = [0; 8];
        let read = (&*file).read_exact(&mut count);
        assert!(read.is_ok(), "the eventfd refused a read: {read:?}");
        assert_eq!(u64::from_ne_bytes(count), 1, "calls at once");
        late.push(bell.hear(call));
    }
    assert!(caller.join().is_ok(), "the caller panicked");
    Figures::of(late)
}

/// The limit: a thread that sleeps on a word.
///
/// # Panics
/// If the OS refuses.
#[cfg(target_os = "linux")]
#[must_use]
pub fn futex(ops: u64) -> Figures {
    use std::io;
    use std::ptr;
    use std::sync::atomic::AtomicU32;

    fn operate(operation: libc::c_int, word: &AtomicU32, value: u32) -> libc::c_long {
        // SAFETY: the word is alive for the call; there is no time-out.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                ptr::from_ref(word),
                operation | libc::FUTEX_PRIVATE_FLAG,
                value,
                ptr::null::<libc::timespec>(),
            )
        }
    }

    cores::stay(0);
    let word = Arc::new(AtomicU32::new(0));
    let bell = Bell::new();
    let rung = word.clone();
    let caller = bell.caller(ops, move |_| {
        rung.fetch_add(1, Ordering::Release);
        let woken = operate(libc::FUTEX_WAKE, &rung, 1);
        assert!(woken >= 0, "no wake: {}", io::Error::last_os_error());
    });
    let mut late = Vec::with_capacity(ops as usize);
    for call in 1..=ops {
        // Only compared: it may wrap.
        let before = (call - 1) as u32;
        while word.load(Ordering::Acquire) == before {
            operate(libc::FUTEX_WAIT, &word, before);
        }
        late.push(bell.hear(call));
    }
    assert!(caller.join().is_ok(), "the caller panicked");
    Figures::of(late)
}

//! Timers that are dropped before they fire, and timers that fire.

use crate::figures::Figures;
use crate::peers::{Clock, Limit};
use std::future::{poll_fn, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Longer than any sample.
const FAR: Duration = Duration::from_secs(30);

/// Creates a timer, polls it once, drops it, and so on, while `alive` others
/// wait.
#[must_use]
pub fn churn<C: Clock>(ops: u64, alive: u64) -> Figures {
    C::block_on(async move {
        let others =
            (0..alive).map(|number| Box::pin(C::sleep(FAR + Duration::from_millis(number))));
        let mut others: Vec<_> = others.collect();
        poll_fn(move |cx| {
            for other in &mut others {
                assert!(other.as_mut().poll(cx).is_pending(), "fired too early");
            }
            let begin = Instant::now();
            for _ in 0..ops {
                let timer = pin!(C::sleep(FAR));
                assert!(timer.poll(cx).is_pending(), "fired too early");
            }
            Poll::Ready(Figures::since(begin, ops))
        })
        .await
    })
}

/// Puts a limit on futures that are ready, or that have to wait for one poll,
/// and takes their output.
#[must_use]
pub fn limited<C: Limit>(ops: u64, waits: bool) -> Figures {
    C::block_on(async move {
        let begin = Instant::now();
        let mut sum = 0;
        for op in 0..ops {
            let number = black_box(op);
            let output = if waits {
                let waiting = async move {
                    next_turn().await;
                    number
                };
                C::timeout(FAR, waiting).await.into_iter().next()
            } else {
                C::timeout(FAR, ready(number)).await.into_iter().next()
            };
            sum += output.unwrap_or_else(|| panic!("timed out"));
        }
        let figures = Figures::since(begin, ops);
        assert_eq!(sum, (0..ops).sum::<u64>());
        figures
    })
}

/// Completes when it is polled again, which it asks for.
fn next_turn() -> impl Future<Output = ()> {
    let mut polled = false;
    poll_fn(move |cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// As [`lateness`], beside a task that is always ready.
#[must_use]
pub fn busy_lateness<C: Clock>(ops: u64) -> Figures {
    C::block_on(async move {
        drop_later(C::spawn(async {
            loop {
                next_turn().await;
            }
        }));
        late_by::<C>(ops).await
    })
}

/// A peer's task may end when what it is awaited by is dropped.
fn drop_later<T>(handle: T) {
    std::mem::forget(handle);
}

/// How late a timer of a millisecond fires, while the runtime has nothing else
/// to do.
#[must_use]
pub fn lateness<C: Clock>(ops: u64) -> Figures {
    C::block_on(late_by::<C>(ops))
}

const SHORT: Duration = Duration::from_millis(1);

async fn late_by<C: Clock>(ops: u64) -> Figures {
    let mut late = Vec::with_capacity(ops as usize);
    for _ in 0..ops {
        let begin = Instant::now();
        C::sleep(SHORT).await;
        late.push(beyond(begin));
    }
    Figures::of(late)
}

/// How much longer it was than it should.
fn beyond(begin: Instant) -> Duration {
    let slept = begin.elapsed();
    assert!(slept >= SHORT, "slept {slept:?} instead of {SHORT:?}");
    slept - SHORT
}

/// The limit: a thread that reads from a timer of the kernel.
///
/// # Panics
/// If the OS has none.
#[cfg(target_os = "linux")]
#[must_use]
pub fn timerfd(ops: u64) -> Figures {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsRawFd, FromRawFd};

    // SAFETY: no pointers.
    let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) };
    assert!(fd >= 0, "no timerfd: {}", std::io::Error::last_os_error());
    // SAFETY: open, and nobody else's: made just now.
    let mut timer = unsafe { File::from_raw_fd(fd) };
    let time = |duration: Duration| libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(duration.subsec_nanos().cast_signed()),
    };
    let once = libc::itimerspec {
        it_interval: time(Duration::ZERO),
        it_value: time(SHORT),
    };
    let mut late = Vec::with_capacity(ops as usize);
    for _ in 0..ops {
        let begin = Instant::now();
        // SAFETY: an open descriptor and a valid structure; no old value is
        // asked for.
        let set = unsafe {
            libc::timerfd_settime(timer.as_raw_fd(), 0, &raw const once, std::ptr::null_mut())
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
        let mut expirations = [0; 8];
        let read = timer.read_exact(&mut expirations);
        assert!(read.is_ok(), "the timer refused a read: {read:?}");
        assert_eq!(u64::from_ne_bytes(expirations), 1, "it went off at once");
        late.push(beyond(begin));
    }
    Figures::of(late)
}

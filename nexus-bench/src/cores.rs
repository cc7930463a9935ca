//! Where threads run, and how far their cores are from each other.
//!
//! Virtual cores move. A cache line takes 30 to 100 ns for a round trip at one moment
//! (two threads of a core, neighbours) and in 270 to 700 ns at another. So a
//! sample that uses two cores times this distance before and after, and counts
//! only if its class is the same.

use std::fs::{File, OpenOptions};
use std::hint::spin_loop;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// How far the two cores are from each other.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Distance {
    /// A round trip takes less than [`NEAR_NS`].
    Near,
    /// It takes longer.
    Far,
}

/// Between the two classes, in nanoseconds.
pub const NEAR_NS: f64 = 170.0;

impl Distance {
    /// The class of a round trip.
    #[must_use]
    pub fn of(round_trip_ns: f64) -> Self {
        if round_trip_ns < NEAR_NS {
            Self::Near
        } else {
            Self::Far
        }
    }

    /// For the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

/// Keeps the calling thread on the `index`-th of the cores that the process may
/// use: 0 is the receiver's, the others are shared out among the producers.
/// Does nothing where there is one core, or where the OS has no such call.
pub fn stay(index: usize) {
    #[cfg(target_os = "linux")]
    linux::stay(index);
    #[cfg(not(target_os = "linux"))]
    let _ = index;
}

/// Has idle cores poll in place of sleeping, as where a machine is set up for
/// latency. A virtual core that sleeps takes its host many times as long to wake
/// as all software together. Until dropped.
#[derive(Debug)]
pub struct Awake {
    _request: File,
}

impl Awake {
    /// The file by which Linux is asked for it.
    pub const REQUEST: &str = "/dev/cpu_dma_latency";

    /// Asks the OS for it.
    ///
    /// # Errors
    /// Of the file: usually that it is root's.
    pub fn keep() -> io::Result<Self> {
        const MICROSECONDS: i32 = 0;
        let mut request = OpenOptions::new().write(true).open(Self::REQUEST)?;
        request.write_all(&MICROSECONDS.to_ne_bytes())?;
        Ok(Self { _request: request })
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::mem;
    use std::sync::OnceLock;

    /// As they were when the process began.
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();

    const SIZE: usize = mem::size_of::<libc::cpu_set_t>();

    fn allowed() -> Vec<usize> {
        // SAFETY: a set of bits, all of them zero.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: the set is ours and as large as we say; 0 is this thread.
        let got = unsafe { libc::sched_getaffinity(0, SIZE, &mut set) };
        if got != 0 {
            return Vec::new();
        }
        (0..libc::CPU_SETSIZE as usize)
            // SAFETY: below the set's size.
            .filter(|&core| unsafe { libc::CPU_ISSET(core, &set) })
            .collect()
    }

    pub(super) fn stay(index: usize) {
        let allowed = ALLOWED.get_or_init(allowed);
        if allowed.len() < 2 {
            return;
        }
        let core = match index {
            0 => allowed[0],
            other => allowed[1 + (other - 1) % (allowed.len() - 1)],
        };
        // SAFETY: a set of bits, all of them zero.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: `core` came out of such a set; the set is as large as we say.
        // A refusal leaves the thread where it is, which is harmless.
        unsafe {
            libc::CPU_SET(core, &mut set);
            libc::sched_setaffinity(0, SIZE, &set);
        }
    }
}

/// A flag alone on its cache lines.
#[repr(align(128))]
struct Flag(AtomicU64);

/// How long a cache line takes from core 0 to core 1 and back, in nanoseconds:
/// the median of some batches. Leaves the calling thread on core 0.
#[must_use]
pub fn round_trip() -> f64 {
    const BATCHES: u64 = 21;
    const TRIPS: u64 = 100;
    stay(0);
    let (ping, pong) = (Flag(AtomicU64::new(0)), Flag(AtomicU64::new(0)));
    let mut batches = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            stay(1);
            for trip in 1..=(BATCHES + 1) * TRIPS {
                wait(&ping.0, trip);
                pong.0.store(trip, Ordering::Release);
            }
        });
        for batch in 0..=BATCHES {
            let begin = Instant::now();
            for trip in batch * TRIPS + 1..=(batch + 1) * TRIPS {
                ping.0.store(trip, Ordering::Release);
                wait(&pong.0, trip);
            }
            // The first is for the other thread to start.
            if batch > 0 {
                batches.push(begin.elapsed().as_nanos() as f64 / TRIPS as f64);
            }
        }
    });
    batches.sort_unstable_by(f64::total_cmp);
    batches[batches.len() / 2]
}

/// Spins until `flag` is `value`; lets others run where cores are scarce.
fn wait(flag: &AtomicU64, value: u64) {
    let mut looks = 0;
    while flag.load(Ordering::Acquire) != value {
        looks += 1;
        if looks % 4096 == 0 {
            thread::yield_now();
        }
        spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_takes_time() {
        let ns = round_trip();
        assert!(ns > 1.0, "a round trip of {ns} ns");
    }

    #[test]
    fn the_classes_meet_at_the_limit() {
        assert_eq!(Distance::of(NEAR_NS - 1.0), Distance::Near);
        assert_eq!(Distance::of(NEAR_NS), Distance::Far);
    }
}

//! Time as the gateway counts it: nanoseconds after the start of a run.

use std::thread;
use std::time::{Duration, Instant};

/// The clock of one run, shared by all its threads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

/// As a rule a sleeper is woken this late at most (14 to 25 microseconds were
/// measured on a virtual machine). So much before the moment it stops sleeping
/// and looks at the clock instead.
const WAKE_UP: Duration = Duration::from_micros(30);

impl Clock {
    /// A clock that shows zero after `delay`; until then it shows zero, too.
    pub fn starting_in(delay: Duration) -> Self {
        Self {
            start: Instant::now() + delay,
        }
    }

    /// Nanoseconds since the start.
    pub fn now(&self) -> u64 {
        let elapsed = Instant::now().saturating_duration_since(self.start);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Waits until the clock shows `moment`: asleep but for the last
    /// microseconds. Returns what it then shows.
    pub fn wait_until(&self, moment: u64) -> u64 {
        let target = self.start + Duration::from_nanos(moment);
        loop {
            let left = target.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.now();
            }
            match left.checked_sub(WAKE_UP) {
                Some(asleep) if !asleep.is_zero() => thread::sleep(asleep),
                _ => std::hint::spin_loop(),
            }
        }
    }
}

/// Asks the system to wake this thread as exactly as it can. By default Linux
/// lets sleepers oversleep by 50 microseconds, to wake several at once.
pub fn sleep_exactly() {
    // Where it is refused, sleeping is less exact, and the report shows it.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_never_ends_early() {
        sleep_exactly();
        let clock = Clock::starting_in(Duration::from_millis(1));
        assert_eq!(clock.now(), 0);
        assert!(clock.wait_until(0) < 1_000_000_000);
        for step in 1..20 {
            let moment = step * 300_000;
            assert!(clock.wait_until(moment) >= moment);
        }
        let shown = clock.now();
        assert!(clock.wait_until(0) >= shown, "the past is not waited for");
    }
}

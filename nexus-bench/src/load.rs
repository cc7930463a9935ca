//! How busy the machine is with other things.

use std::fs;
use std::time::Duration;

/// What the kernel counts in: a hundredth of a second.
const TICK: f64 = 0.01;

/// CPU time since it was started, in the kernel's ticks.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    all: f64,
    own: f64,
}

impl Meter {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            all: of_all(&read("/proc/stat")),
            own: own(&read("/proc/self/stat")),
        }
    }

    /// How many cores other processes have used during `elapsed`, which is the
    /// time since the start; 0 where the OS does not say.
    #[must_use]
    pub fn cores_of_others(self, elapsed: Duration) -> f64 {
        let now = Self::start();
        let others = (now.all - self.all) - (now.own - self.own);
        (others * TICK / elapsed.as_secs_f64()).max(0.0)
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// User, nice, system, irq, softirq and steal time of all cores.
fn of_all(stat: &str) -> f64 {
    let fields: Vec<f64> = stat
        .lines()
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(|field| field.parse().ok())
        .collect();
    [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|&at| fields.get(at))
        .sum()
}

/// User and system time of this process, threads that ended included.
fn own(stat: &str) -> f64 {
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let all = "cpu  10 1 5 900 7 2 3 4 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(of_all(all), 25.0);
        let one = "42 (a) name) R 1 2 3 4 5 6 7 8 9 10 31 11 0 0 20";
        assert_eq!(own(one), 42.0);
        assert_eq!(of_all("") + own(""), 0.0);
    }
}

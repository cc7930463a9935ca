//! When each message is meant to be sent, and by how much a line is late.
//!
//! Like an exchange, the schedule sends packets: at a high rate, all messages
//! of one interval of [`PACKET_NS`] are due together at its beginning. A
//! sender can then sleep between packets instead of burning a core to hit
//! every microsecond.
//!
//! For each packet one line, drawn by a fixed rule, is on time; the other lags
//! by up to [`MOST_LAG_NS`]. Neither loses or reorders anything.

use super::mix;

/// The least time between two packets, in nanoseconds.
const PACKET_NS: u64 = 200_000;

/// A line lags by less than this, in nanoseconds: less than a packet, as two
/// routes to one building do.
const MOST_LAG_NS: u64 = 60_000;

/// One of the two redundant lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first.
    A,
    /// The second.
    B,
}

impl Line {
    /// Both lines.
    pub const BOTH: [Line; 2] = [Line::A, Line::B];

    /// What its thread is called.
    pub const fn name(self) -> &'static str {
        match self {
            Line::A => "feed A",
            Line::B => "feed B",
        }
    }

    /// 0 for A, 1 for B.
    pub const fn index(self) -> usize {
        match self {
            Line::A => 0,
            Line::B => 1,
        }
    }
}

/// A steady rate in packets.
///
/// ```
/// use nexus_gateway::feed::Schedule;
///
/// let slow = Schedule::new(1_000);
/// assert_eq!(slow.due(1), 0);
/// assert_eq!(slow.due(2), 1_000_000);
///
/// // 100 messages every 200 microseconds.
/// let fast = Schedule::new(500_000);
/// assert_eq!(fast.due(100), 0);
/// assert_eq!(fast.due(101), 200_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    rate: u64,
    per_packet: u64,
}

impl Schedule {
    /// `rate` messages a second; 0 counts as 1.
    pub fn new(rate: u64) -> Self {
        let per_packet = rate.saturating_mul(PACKET_NS) / 1_000_000_000;
        Self {
            rate: rate.max(1),
            per_packet: per_packet.max(1),
        }
    }

    /// Messages a second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// How many messages are due together.
    pub fn per_packet(&self) -> u64 {
        self.per_packet
    }

    /// When message `sequence` (the first is 1) is due, in nanoseconds after
    /// the start.
    pub fn due(&self, sequence: u64) -> u64 {
        let before = u128::from(self.packet(sequence)) * u128::from(self.per_packet);
        u64::try_from(before * 1_000_000_000 / u128::from(self.rate)).unwrap_or(u64::MAX)
    }

    /// How many messages are due `elapsed` nanoseconds after the start: the
    /// inverse of [`due`](Self::due).
    pub fn due_by(&self, elapsed: u64) -> u64 {
        let packet = 1_000_000_000 * u128::from(self.per_packet);
        let packets = ((u128::from(elapsed) + 1) * u128::from(self.rate) - 1) / packet + 1;
        u64::try_from(packets * u128::from(self.per_packet)).unwrap_or(u64::MAX)
    }

    /// By how much `line` lags with message `sequence`, in nanoseconds.
    pub fn lag(&self, sequence: u64, line: Line) -> u64 {
        let drawn = mix(self.packet(sequence).wrapping_add(1));
        match drawn & 1 == line.index() as u64 {
            true => 0,
            false => (drawn >> 1) % MOST_LAG_NS,
        }
    }

    fn packet(&self, sequence: u64) -> u64 {
        sequence.saturating_sub(1) / self.per_packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_whatever_the_packet() {
        for rate in [1, 7, 999, 10_000, 12_345, 333_333, 5_000_000] {
            let schedule = Schedule::new(rate);
            let packet = schedule.per_packet();
            for second in [1, 10, 1000] {
                let first_of_a_packet = rate * second / packet * packet + 1;
                let due = u128::from(schedule.due(first_of_a_packet));
                let exact = u128::from(first_of_a_packet - 1) * 1_000_000_000 / u128::from(rate);
                assert_eq!(due, exact, "rate {rate}");
            }
            assert_eq!(schedule.due(1), schedule.due(packet));
            assert!(schedule.due(packet) < schedule.due(packet + 1));
        }
        assert_eq!(Schedule::new(0).due(3), 2_000_000_000);
        assert_eq!(Schedule::new(1).due(u64::MAX), u64::MAX);
    }

    #[test]
    fn what_is_due_by_a_moment_is_what_was_due_before_it() {
        for rate in [1, 7, 10_000, 12_345, 333_333, 100_000_000] {
            let schedule = Schedule::new(rate);
            for sequence in (1..5_000).chain([1 << 33]) {
                let due = schedule.due(sequence);
                assert!(schedule.due_by(due) >= sequence, "rate {rate}");
                if due > 0 {
                    assert!(schedule.due_by(due - 1) < sequence, "rate {rate}");
                }
            }
            assert_eq!(schedule.due_by(0), schedule.per_packet());
        }
    }

    #[test]
    fn one_line_is_on_time_and_each_is_at_times() {
        let schedule = Schedule::new(10_000);
        let mut on_time = [0; 2];
        for sequence in 1..=1000 {
            let lags = Line::BOTH.map(|line| schedule.lag(sequence, line));
            assert!(lags.contains(&0));
            assert!(lags.iter().all(|&lag| lag < MOST_LAG_NS));
            for line in Line::BOTH {
                on_time[line.index()] += u32::from(lags[line.index()] == 0);
            }
        }
        assert!(on_time.iter().all(|&n| n > 400), "{on_time:?}");
    }
}

//! Which of the redundant lines are there, and how far each has come.

use std::time::{Duration, Instant};

/// One line, as the requests see it.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Messages below this have passed on it, or were lost on it.
    edge: u64,
    heard: Instant,
    up: bool,
}

/// A line fell silent, or speaks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// Which, counted from 0.
    pub line: usize,
    /// Whether it is there now.
    pub up: bool,
}

/// The lines of one receiver. One that is silent for too long is down: nobody waits for
/// what it may bring.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Vec<Line>,
    silence: Duration,
}

impl Lines {
    pub(super) fn new(count: usize, next: u64, silence: Duration, now: Instant) -> Self {
        let line = Line {
            edge: next,
            heard: now,
            up: true,
        };
        Self {
            lines: vec![line; count.max(1)],
            silence,
        }
    }

    /// A packet came over `line`, and what is below `edge` has passed on it.
    pub(super) fn heard(&mut self, line: usize, edge: u64, now: Instant) {
        if let Some(line) = self.lines.get_mut(line) {
            line.edge = line.edge.max(edge);
            line.heard = line.heard.max(now);
        }
    }

    /// No line needs to pass what comes before message `next`.
    pub(super) fn join(&mut self, next: u64) {
        for line in &mut self.lines {
            line.edge = line.edge.max(next);
        }
    }

    /// All lines count as heard now.
    pub(super) fn listen(&mut self, now: Instant) {
        for line in &mut self.lines {
            line.heard = line.heard.max(now);
        }
    }

    /// Every line that is up has passed the messages below this.
    pub(super) fn passed(&self) -> u64 {
        let up = self.lines.iter().filter(|line| line.up);
        let least = up.map(|line| line.edge).min();
        let all = self.lines.iter().map(|line| line.edge);
        least.unwrap_or_else(|| all.max().unwrap_or_default())
    }

    /// The next line that is down now and was up, or the reverse. To be called until it
    /// is none.
    pub(super) fn change(&mut self, now: Instant) -> Option<LineChange> {
        let silence = self.silence;
        if self.lines.len() == 1 {
            return None;
        }
        let mut lines = self.lines.iter_mut().enumerate();
        lines.find_map(|(number, line)| {
            let up = now < line.heard + silence;
            let changed = up != line.up;
            line.up = up;
            changed.then_some(LineChange { line: number, up })
        })
    }

    /// When a line is down that speaks no more. A single line has no other in its place.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let several = self.lines.len() > 1;
        let up = self.lines.iter().filter(|line| several && line.up);
        up.map(|line| line.heard + self.silence).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_line_is_not_waited_for_and_comes_back() {
        let begin = Instant::now();
        let after = |s| begin + Duration::from_secs(s);
        let mut lines = Lines::new(2, 1, Duration::from_secs(3), begin);
        lines.heard(0, 10, begin);
        assert_eq!((lines.passed(), lines.deadline()), (1, Some(after(3))));
        lines.heard(0, 20, after(2));
        assert_eq!(lines.change(after(2)), None);
        let down = LineChange { line: 1, up: false };
        assert_eq!(lines.change(after(3)), Some(down));
        assert_eq!(lines.change(after(3)), None);
        assert_eq!((lines.passed(), lines.deadline()), (20, Some(after(5))));
        lines.heard(1, 15, after(4));
        let up = LineChange { line: 1, up: true };
        assert_eq!(lines.change(after(4)), Some(up));
        assert_eq!(lines.passed(), 15);
        // With no line at all, what was known counts.
        for change in [0, 1].map(|line| LineChange { line, up: false }) {
            assert_eq!(lines.change(after(9)), Some(change));
        }
        assert_eq!((lines.passed(), lines.deadline()), (20, None));
    }
}

//! One sample: a process of its own.
//!
//! It ends itself by an alarm if it takes too long: some peers can lose a
//! wake-up, and then wait for ever.

use crate::cores::{self, Distance};
use crate::figures::Figures;
use crate::harness::Line;
use crate::lines::{Workload, named};
use crate::load;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;
use std::{env, fmt};

/// A sample that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// What it says.
    pub figures: Figures,
    /// How long it took, by the operation, all that was not timed included.
    pub wall_ns: f64,
    /// Between what cores, if that matters.
    pub distance: Option<Distance>,
    /// The cores that other processes used meanwhile.
    pub others: f64,
}

/// What came of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It counts.
    Measured(Sample),
    /// The distance between the cores changed meanwhile.
    Moved,
    /// It did not end in time.
    Stalled,
    /// A check failed, or it crashed.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Measured(_) => "measured",
            Self::Moved => "moved",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
        })
    }
}

/// Takes a sample in this process and prints it.
fn take(line: &Line, side: usize, ops: u64, seconds: u32) {
    // SAFETY: no handler is set: the signal ends the process.
    unsafe { libc::alarm(seconds) };
    // A refusal is told of above the table.
    let awake = cores::Awake::keep();
    let distance = || {
        if line.two_cores {
            cores::round_trip()
        } else {
            0.0
        }
    };
    let before = distance();
    let others = load::Meter::start();
    let begin = Instant::now();
    let figures = (line.sides[side].run)(ops);
    let wall = begin.elapsed().as_nanos() as f64 / ops as f64;
    let others = others.cores_of_others(begin.elapsed());
    let after = distance();
    drop(awake);
    let tail = figures.tail.unwrap_or(-1.0);
    let rare = figures.rare.unwrap_or(-1.0);
    println!(
        "{} {tail} {rare} {wall} {before} {after} {others}",
        figures.typical
    );
}

/// Which sample: a side of a line of a workload.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The workload.
    pub workload: Workload,
    /// The line's number in it.
    pub line: usize,
    /// The side's number in that.
    pub side: usize,
}

impl Place {
    /// The same line's side `side`.
    #[must_use]
    pub fn at(self, side: usize) -> Self {
        Self { side, ..self }
    }
}

/// Lets a process take one.
///
/// # Panics
/// If this program cannot be started again.
#[must_use]
pub fn of(line: &Line, place: Place, ops: u64, seconds: u32) -> Outcome {
    let output = program(&[])
        .args(arguments(place, ops, seconds))
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("the sample's process was refused: {error}"));
    if !output.status.success() {
        return ended(output.status);
    }
    read(&String::from_utf8_lossy(&output.stdout), line.two_cores).unwrap_or(Outcome::Failed)
}

/// Instructions of the whole process, counted by valgrind; `None` if the sample
/// failed or there is no valgrind.
#[must_use]
pub fn instructions(place: Place, ops: u64) -> Option<u64> {
    under(
        &[
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
        ],
        place,
        ops,
        |line| line.split("Collected : ").nth(1),
    )
}

/// Allocations of the whole process, likewise.
#[must_use]
pub fn allocations(place: Place, ops: u64) -> Option<u64> {
    let tool = ["valgrind", "--tool=memcheck", "--undef-value-errors=no"];
    under(&tool, place, ops, |line| {
        line.split("total heap usage: ").nth(1)?.split(' ').next()
    })
}

/// What `tool` has counted, in the part of a line of its output that `find` gives.
fn under(
    tool: &[&str],
    place: Place,
    ops: u64,
    find: impl Fn(&str) -> Option<&str>,
) -> Option<u64> {
    let output = program(tool)
        .args(arguments(place, ops, 300))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(find)?.trim().replace(',', "");
    let count = count.parse().ok()?;
    output.status.success().then_some(count)
}

/// This program, run by `runner` if there is one.
fn program(runner: &[&str]) -> Command {
    let this = env::current_exe()
        .unwrap_or_else(|error| panic!("this program's own path is not to be had: {error}"));
    let Some((first, rest)) = runner.split_first() else {
        return Command::new(this);
    };
    let mut command = Command::new(first);
    command.args(rest).arg(this);
    command
}

/// What [`requested`] reads.
fn arguments(place: Place, ops: u64, seconds: u32) -> [String; 6] {
    [
        REQUEST.to_owned(),
        place.workload.name.to_owned(),
        place.line.to_string(),
        place.side.to_string(),
        ops.to_string(),
        seconds.to_string(),
    ]
}

/// The first argument of a process that is to take one sample.
const REQUEST: &str = "--sample";

/// Takes the sample that `args` ask for, if they do.
///
/// # Errors
/// A message that names the argument that is missing or wrong.
pub fn requested(args: &[String]) -> Option<Result<(), String>> {
    let (first, rest) = args.split_first()?;
    (first == REQUEST).then(|| {
        let number = |index: usize| {
            let arg = rest.get(index).map(String::as_str).unwrap_or_default();
            arg.parse::<u64>()
                .map_err(|_| format!("{REQUEST} needs a number, not '{arg}'"))
        };
        let name = rest.first().map(String::as_str).unwrap_or_default();
        let workload = named(name).ok_or_else(|| format!("there is no workload '{name}'"))?;
        let lines = (workload.lines)();
        let line = lines
            .get(number(1)? as usize)
            .ok_or("there is no such line")?;
        let side = number(2)? as usize;
        if side >= line.sides.len() {
            return Err(format!("'{}' has {} sides", line.name, line.sides.len()));
        }
        take(line, side, number(3)?.max(1), number(4)? as u32);
        Ok(())
    })
}

fn ended(status: ExitStatus) -> Outcome {
    use std::os::unix::process::ExitStatusExt;
    if status.signal() == Some(libc::SIGALRM) {
        Outcome::Stalled
    } else {
        Outcome::Failed
    }
}

fn read(text: &str, two_cores: bool) -> Option<Outcome> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let mut next = || numbers.next()?.ok();
    let (typical, tail, rare, wall_ns) = (next()?, next()?, next()?, next()?);
    let (before, after) = (Distance::of(next()?), Distance::of(next()?));
    let others = next()?;
    let figures = Figures {
        typical,
        tail: (tail >= 0.0).then_some(tail),
        rare: (rare >= 0.0).then_some(rare),
    };
    Some(if two_cores && before != after {
        Outcome::Moved
    } else {
        Outcome::Measured(Sample {
            figures,
            wall_ns,
            distance: two_cores.then_some(before),
            others,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_moved_does_not_count() {
        let at = |distance| {
            let figures = Figures {
                typical: 2.5,
                tail: None,
                rare: None,
            };
            Some(Outcome::Measured(Sample {
                figures,
                wall_ns: 3.0,
                distance,
                others: 0.5,
            }))
        };
        assert_eq!(
            read("2.5 -1 -1 3 100 110 0.5", true),
            at(Some(Distance::Near))
        );
        assert_eq!(read("2.5 -1 -1 3 100 700 0.5", true), Some(Outcome::Moved));
        assert_eq!(read("2.5 -1 -1 3 0 0 0.5", false), at(None));
        assert_eq!(read("2.5 -1 -1 3", false), None);
    }
}

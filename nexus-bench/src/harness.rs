//! Runs the lines of one bench program.
//!
//! The sides of a line take turns (A B C A B C ...), each sample a process of
//! its own. So what disturbs the machine disturbs all of them, and no side
//! finds a warm allocator or a trained branch predictor of another.

use crate::figures::Figures;
use crate::options::{Command, HELP, Options};
use crate::sample::{self, Outcome, Sample};
use crate::table::{self, Row};
use std::env;
use std::process::ExitCode;
use std::time::Duration;

/// One question and its answers.
#[derive(Debug)]
pub struct Line {
    /// What is measured.
    pub name: &'static str,
    /// Whether two cores take part: then their distance counts.
    pub two_cores: bool,
    /// Ours first: ratios are to it.
    pub sides: Vec<Side>,
}

impl Line {
    /// A line that uses one thread.
    #[must_use]
    pub fn one_thread(name: &'static str, sides: Vec<Side>) -> Self {
        Self {
            name,
            two_cores: false,
            sides,
        }
    }

    /// A line that uses threads on two cores.
    #[must_use]
    pub fn two_cores(name: &'static str, sides: Vec<Side>) -> Self {
        Self {
            name,
            two_cores: true,
            sides,
        }
    }

    fn matches(&self, filters: &[String]) -> bool {
        filters.is_empty() || filters.iter().any(|filter| self.name.contains(filter))
    }
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Who.
    pub name: &'static str,
    /// Does so many operations, checks them, and says how long they took.
    pub run: fn(u64) -> Figures,
    /// Known to stall or crash at times: then that is shown, and is no error.
    pub defective: bool,
}

impl Side {
    /// A side that has to work.
    #[must_use]
    pub fn new(name: &'static str, run: fn(u64) -> Figures) -> Self {
        Self {
            name,
            run,
            defective: false,
        }
    }

    /// A side of the published 0.7.0, which loses wake-ups.
    #[must_use]
    pub fn published(name: &'static str, run: fn(u64) -> Figures) -> Self {
        Self {
            name,
            run,
            defective: true,
        }
    }
}

/// The `main` of a bench program.
#[must_use]
pub fn run(lines: &[Line]) -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match Command::parse(&args) {
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Nothing) => ExitCode::SUCCESS,
        Ok(Command::Sample {
            line,
            side,
            ops,
            seconds,
        }) => {
            sample::take(&lines[line], side, ops, seconds);
            ExitCode::SUCCESS
        }
        Ok(Command::Check(filters)) => check(lines, &filters),
        Ok(Command::Measure(options)) => measure(lines, &options),
    }
}

/// Operations of a check.
const FEW: u64 = 200;
/// After so many seconds, a sample has stalled.
const PATIENCE: u32 = 20;

/// Others that use so many cores disturb a sample.
const DISTURBED: f64 = 0.2;

fn numbered<'a>(
    lines: &'a [Line],
    filters: &'a [String],
) -> impl Iterator<Item = (usize, &'a Line)> {
    lines
        .iter()
        .enumerate()
        .filter(move |(_, line)| line.matches(filters))
}

fn check(lines: &[Line], filters: &[String]) -> ExitCode {
    let mut wrong = 0;
    let mut right = 0;
    for (number, line) in numbered(lines, filters) {
        for (index, side) in line.sides.iter().enumerate() {
            match sample::of(line, number, index, FEW, PATIENCE) {
                Outcome::Measured(_) | Outcome::Moved => right += 1,
                outcome => {
                    println!("{}: {} {outcome}", line.name, side.name);
                    wrong += usize::from(!side.defective);
                }
            }
        }
    }
    println!("{right} sides checked, {wrong} wrong");
    ExitCode::from(u8::from(wrong > 0))
}

fn measure(lines: &[Line], options: &Options) -> ExitCode {
    if numbered(lines, &options.filters).next().is_none() {
        return ExitCode::SUCCESS;
    }
    let mut failed = false;
    table::print_head(options);
    for (number, line) in numbered(lines, &options.filters) {
        let rows = if options.instructions {
            count_line(line, number)
        } else {
            measure_line(line, number, options)
        };
        for row in &rows {
            failed |= row.ended_badly > 0 && !row.side.defective;
        }
        table::print_line(line, &rows);
    }
    ExitCode::from(u8::from(failed))
}

/// Instructions of an operation: the difference between few and more, divided.
fn count_line(line: &Line, number: usize) -> Vec<Row> {
    const OPS: u64 = 2_000;
    const TIMES: u64 = 6;
    if line.two_cores {
        return Vec::new();
    }
    let count = |(index, &side): (usize, &Side)| {
        let few = sample::instructions(number, index, OPS);
        let many = sample::instructions(number, index, OPS * TIMES);
        let each = few
            .zip(many)
            .map(|(few, many)| many.saturating_sub(few) as f64 / (OPS * (TIMES - 1)) as f64);
        let mut row = Row::new(side);
        match each {
            Some(typical) => row.measured.push(Sample {
                figures: Figures {
                    typical,
                    tail: None,
                    rare: None,
                },
                wall_ns: 0.0,
                distance: None,
                others: 0.0,
            }),
            None => row.ended_badly += 1,
        }
        row
    };
    line.sides.iter().enumerate().map(count).collect()
}

fn measure_line(line: &Line, number: usize, options: &Options) -> Vec<Row> {
    let mut rows: Vec<Row> = line.sides.iter().map(|&side| Row::new(side)).collect();
    let ops: Vec<u64> = (0..line.sides.len())
        .map(|side| suitable_ops(line, number, side, options.length))
        .collect();
    // Where cores move, some rounds are lost: so many more at most.
    let rounds = options.samples
        * match (options.undisturbed, line.two_cores) {
            (true, _) => 20,
            (false, true) => 2,
            (false, false) => 1,
        };
    for _ in 0..rounds {
        if rows
            .iter()
            .all(|row| row.ended_badly >= 2 || row.taken() >= options.samples)
        {
            break;
        }
        for (side, row) in rows.iter_mut().enumerate() {
            if row.ended_badly >= 2 || row.taken() >= options.samples {
                continue;
            }
            match sample::of(line, number, side, ops[side], PATIENCE) {
                Outcome::Measured(sample) if options.undisturbed && sample.others > DISTURBED => {}
                outcome => row.add(outcome),
            }
        }
    }
    rows
}

/// How many operations take about `length`, found by shorter samples; of two,
/// the faster one, as the other may have been disturbed.
fn suitable_ops(line: &Line, number: usize, side: usize, length: Duration) -> u64 {
    let mut ops = 1_000;
    for share in [10.0, 1.0] {
        let wall_ns = |_| match sample::of(line, number, side, ops, PATIENCE) {
            Outcome::Measured(sample) => Some(sample.wall_ns),
            _ => None,
        };
        let Some(fastest) = (0..2).filter_map(wall_ns).reduce(f64::min) else {
            return ops;
        };
        let suitable = length.as_nanos() as f64 / share / fastest.max(0.1);
        ops = (suitable as u64).clamp(FEW, 1 << 30);
    }
    ops
}

//! Runs the lines.
//!
//! The sides of a line take turns (A B C A B C ...), each sample a process of
//! its own. So what disturbs the machine disturbs all of them, and no side
//! finds a warm allocator or a trained branch predictor of another.

use crate::budget;
use crate::figures::Figures;
use crate::lines::{WORKLOADS, Workload};
use crate::options::Options;
use crate::report::{Report, Row};
use crate::sample::{self, Outcome, Place, Sample};
use clap::Parser as _;
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

/// The `main` of the program.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some(taken) = sample::requested(&args) {
        return told(taken);
    }
    let options = Options::parse();
    if options.budget || options.write_budget {
        return told(budget::run(&options));
    }
    measure(&options)
}

/// The `main` under `cargo bench`, which adds `--bench` to the options, and under
/// `cargo test`, whose options are those of the ordinary test harness.
#[must_use]
pub fn bench() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some(taken) = sample::requested(&args) {
        return told(taken);
    }
    if args.iter().any(|arg| arg == "--bench") {
        let rest = args.into_iter().filter(|arg| arg != "--bench");
        let name = ["nexus-bench".to_owned()];
        return measure(&Options::parse_from(name.into_iter().chain(rest)));
    }
    if args.iter().any(|arg| arg == "--ignored" || arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let filters: Vec<String> = args
        .into_iter()
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    check(&filters)
}

fn told(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Operations of a check.
const FEW: u64 = 200;
/// After so many seconds, a sample has stalled.
const PATIENCE: u32 = 20;

/// Others that use so many cores disturb a sample.
const DISTURBED: f64 = 0.2;

/// The lines of `workloads` that match, each with the place of its first side.
fn chosen(workloads: &[Workload], filters: &[String]) -> Vec<(Place, Line)> {
    let of = |&workload: &Workload| {
        let numbered = (workload.lines)().into_iter().enumerate();
        numbered.map(move |(line, content)| {
            let place = Place {
                workload,
                line,
                side: 0,
            };
            (place, content)
        })
    };
    workloads
        .iter()
        .flat_map(of)
        .filter(|(_, line)| line.matches(filters))
        .collect()
}

fn check(filters: &[String]) -> ExitCode {
    let mut wrong = 0;
    let mut right = 0;
    for (place, line) in chosen(&WORKLOADS, filters) {
        for (index, side) in line.sides.iter().enumerate() {
            match sample::of(&line, place.at(index), FEW, PATIENCE) {
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

fn measure(options: &Options) -> ExitCode {
    let lines = chosen(&options.workload.0, &options.filters);
    if lines.is_empty() {
        eprintln!("no line has a name that contains {:?}", options.filters);
        return ExitCode::from(2);
    }
    let mut failed = false;
    let mut report = Report::begin(options);
    for (place, line) in &lines {
        let rows = if options.instructions {
            count_line(line, *place)
        } else {
            measure_line(line, *place, options)
        };
        for row in &rows {
            failed |= row.ended_badly > 0 && !row.side.defective;
        }
        report.add(place.workload, line, &rows);
    }
    report.end();
    ExitCode::from(u8::from(failed))
}

/// An operation's share of what `count` counts for some operations, found by the
/// difference between few and more.
pub(crate) fn share(count: impl Fn(u64) -> Option<u64>) -> Option<f64> {
    const OPS: u64 = 2_000;
    const TIMES: u64 = 6;
    let few = count(OPS)?;
    let many = count(OPS * TIMES)?;
    Some(many.saturating_sub(few) as f64 / (OPS * (TIMES - 1)) as f64)
}

/// Instructions of an operation.
fn count_line(line: &Line, place: Place) -> Vec<Row> {
    if line.two_cores {
        return Vec::new();
    }
    let count = |(index, &side): (usize, &Side)| {
        let mut row = Row::new(side);
        match share(|ops| sample::instructions(place.at(index), ops)) {
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

fn measure_line(line: &Line, place: Place, options: &Options) -> Vec<Row> {
    let mut rows: Vec<Row> = line.sides.iter().map(|&side| Row::new(side)).collect();
    let ops: Vec<u64> = (0..line.sides.len())
        .map(|side| suitable_ops(line, place.at(side), options.length()))
        .collect();
    // Where cores move, some rounds are lost: so many more at most.
    let rounds = options.samples()
        * match (options.undisturbed, line.two_cores) {
            (true, _) => 20,
            (false, true) => 2,
            (false, false) => 1,
        };
    for _ in 0..rounds {
        if rows
            .iter()
            .all(|row| row.ended_badly >= 2 || row.taken() >= options.samples())
        {
            break;
        }
        for (side, row) in rows.iter_mut().enumerate() {
            if row.ended_badly >= 2 || row.taken() >= options.samples() {
                continue;
            }
            match sample::of(line, place.at(side), ops[side], PATIENCE) {
                Outcome::Measured(sample) if options.undisturbed && sample.others > DISTURBED => {}
                outcome => row.add(outcome),
            }
        }
    }
    rows
}

/// How many operations take about `length`, found by shorter samples; of two,
/// the faster one, as the other may have been disturbed.
fn suitable_ops(line: &Line, place: Place, length: Duration) -> u64 {
    let mut ops = 1_000;
    for share in [10.0, 1.0] {
        let wall_ns = |_| match sample::of(line, place, ops, PATIENCE) {
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

//! What an operation of ours may cost, in instructions and allocations, and what it does.
//!
//! The figures lie in `budget.txt` beside the package's manifest: a line for each line of
//! the tables that uses one thread and counts the same each time.

use crate::harness::{Line, share};
use crate::lines::named;
use crate::options::Options;
use crate::sample::{Place, allocations, instructions};
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// More than so much over its budget is too much.
const TOLERANCE: f64 = 1.02;

/// Allocations that a start spreads over the operations, and no more.
const STRAY: f64 = 0.01;

/// The line of the file that names the compiler: another one counts otherwise.
const MADE_WITH: &str = "# Made with ";

/// The compiler that is run here.
fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.map_err(|error| format!("rustc --version: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What an operation costs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

/// One line of the file.
#[derive(Debug, PartialEq)]
struct Budget {
    workload: String,
    line: String,
    cost: Cost,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\t{}\t{:.1}\t{:.2}",
            self.workload, self.line, self.cost.instructions, self.cost.allocations
        )
    }
}

fn parse(text: &str) -> Result<Vec<Budget>, String> {
    let content = (1..).zip(text.lines());
    content
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let wrong = || format!("budget.txt, line {number}: {line}");
            let mut cells = line.split('\t');
            let mut next = || cells.next().ok_or_else(wrong);
            let (workload, name) = (next()?.to_owned(), next()?.to_owned());
            let mut figure = || next()?.parse().map_err(|_| wrong());
            Ok(Budget {
                workload,
                line: name,
                cost: Cost {
                    instructions: figure()?,
                    allocations: figure()?,
                },
            })
        })
        .collect()
}

/// Why a cost is over its budget, if it is.
fn excess(budget: Cost, now: Cost) -> Option<String> {
    if now.instructions > budget.instructions * TOLERANCE {
        let over = (now.instructions / budget.instructions - 1.0) * 100.0;
        return Some(format!("{over:.1} % more instructions"));
    }
    (now.allocations > budget.allocations + STRAY).then(|| "more allocations".to_owned())
}

/// Our cost, on the first side of a line.
fn count(place: Place) -> Result<Cost, String> {
    let counted = share(|ops| instructions(place, ops)).zip(share(|ops| allocations(place, ops)));
    let (instructions, allocations) =
        counted.ok_or("nothing was counted: is valgrind installed?")?;
    Ok(Cost {
        instructions,
        allocations,
    })
}

/// Compares with the file, or prints what it has to be.
///
/// # Errors
/// The lines that cost more than they may; or what is wrong with the file.
pub fn run(options: &Options) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("budget.txt");
    let text = fs::read_to_string(&path).map_err(|error| format!("budget.txt: {error}"))?;
    let mut over = Vec::new();
    if options.write_budget {
        let comments = text.lines().take_while(|line| line.starts_with('#'));
        for line in comments.filter(|line| !line.starts_with(MADE_WITH)) {
            println!("{line}");
        }
        println!("{MADE_WITH}{}", compiler()?);
    } else {
        println!("| line | instructions | budget | allocations | budget |\n|---|---|---|---|---|");
    }
    for budget in parse(&text)? {
        let unknown = || format!("budget.txt: there is no line '{}'", budget.line);
        let workload = named(&budget.workload).ok_or_else(unknown)?;
        let lines: Vec<Line> = (workload.lines)();
        let line = lines
            .iter()
            .position(|line| line.name == budget.line)
            .ok_or_else(unknown)?;
        let place = Place {
            workload,
            line,
            side: 0,
        };
        let now = count(place)?;
        if options.write_budget {
            println!(
                "{}",
                Budget {
                    cost: now,
                    ..budget
                }
            );
            continue;
        }
        println!(
            "| {} | {:.1} | {:.1} | {:.2} | {:.2} |",
            budget.line,
            now.instructions,
            budget.cost.instructions,
            now.allocations,
            budget.cost.allocations
        );
        over.extend(excess(budget.cost, now).map(|why| format!("{}: {why}", budget.line)));
    }
    if over.is_empty() {
        Ok(())
    } else {
        Err(format!("over the budget:\n{}", over.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(instructions: f64, allocations: f64) -> Cost {
        Cost {
            instructions,
            allocations,
        }
    }

    #[test]
    fn two_percent_are_within_the_budget_and_an_allocation_is_not() {
        let budget = cost(100.0, 0.0);
        assert_eq!(excess(budget, cost(101.9, 0.005)), None);
        assert_eq!(excess(budget, cost(40.0, 0.0)), None);
        assert!(excess(budget, cost(102.1, 0.0)).is_some_and(|why| why.contains("2.1 %")));
        assert!(excess(budget, cost(90.0, 1.0)).is_some());
    }

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let written = "spawn\tspawn and join, slab\t324.1\t0.00";
        let read = parse(&format!("# comment\n{written}\n")).unwrap();
        assert_eq!(read[0].to_string(), written);
        assert!(parse("spawn\tx\t1").is_err_and(|error| error.contains("line 1")));
        assert!(parse("spawn\tx\tmany\t0").is_err());
    }

    #[test]
    fn every_budget_is_for_a_line_that_uses_one_thread() {
        let text = include_str!("../budget.txt");
        let budgets = parse(text).unwrap();
        assert!(budgets.len() > 8, "only {} budgets", budgets.len());
        for budget in budgets {
            let lines = (named(&budget.workload).unwrap().lines)();
            let line = lines.iter().find(|line| line.name == budget.line);
            assert!(line.is_some_and(|line| !line.two_cores), "{budget}");
        }
    }
}

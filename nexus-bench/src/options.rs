//! The command line.

use crate::lines::{WORKLOADS, Workload, named};
use clap::builder::RangedU64ValueParser;
use clap::{ArgGroup, Parser};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  nexus-bench                      everything
  nexus-bench typed                one workload
  nexus-bench typed \"spsc, awaited\" --quick
      lines of it with a name that contains this, three short samples a side
  nexus-bench --instructions spawn
      instructions an operation, of lines that use one thread
  nexus-bench --budget
      our own instructions and allocations against the stored ones

Exit code: 0; 1 if a side failed, or a budget is exceeded; 2 for wrong usage.";

/// Measures nexus-async-rt against its peers.
///
/// The sides of a line take turns, each sample a process of its own. A Markdown table
/// goes to stdout: the median, by how much ours is better, and the spread.
#[derive(Clone, Debug, Parser, PartialEq)]
#[command(name = "nexus-bench", version, after_help = EXAMPLES)]
#[command(group = ArgGroup::new("unit").args(["instructions", "budget", "write_budget"]))]
pub struct Options {
    /// A workload, or `all`
    #[arg(value_name = "WORKLOAD", default_value = "all", value_parser = workload, long_help = workloads())]
    pub workload: Chosen,

    /// Lines with a name that contains one of these
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// Samples a side
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = at_least_one())]
    pub samples: u64,

    /// Length of a sample in milliseconds
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = at_least_one())]
    pub millis: u64,

    /// 3 samples of 50 ms
    #[arg(long, conflicts_with_all = ["samples", "millis"])]
    pub quick: bool,

    /// Drop samples during which other processes were busy, and try again, for some
    /// time; for a machine that is shared
    #[arg(long)]
    pub undisturbed: bool,

    /// Count instructions with valgrind in place of time; lines that use one thread
    #[arg(long)]
    pub instructions: bool,

    /// Compare our instructions and allocations with budget.txt; more than 2 % over fails
    #[arg(long)]
    pub budget: bool,

    /// Print what budget.txt has to be for this build
    #[arg(long)]
    pub write_budget: bool,

    /// Print JSON in place of the table
    #[arg(long, conflicts_with_all = ["budget", "write_budget"])]
    pub json: bool,
}

/// The workloads that were asked for.
#[derive(Clone, Debug)]
pub struct Chosen(pub Vec<Workload>);

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        let names = |chosen: &Self| -> Vec<&str> { chosen.0.iter().map(|w| w.name).collect() };
        names(self) == names(other)
    }
}

fn workload(name: &str) -> Result<Chosen, String> {
    if name == "all" {
        return Ok(Chosen(WORKLOADS.to_vec()));
    }
    named(name)
        .map(|workload| Chosen(vec![workload]))
        .ok_or_else(|| {
            let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
            format!("there are {} and all", names.join(", "))
        })
}

fn workloads() -> String {
    let mut text = "A workload, or `all`:\n".to_owned();
    for workload in WORKLOADS {
        text += &format!("  {:<10}{}\n", workload.name, workload.about);
    }
    text
}

fn at_least_one() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..)
}

impl Options {
    /// Samples of a side.
    #[must_use]
    pub fn samples(&self) -> usize {
        if self.quick { 3 } else { self.samples as usize }
    }

    /// How long a sample should take.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_millis(if self.quick { 50 } else { self.millis })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Options, String> {
        let args = ["nexus-bench"].into_iter().chain(line.split_whitespace());
        Options::try_parse_from(args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_holds() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_workload_comes_before_its_filters() {
        let options = parse("typed spsc mpsc --quick").unwrap();
        assert_eq!(options.workload, workload("typed").unwrap());
        assert_eq!(options.filters, ["spsc", "mpsc"]);
        assert_eq!((options.samples(), options.length().as_millis()), (3, 50));
        assert_eq!(parse("").unwrap().workload.0.len(), WORKLOADS.len());
        assert_eq!(parse("--samples 9").unwrap().samples(), 9);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_there_is() {
        let error = |line| parse(line).unwrap_err();
        assert!(error("typo").contains("'typo'") && error("typo").contains("dispatch, spawn"));
        assert!(error("--sampels 3").contains("--sampels"));
        assert!(error("--samples 0").contains('0'));
        assert!(error("--budget --json").contains("--json"));
    }
}

//! The printed result: a table in Markdown, or JSON.

use crate::cores::{self, Distance};
use crate::figures::{Figures, Spread};
use crate::harness::{Line, Side};
use crate::lines::Workload;
use crate::options::Options;
use crate::sample::{Outcome, Sample};
use serde_json::{Value, json};
use std::fs;

/// All samples of one side.
#[derive(Debug)]
pub struct Row {
    /// Whose.
    pub side: Side,
    /// Those that count.
    pub measured: Vec<Sample>,
    /// Those that did not end well.
    pub ended_badly: usize,
    /// How the last of these ended.
    bad: Option<Outcome>,
}

impl Row {
    /// Without samples.
    #[must_use]
    pub fn new(side: Side) -> Self {
        Self {
            side,
            measured: Vec::new(),
            ended_badly: 0,
            bad: None,
        }
    }

    /// Takes a sample in.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Measured(sample) => self.measured.push(sample),
            Outcome::Moved => {}
            Outcome::Stalled | Outcome::Failed => {
                self.ended_badly += 1;
                self.bad = Some(outcome);
            }
        }
    }

    /// Samples that need no repetition.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.measured.len() + self.ended_badly
    }

    fn spread(
        &self,
        class: Option<Distance>,
        of: impl Fn(&Figures) -> Option<f64>,
    ) -> Option<Spread> {
        let in_class = self.measured.iter().filter(|s| s.distance == class);
        Spread::of(in_class.filter_map(|s| of(&s.figures)).collect())
    }

    fn typical(&self, class: Option<Distance>) -> Option<Spread> {
        self.spread(class, |figures| Some(figures.typical))
    }
}

/// On what machine.
#[derive(Debug)]
struct Machine {
    cores: usize,
    model: String,
    /// The family of the processor, as the OS numbers them.
    family: String,
    kernel: String,
    load: String,
}

impl Machine {
    fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let all = |key: &str| -> Vec<String> {
            let values = cpus.lines().filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                (name.trim() == key).then(|| value.trim().to_owned())
            });
            values.collect()
        };
        let first = |key| all(key).into_iter().next().unwrap_or_else(|| "?".into());
        Self {
            cores: all("model name").len(),
            model: first("model name"),
            family: first("cpu family"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or("?")
                .into(),
        }
    }
}

/// The result, as it is printed.
#[derive(Debug)]
pub struct Report {
    machine: Machine,
    unit: &'static str,
    /// The lines so far, if JSON is wanted in place of a table.
    json: Option<Vec<Value>>,
}

impl Report {
    /// Says on what machine, and begins the table.
    #[must_use]
    pub fn begin(options: &Options) -> Self {
        let unit = if options.instructions {
            "instructions"
        } else {
            "ns"
        };
        let machine = Machine::here();
        if !options.json {
            print_head(&machine, unit);
        }
        Self {
            machine,
            unit,
            json: options.json.then(Vec::new),
        }
    }

    /// Adds a line, once for each distance at which it was measured.
    pub fn add(&mut self, workload: Workload, line: &Line, rows: &[Row]) {
        match &mut self.json {
            Some(lines) => lines.extend(values(workload, line, rows)),
            None => print_line(line, rows),
        }
    }

    /// Prints what has not been printed.
    pub fn end(self) {
        let Some(lines) = self.json else { return };
        let machine = self.machine;
        let report = json!({
            "machine": {
                "cores": machine.cores,
                "model": machine.model,
                "family": machine.family,
                "kernel": machine.kernel,
                "load": machine.load,
            },
            "unit": self.unit,
            "results": lines,
        });
        println!("{report:#}");
    }
}

fn print_head(machine: &Machine, unit: &str) {
    println!(
        "\n{} x {} (family {}), Linux {}, load {}",
        machine.cores, machine.model, machine.family, machine.kernel, machine.load,
    );
    match cores::Awake::keep() {
        Ok(_) => println!("Idle cores poll."),
        Err(error) => println!("Idle cores sleep: {}: {error}.", cores::Awake::REQUEST),
    }
    println!(
        "\n| line | side | {unit} | ours is better by | least to most | p99 | p99.9 | samples |"
    );
    println!("|---|---|---|---|---|---|---|---|");
}

/// One value for each side at each distance at which it was measured.
fn values(workload: Workload, line: &Line, rows: &[Row]) -> Vec<Value> {
    let classes = [None, Some(Distance::Near), Some(Distance::Far)];
    let mut values = Vec::new();
    for row in rows {
        for class in classes {
            let Some(spread) = row.typical(class) else {
                continue;
            };
            let median = |of: fn(&Figures) -> Option<f64>| row.spread(class, of).map(|s| s.median);
            values.push(json!({
                "workload": workload.name,
                "line": line.name,
                "side": row.side.name,
                "cores": class.map(Distance::name),
                "median": spread.median,
                "least": spread.min,
                "most": spread.max,
                "p99": median(|figures| figures.tail),
                "p99.9": median(|figures| figures.rare),
                "samples": row.measured.iter().filter(|s| s.distance == class).count(),
                "ended_badly": row.ended_badly,
            }));
        }
    }
    values
}

fn print_line(line: &Line, rows: &[Row]) {
    let classes: &[Option<Distance>] = if line.two_cores {
        &[Some(Distance::Near), Some(Distance::Far)]
    } else {
        &[None]
    };
    let mut printed = false;
    for &class in classes {
        if rows.iter().any(|row| row.typical(class).is_some()) {
            print_class(line, rows, class);
            printed = true;
        }
    }
    if !printed {
        for row in rows {
            println!(
                "| {} | {} | {} | | | | | 0 |",
                line.name,
                row.side.name,
                how_bad(row)
            );
        }
    }
}

fn print_class(line: &Line, rows: &[Row], class: Option<Distance>) {
    let ours = rows.first().and_then(|row| row.typical(class));
    for row in rows {
        let mut name = line.name.to_owned();
        if let Some(class) = class {
            name = format!("{name}, {}", class.name());
        }
        let Some(spread) = row.typical(class) else {
            println!(
                "| {name} | {} | {} | | | | | 0 |",
                row.side.name,
                how_bad(row)
            );
            continue;
        };
        let median = |of: fn(&Figures) -> Option<f64>| {
            let spread = row.spread(class, of);
            spread
                .map(|spread| number(spread.median))
                .unwrap_or_default()
        };
        let ratio = ours
            .filter(|_| !std::ptr::eq(row, &raw const rows[0]))
            .map(|ours| format!("{:.2}", spread.median / ours.median));
        let count = row.measured.iter().filter(|s| s.distance == class).count();
        println!(
            "| {name} | {}{} | {} | {} | {} to {} | {} | {} | {count} |",
            row.side.name,
            row.bad
                .map(|bad| format!(" ({bad} at times)"))
                .unwrap_or_default(),
            number(spread.median),
            ratio.unwrap_or_default(),
            number(spread.min),
            number(spread.max),
            median(|figures| figures.tail),
            median(|figures| figures.rare),
        );
    }
}

fn how_bad(row: &Row) -> String {
    row.bad
        .map_or_else(|| "none".to_owned(), |bad| bad.to_string())
}

/// Three digits that say something.
fn number(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(number(1.234), "1.23");
        assert_eq!(number(9.999), "10.0");
        assert_eq!(number(99.96), "100");
        assert_eq!(number(1234.5), "1234");
    }

    #[test]
    fn classes_are_kept_apart() {
        let sample = |typical, distance| {
            Outcome::Measured(Sample {
                figures: Figures {
                    typical,
                    tail: None,
                    rare: None,
                },
                wall_ns: typical,
                distance: Some(distance),
                others: 0.0,
            })
        };
        let mut row = Row::new(Side::new("one", |_| unreachable!("not run")));
        row.add(sample(1.0, Distance::Near));
        row.add(sample(9.0, Distance::Far));
        row.add(Outcome::Moved);
        row.add(Outcome::Stalled);
        assert_eq!(row.typical(Some(Distance::Near)).map(|s| s.max), Some(1.0));
        assert_eq!(row.typical(Some(Distance::Far)).map(|s| s.min), Some(9.0));
        assert_eq!((row.taken(), row.ended_badly), (3, 1));
    }
}

//! The command line.

use std::time::Duration;

/// What a bench program was asked to do.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Measure and print the table.
    Measure(Options),
    /// Run each side of each line that matches once, for its checks.
    Check(Vec<String>),
    /// Take one sample in this process.
    Sample {
        /// The line's number.
        line: usize,
        /// The side's number in it.
        side: usize,
        /// Operations.
        ops: u64,
        /// The process ends itself after so many seconds.
        seconds: u32,
    },
    /// Nothing: a test runner's question about ignored tests, or for a list.
    Nothing,
    /// Say how to use it.
    Help,
}

/// How to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Lines with a name that contains one of these; all if there are none.
    pub filters: Vec<String>,
    /// Samples a side.
    pub samples: usize,
    /// How long a sample should take.
    pub length: Duration,
    /// Take only samples during which other processes left the cores alone.
    pub undisturbed: bool,
    /// Count instructions under valgrind instead of measuring time.
    pub instructions: bool,
}

/// What `--help` prints.
pub const HELP: &str = "\
Usage: cargo bench -p nexus-bench [--bench NAME] -- [FILTER ...] [OPTIONS]

  FILTER           lines whose name contains it (any of them)
  --samples N      samples a side (7)
  --millis N       length of a sample (200)
  --quick          3 samples of 50 ms
  --undisturbed    drop samples during which other processes were busy, and try
                   again, for some time; for a machine that is shared
  --instructions   instructions an operation, counted by valgrind, instead of
                   time; lines that use one thread only
";

impl Command {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    /// A message that names the argument.
    pub fn parse(args: &[String]) -> Result<Self, String> {
        if args.first().is_some_and(|arg| arg == "--sample") {
            return sample(&args[1..]);
        }
        let bench = args.iter().any(|arg| arg == "--bench");
        let mut options = Options {
            filters: Vec::new(),
            samples: 7,
            length: Duration::from_millis(200),
            undisturbed: false,
            instructions: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--ignored" | "--list" if !bench => return Ok(Self::Nothing),
                "--help" => return Ok(Self::Help),
                "--bench" => {}
                "--quick" => (options.samples, options.length) = (3, Duration::from_millis(50)),
                "--undisturbed" => options.undisturbed = true,
                "--instructions" => options.instructions = true,
                "--samples" => options.samples = number(arg, args.next())?,
                "--millis" => {
                    options.length = Duration::from_millis(number::<u64>(arg, args.next())?);
                }
                // Those of the ordinary test harness say nothing to us.
                other if other.starts_with('-') && !bench => {}
                other if other.starts_with('-') => {
                    return Err(format!("`{other}` is not known; see --help"));
                }
                filter => options.filters.push(filter.to_owned()),
            }
        }
        Ok(if bench {
            Self::Measure(options)
        } else {
            Self::Check(options.filters)
        })
    }
}

fn sample(args: &[String]) -> Result<Command, String> {
    let arg = |index: usize| number("--sample", args.get(index));
    Ok(Command::Sample {
        line: arg(0)?,
        side: arg(1)?,
        ops: number("--sample", args.get(2))?,
        seconds: number("--sample", args.get(3))?,
    })
}

fn number<N: std::str::FromStr + PartialOrd + Default>(
    option: &str,
    value: Option<&String>,
) -> Result<N, String> {
    let value = value.ok_or_else(|| format!("`{option}` needs a number"))?;
    value
        .parse()
        .map_err(|_| format!("`{option}` needs a number, not `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Command::parse(&args)
    }

    #[test]
    fn measures_only_if_cargo_bench_says_so() {
        let options = |line| match parse(line) {
            Ok(Command::Measure(options)) => options,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(options("--bench spsc mpsc").filters, ["spsc", "mpsc"]);
        assert_eq!(options("--quick --bench").samples, 3);
        assert_eq!(options("--bench --samples 9").samples, 9);
        assert_eq!(parse(""), Ok(Command::Check(Vec::new())));
        assert_eq!(parse("--nocapture x"), Ok(Command::Check(vec!["x".into()])));
        assert_eq!(parse("--ignored stress"), Ok(Command::Nothing));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(parse("--bench --sampels 3").is_err_and(|e| e.contains("`--sampels`")));
        assert!(parse("--bench --samples x").is_err_and(|e| e.contains("`x`")));
        assert!(parse("--bench --samples").is_err_and(|e| e.contains("needs a number")));
    }
}

//! `nexus-bench`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nexus_bench::harness::main()
}

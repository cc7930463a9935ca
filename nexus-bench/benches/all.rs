//! `cargo bench` measures everything as `nexus-bench` does, with the same options;
//! `cargo test` runs each side of each line once with few operations, for its checks.

use std::process::ExitCode;

fn main() -> ExitCode {
    nexus_bench::harness::bench()
}

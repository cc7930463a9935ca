//! Waking a parked runtime from another thread.

use nexus_bench::harness::{Line, Side, run};
use nexus_bench::peers::{ours, published, smol::Smol, tokio::Tokio};
use nexus_bench::workload::foreign::{root, task};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut of_root = vec![
        Side::new("ours", root::<ours::Boxed>),
        Side::published("published 0.7.0", root::<published::Boxed>),
        Side::new("tokio LocalSet", root::<Tokio>),
        Side::new("smol LocalExecutor", root::<Smol>),
    ];
    if cfg!(target_os = "linux") {
        #[cfg(target_os = "linux")]
        of_root.push(Side::new(
            "limit: eventfd",
            nexus_bench::workload::foreign::eventfd,
        ));
    }
    let of_task = vec![
        Side::new("ours", task::<ours::Boxed>),
        Side::new("tokio LocalSet", task::<Tokio>),
        Side::new("smol LocalExecutor", task::<Smol>),
    ];
    run(&[
        Line::two_cores("foreign wake, parked, root", of_root),
        Line::two_cores("foreign wake, parked, task", of_task),
    ])
}

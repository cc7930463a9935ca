//! Waking a runtime from another thread, parked or not.

use crate::harness::{Line, Side};
use crate::peers::tokio::{Tokio, TokioSpinning};
use crate::peers::{ours, published, smol::Smol};
use crate::workload::foreign::{flag, root, task};

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    let mut of_root = vec![
        Side::new("ours", root::<ours::Boxed>),
        Side::published("published 0.7.0", root::<published::Boxed>),
        Side::new("tokio LocalSet", root::<Tokio>),
        Side::new("smol LocalExecutor", root::<Smol>),
    ];
    if cfg!(target_os = "linux") {
        #[cfg(target_os = "linux")]
        of_root.extend([
            Side::new("limit: eventfd", crate::workload::foreign::eventfd),
            Side::new("limit: futex", crate::workload::foreign::futex),
        ]);
    }
    let of_task = vec![
        Side::new("ours", task::<ours::Boxed>),
        Side::new("tokio LocalSet", task::<Tokio>),
        Side::new("smol LocalExecutor", task::<Smol>),
    ];
    // All of these take the whole core.
    let of_spinning = vec![
        Side::new("ours, block_on_busy", task::<ours::Busy>),
        Side::new("tokio LocalSet, spinning", task::<TokioSpinning>),
        Side::new("limit: a flag", flag),
    ];
    vec![
        Line::two_cores("foreign wake, parked, root", of_root),
        Line::two_cores("foreign wake, parked, task", of_task),
        Line::two_cores("foreign wake, spinning, task", of_spinning),
    ]
}

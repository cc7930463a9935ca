//! Timers.

use crate::figures::Figures;
use crate::harness::{Line, Side};
use crate::peers::async_io::AsyncIo;
use crate::peers::{Clock, Limit, monoio::Monoio, ours, published, tokio::Tokio};
use crate::workload::timers::{busy_lateness, churn, lateness, limited};

/// Timers made, polled and dropped beside so many others.
fn churned<C: Clock, const ALIVE: u64>(ops: u64) -> Figures {
    churn::<C>(ops, ALIVE)
}

fn churns<const ALIVE: u64>(name: &'static str) -> Line {
    Line::one_thread(
        name,
        vec![
            Side::new("ours", churned::<ours::Boxed, ALIVE>),
            Side::new("ours, sleep_until", churned::<ours::FromTurn, ALIVE>),
            Side::published("published 0.7.0", churned::<published::Boxed, ALIVE>),
            Side::new("tokio", churned::<Tokio, ALIVE>),
            Side::new("monoio", churned::<Monoio, ALIVE>),
            Side::new("async-io", churned::<AsyncIo, ALIVE>),
        ],
    )
}

fn limited_ready<C: Limit>(ops: u64) -> Figures {
    limited::<C>(ops, false)
}

fn limited_waiting<C: Limit>(ops: u64) -> Figures {
    limited::<C>(ops, true)
}

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    let mut late = vec![
        Side::new("ours", lateness::<ours::Boxed>),
        Side::new("ours, spin(100 µs)", lateness::<ours::Spinning>),
        Side::published("published 0.7.0", lateness::<published::Boxed>),
        Side::new("tokio", lateness::<Tokio>),
        Side::new("monoio", lateness::<Monoio>),
        Side::new("async-io", lateness::<AsyncIo>),
    ];
    if cfg!(target_os = "linux") {
        #[cfg(target_os = "linux")]
        late.push(Side::new(
            "limit: timerfd",
            crate::workload::timers::timerfd,
        ));
    }
    vec![
        churns::<0>("timer made, polled, dropped"),
        churns::<10_000>("the same beside 10,000"),
        churns::<1_000_000>("the same beside 1,000,000"),
        Line::one_thread(
            "timeout, future is ready",
            vec![
                Side::new("ours", limited_ready::<ours::Boxed>),
                Side::new("ours, timeout_at", limited_ready::<ours::FromTurn>),
                Side::published("published 0.7.0", limited_ready::<published::Boxed>),
                Side::new("tokio", limited_ready::<Tokio>),
                Side::new("monoio", limited_ready::<Monoio>),
            ],
        ),
        Line::one_thread(
            "timeout, future waits for a turn",
            vec![
                Side::new("ours", limited_waiting::<ours::Boxed>),
                Side::new("ours, timeout_at", limited_waiting::<ours::FromTurn>),
                Side::published("published 0.7.0", limited_waiting::<published::Boxed>),
                Side::new("tokio", limited_waiting::<Tokio>),
                Side::new("monoio", limited_waiting::<Monoio>),
            ],
        ),
        Line::one_thread("sleep of 1 ms, late by", late),
        // Neither the published crate nor monoio ever fires a timer there.
        Line::one_thread(
            "sleep of 1 ms beside a busy task, late by",
            vec![
                Side::new("ours", busy_lateness::<ours::Boxed>),
                Side::new("tokio", busy_lateness::<Tokio>),
                Side::new("async-io", busy_lateness::<AsyncIo>),
            ],
        ),
    ]
}

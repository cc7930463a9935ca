//! TCP echo over the loopback, 64 bytes a message.

use crate::harness::{Line, Side};
use crate::peers::{async_io::AsyncIo, limit::Threads};
use crate::peers::{monoio::Monoio, ours, published, tokio::TokioIo};
use crate::workload::echo::{latency, rate};

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::two_cores(
            "TCP echo, 1 connection, one by one",
            vec![
                Side::new("ours", latency::<ours::Boxed>),
                Side::published("published 0.7.0", latency::<published::Boxed>),
                Side::new("tokio LocalSet", latency::<TokioIo>),
                Side::new("monoio", latency::<Monoio>),
                Side::new("smol async-io", latency::<AsyncIo>),
                Side::new("limit: blocking threads", latency::<Threads>),
            ],
        ),
        Line::two_cores(
            "TCP echo, 10 connections",
            vec![
                Side::new("ours", rate::<ours::Boxed, 10>),
                Side::published("published 0.7.0", rate::<published::Boxed, 10>),
                Side::new("tokio LocalSet", rate::<TokioIo, 10>),
                Side::new("monoio", rate::<Monoio, 10>),
                Side::new("smol async-io", rate::<AsyncIo, 10>),
                Side::new("limit: blocking threads", rate::<Threads, 10>),
            ],
        ),
        Line::two_cores(
            "TCP echo, 100 connections",
            vec![
                Side::new("ours", rate::<ours::Boxed, 100>),
                Side::published("published 0.7.0", rate::<published::Boxed, 100>),
                Side::new("tokio LocalSet", rate::<TokioIo, 100>),
                Side::new("monoio", rate::<Monoio, 100>),
                Side::new("smol async-io", rate::<AsyncIo, 100>),
                Side::new("limit: blocking threads", rate::<Threads, 100>),
            ],
        ),
    ]
}

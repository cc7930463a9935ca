//! The lines: which sides answer which question, one file a workload.

mod bytes;
mod dispatch;
mod echo;
mod foreign;
mod growth;
mod local;
mod spawn;
mod timers;
mod typed;

use crate::harness::Line;

/// Lines that are measured together.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it measures, for the help.
    pub about: &'static str,
    /// Its lines.
    pub lines: fn() -> Vec<Line>,
}

/// All of them, in the order of the tables.
pub const WORKLOADS: [Workload; 9] = [
    Workload {
        name: "dispatch",
        about: "polling tasks that wake themselves; a handler of the World",
        lines: dispatch::lines,
    },
    Workload {
        name: "spawn",
        about: "spawning and joining, boxed and in the slab",
        lines: spawn::lines,
    },
    Workload {
        name: "local",
        about: "the channel of one thread",
        lines: local::lines,
    },
    Workload {
        name: "typed",
        about: "u64 between threads, awaited and spinning",
        lines: typed::lines,
    },
    Workload {
        name: "bytes",
        about: "messages of 64 and 1500 bytes between threads",
        lines: bytes::lines,
    },
    Workload {
        name: "foreign",
        about: "from a wake on another thread to the run of the task",
        lines: foreign::lines,
    },
    Workload {
        name: "echo",
        about: "a TCP server on the loopback",
        lines: echo::lines,
    },
    Workload {
        name: "timers",
        about: "timers, timeouts, and how late a sleep is",
        lines: timers::lines,
    },
    Workload {
        name: "growth",
        about: "how costs grow with tasks, channels, sockets, capacity and length",
        lines: growth::lines,
    },
];

/// The workload called `name`.
#[must_use]
pub fn named(name: &str) -> Option<Workload> {
    WORKLOADS.into_iter().find(|workload| workload.name == name)
}

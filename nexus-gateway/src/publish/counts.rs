//! What a feed has done.

use serde_json::{Value, json};
use std::cell::Cell;
use std::fmt;

/// Counts, shared by the tasks of one thread.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections taken.
    pub(super) connections: Cell<u64>,
    /// Subscribers that logged in.
    pub(super) logins: Cell<u64>,
    /// Subscribers that were sent everything.
    pub(super) finished: Cell<u64>,
    /// Connections dropped with an error.
    pub(super) dropped: Cell<u64>,
    /// Packets sent by themselves, to all receivers together.
    pub(super) packets: Cell<u64>,
    /// Packets lost on purpose.
    pub(super) lost: Cell<u64>,
    /// Requests answered.
    pub(super) answers: Cell<u64>,
    /// Requests that could not be: none, or for what there is not.
    pub(super) refused: Cell<u64>,
}

/// One more.
pub(super) fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Counts {
    /// The same for programs; `end` says how it ended.
    pub(super) fn json(&self, end: &str) -> Value {
        json!({
            "end": end,
            "connections": self.connections.get(),
            "logins": self.logins.get(),
            "finished": self.finished.get(),
            "dropped": self.dropped.get(),
            "packets": self.packets.get(),
            "lost_on_purpose": self.lost.get(),
            "answers": self.answers.get(),
            "refused": self.refused.get(),
        })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connections, {} logged in, {} sent everything, {} dropped\n  \
             UDP: {} packets, {} requests answered, {} refused, {} lost on purpose",
            self.connections.get(),
            self.logins.get(),
            self.finished.get(),
            self.dropped.get(),
            self.packets.get(),
            self.answers.get(),
            self.refused.get(),
            self.lost.get(),
        )
    }
}

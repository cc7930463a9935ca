//! Time: what the clock of a runtime shows, and which timers are due.
//!
//! Knows no loop, no task and no future. A future that waits holds an [`Entry`], which
//! is linked into the [`Timers`] of its runtime. The loop asks them once a turn.
//!
//! | file | what |
//! |---|---|
//! | `clock` | the time: the system's, paused, or shifted |
//! | `entry` | one timer, which lies in the future that waits for it |
//! | `wheel` | all timers of a runtime, by their deadlines |

mod clock;
mod entry;
mod wheel;

pub use clock::ClockHold;
pub(crate) use entry::{Entry, Phase};
pub(crate) use wheel::Timers;

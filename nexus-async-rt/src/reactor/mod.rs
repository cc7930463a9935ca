//! What the OS knows: where an idle runtime sleeps, and which descriptors are ready.
//!
//! Knows no loop, no task and no socket. A runtime has one [`Poller`], and one table of
//! [`Watches`], to which the poller reports. A descriptor is watched for the sides that
//! an operation had to wait for; futures wait in the list of a side.
//!
//! | file | what |
//! |---|---|
//! | `poller` | asks the OS, and sleeps there |
//! | `watch` | one descriptor: what is known of its sides, and what waits there |
//! | `watches` | all descriptors of a runtime; `no_watches`, of a build without sockets |
//! | `refused` | what the OS refused when a runtime was made |

mod poller;
mod refused;
#[cfg(feature = "net")]
mod watch;
#[cfg(feature = "net")]
mod watches;
#[cfg(not(feature = "net"))]
#[path = "no_watches.rs"]
mod watches;

pub(crate) use poller::Poller;
pub(crate) use refused::refused;
pub(crate) use watches::Watches;
#[cfg(feature = "net")]
pub(crate) use {
    watch::{BOTH, Side, Waiters, Watch, attempt},
    watches::gone,
};

//! Feed and gateway as two processes, over the loopback, through faults.
//!
//! | module | concept |
//! |---|---|
//! | `hearing` | processes that hear signals |
//! | `process` | the program, started, watched and killed when it hangs |
//! | `bench` | a folder, a feed and what the archive should be |
//! | `peer` | a peer by hand: connects or listens, and says what it is told |
//! | `tcp_relay`, `udp_relay` | a network that fails, as its seed says |
//! | `tcp`, `udp`, `crowd`, `json`, `log`, `modes`, `multicast`, `names`, `opaque`, `rubbish`, `service`, `signals`, `two_lines` | the tests, by situation |

mod bench;
mod crowd;
#[path = "../support/hearing.rs"]
mod hearing;
mod json;
mod log;
mod modes;
mod multicast;
mod names;
mod opaque;
mod peer;
mod process;
mod rubbish;
mod service;
mod signals;
mod tcp;
mod tcp_relay;
mod two_lines;
mod udp;
mod udp_relay;

//! Processes that hear signals, however the tests were started.

use nix::sys::signal::{SigHandler, Signal, signal};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Sets the signals that end the program to their default in the process that `command`
/// starts. `nohup` ignores SIGHUP, and a shell without job control ignores SIGINT in what
/// it starts in the background; both are inherited, and the program leaves them ignored.
pub fn hearing(command: &mut Command) -> &mut Command {
    // SAFETY: `signal` may be called between `fork` and `exec`, and to set the default
    // runs nothing.
    unsafe { command.pre_exec(set_defaults) }
}

fn set_defaults() -> io::Result<()> {
    for ending in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: to set the default runs nothing.
        unsafe { signal(ending, SigHandler::SigDfl) }?;
    }
    Ok(())
}

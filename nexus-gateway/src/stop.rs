//! Signals that end a run in order, where no runtime hears them.
//!
//! The first of SIGINT, SIGTERM and SIGHUP asks to stop; a second one ends the program,
//! as it would without any of this. A signal that is ignored when the program starts stays
//! ignored: `nohup` asks for that.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_default};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a signal has asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Hears signals from now on, for as long as the program runs.
    ///
    /// # Errors
    ///
    /// If the system sets no handlers.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        let ignored = ignored();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored & 1 << (signal - 1) != 0 {
                continue;
            }
            // In this order: the first signal finds the flag not set.
            register_conditional_default(signal, Arc::clone(&stop.0))?;
            register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Whether one has come.
    pub fn is_asked(&self) -> bool {
        // Ordering: Relaxed; nothing else is read because of it.
        self.0.load(Ordering::Relaxed)
    }
}

/// The signals that are ignored, signal 1 in the lowest bit. Linux says so; elsewhere none
/// counts as ignored.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

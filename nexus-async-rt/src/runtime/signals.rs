//! SIGINT and SIGTERM: one handler of this process for all runtimes that asked
//! for it.
//!
//! Knows no loop. A handler may do next to nothing, so it counts and writes one
//! byte into a pipe; a thread that sleeps at its other end tells the runtimes.
//!
//! | phase | the handler is set | a signal |
//! |---|---|---|
//! | `ASLEEP` | never was, or somebody else's calls it | does nothing |
//! | `ARMED` | yes | makes it `TOLD`, and wakes the thread |
//! | `TOLD` | yes | is the second: the default, which ends the process |
//! | `RESTORED` | no more; it still runs somewhere | comes again, for whoever is set now |
//!
//! What was set before is put back with the last runtime. That is why the
//! handler is our own, set through `nix`: the crates that share a signal among
//! many (`signal-hook`) stay set for ever, and with no action left the signal is
//! ignored; put back behind their back, they would not know.

use super::shutdown::ShutdownHandle;
use crate::sync::{AtomicUsize, Ordering};
use crate::unwind::contained;
use nix::errno::Errno;
use nix::libc::sigaction as sigaction_of_c;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use std::ffi::c_int;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

const HANDLED: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

const ASLEEP: usize = 0;
const ARMED: usize = 1;
const TOLD: usize = 2;
const RESTORED: usize = 3;

/// See the module. Changed under the lock of the registry, but from `ARMED` to
/// `TOLD` by the handler.
static PHASE: AtomicUsize = AtomicUsize::new(ASLEEP);

/// What the pipe carries: there was a signal, or a thread is to end.
const SIGNAL: u8 = b's';
const END: u8 = b'e';

/// Made once and never closed: a handler may be at it at any time.
static PIPE: OnceLock<(PipeReader, PipeWriter)> = OnceLock::new();

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    watched: Vec::new(),
    last_number: 0,
    before: None,
});

struct Registry {
    watched: Vec<(u64, ShutdownHandle)>,
    last_number: u64,
    /// What was set before, while our handler is.
    before: Option<[SigAction; 2]>,
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a runtime told of signals until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    number: u64,
}

/// Has `handle` triggered by the first signal.
///
/// # Panics
/// If the OS refuses a pipe, a thread or the handler.
#[track_caller]
pub(super) fn watch(handle: &ShutdownHandle) -> Watch {
    let mut registry = registry();
    if registry.before.is_none()
        && let Err(error) = registry.arm()
    {
        drop(registry);
        panic!("the OS refused to have SIGINT and SIGTERM handled: {error}");
    }
    registry.last_number += 1;
    let number = registry.last_number;
    registry.watched.push((number, handle.clone()));
    drop(registry);
    // Otherwise the thread finds it: it looks after the phase has changed.
    if is_told() {
        handle.trigger();
    }
    Watch { number }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut registry = registry();
        let at = registry.watched.iter().position(|it| it.0 == self.number);
        let (_, handle) = registry.watched.swap_remove(at.expect("pushed by `watch`"));
        let told = is_told();
        if registry.watched.is_empty() {
            registry.restore();
        }
        drop(registry);
        if told {
            // The thread may have come too late for it.
            contained(|| handle.trigger());
        }
    }
}

fn is_told() -> bool {
    // Ordering: Relaxed; the pipe or the lock lies between, see `listen`.
    PHASE.load(Ordering::Relaxed) == TOLD
}

impl Registry {
    /// Sets the handler, and starts the thread.
    fn arm(&mut self) -> io::Result<()> {
        if PIPE.get().is_none() {
            // Made under the lock: nobody else is at it.
            let pipe = io::pipe()?;
            let _ = PIPE.set(pipe);
        }
        std::thread::Builder::new()
            .name("nexus-signals".into())
            .spawn(listen)?;
        // Ordering: Relaxed, here and below; the handler is set after it, and
        // needs nothing but the pipe, which has an ordering of its own.
        PHASE.store(ARMED, Ordering::Relaxed);
        let set = set(HANDLED[0], &ours()).and_then(|first| {
            let second = set(HANDLED[1], &ours()).inspect_err(|_| {
                let _ = set(HANDLED[0], &first);
            })?;
            Ok([first, second])
        });
        match set {
            Ok(before) => {
                self.before = Some(before);
                Ok(())
            }
            Err(error) => {
                PHASE.store(RESTORED, Ordering::Relaxed);
                tell(END);
                Err(error.into())
            }
        }
    }

    /// Sets again what was set before, unless somebody else has set something
    /// meanwhile; ends the thread.
    fn restore(&mut self) {
        let Some(before) = self.before.take() else {
            return;
        };
        let mut phase = RESTORED;
        for (signal, before) in HANDLED.into_iter().zip(before) {
            let Ok(current) = set(signal, &before) else {
                continue;
            };
            if !is_ours(current) {
                // Whoever it is may call ours after theirs.
                phase = ASLEEP;
                let _ = set(signal, &current);
            }
        }
        PHASE.store(phase, Ordering::Relaxed);
        tell(END);
    }
}

/// What is set while runtimes are watched. Calls that are interrupted go on, as
/// far as the OS can.
fn ours() -> SigAction {
    SigAction::new(
        SigHandler::Handler(on_signal),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    )
}

fn is_ours(action: SigAction) -> bool {
    let address = |action| sigaction_of_c::from(action).sa_sigaction;
    address(action) == address(ours())
}

/// Sets what becomes of a signal; returns what was set before.
fn set(signal: Signal, action: &SigAction) -> nix::Result<SigAction> {
    // SAFETY: a handler may only do what is safe in the middle of anything:
    // `on_signal` does no more, and whatever else is put back was set before.
    unsafe { sigaction(signal, action) }
}

/// In the middle of anything, on any thread: atomics and system calls only.
extern "C" fn on_signal(signal: c_int) {
    let errno = Errno::last_raw();
    // Ordering: Relaxed; the one word decides which signal is the first.
    match PHASE.compare_exchange(ARMED, TOLD, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => tell(SIGNAL),
        Err(phase) => {
            if let Ok(signal) = Signal::try_from(signal) {
                if phase == TOLD {
                    let default =
                        SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
                    let _ = set(signal, &default);
                }
                if phase != ASLEEP {
                    // Blocked until this handler returns.
                    let _ = raise(signal);
                }
            }
        }
    }
    Errno::set_raw(errno);
}

/// Writes into the pipe, which is never full: there are a few bytes in it.
fn tell(what: u8) {
    if let Some((_, writer)) = PIPE.get() {
        let mut writer: &PipeWriter = writer;
        let _ = writer.write(&[what]);
    }
}

/// The thread: tells the runtimes of a signal.
fn listen() {
    // What else is handled in this process is no business of this thread.
    let _ = SigSet::all().thread_block();
    let (reader, _) = PIPE.get().expect("made before the thread");
    let mut reader: &PipeReader = reader;
    let mut what = [0];
    while reader.read_exact(&mut what).is_ok() && what != [END] {
        // Of an earlier time, when all have gone: nobody is to be told. The
        // phase was changed before the byte was written.
        if !is_told() {
            continue;
        }
        let watched: Vec<_> = registry().watched.iter().map(|it| it.1.clone()).collect();
        for handle in watched {
            // A waker that panics keeps no other runtime from hearing of it.
            contained(|| handle.trigger());
        }
    }
}

//! SIGINT, SIGTERM and SIGHUP: one handler of this process for all runtimes that
//! asked for it.
//!
//! Knows no loop. A handler may do next to nothing, so it counts and writes one
//! byte into a pipe; a thread that sleeps at its other end tells the runtimes.
//!
//! | phase | the handler is set | a signal |
//! |---|---|---|
//! | `ASLEEP` | never was, or somebody else's may call it | does nothing |
//! | `ARMED` | yes | makes it `TOLD`, and wakes the thread |
//! | `TOLD` | yes | is the second: the default, which ends the process; SIGHUP does nothing |
//! | `RESTORED` | no more; it still runs somewhere | comes again, for the handler that is set now |
//!
//! A signal that is ignored is left alone: what started the program so (`nohup`, a
//! shell without job control for what it starts in the background) meant it.
//!
//! SIGHUP is never the second signal, because a terminal that closes sends two: the
//! kernel's and the shell's.
//!
//! What was set before is put back with the last runtime. That is why the
//! handler is our own, set through `nix`. The crates that share a signal among
//! many (`signal-hook`) stay set for ever, and with no action left the signal is
//! ignored. If their handler were put back behind their back, they would not
//! know.

use super::block::Told;
use crate::reactor::refused;
use crate::sync::{AtomicUsize, Mutex, Ordering};
use crate::unwind::contained;
use nix::errno::Errno;
use nix::libc::{SIG_IGN, sigaction as sigaction_of_c};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use std::ffi::c_int;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{LazyLock, OnceLock};

const HANDLED: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// The signals that a runtime asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// SIGINT and SIGTERM.
    pub(super) ends: bool,
    /// SIGHUP.
    pub(super) hangup: bool,
}

impl Wanted {
    pub(super) fn any(self) -> bool {
        self.ends || self.hangup
    }

    fn contains(self, signal: Signal) -> bool {
        match signal {
            Signal::SIGHUP => self.hangup,
            _ => self.ends,
        }
    }
}

/// What is set for each of the handled signals.
type Actions = [Option<SigAction>; HANDLED.len()];

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

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(|| Mutex::new(Registry::default()));

#[derive(Debug, Default)]
struct Registry {
    watched: Vec<(u64, Told)>,
    last_number: u64,
    /// What was set before, of the signals for which our handler is set.
    before: Actions,
    /// What was set before the last time, of the signals for which somebody covered
    /// our handler then. They may have put it back, and then it is what a later
    /// time finds.
    covered: Actions,
}

/// Has a runtime told of signals until it is dropped.
#[derive(Debug)]
pub(super) struct SignalGuard {
    number: u64,
}

/// Handles the `wanted` signals: the first of all that are handled tells
/// `handle`.
///
/// # Errors
/// If the OS refuses a pipe, a thread or the handler.
pub(super) fn watch(handle: &Told, wanted: Wanted) -> io::Result<SignalGuard> {
    let number = REGISTRY.with(|registry| registry.add(handle, wanted))?;
    // Otherwise the thread finds it: it looks after the phase has changed.
    if is_told() {
        handle.tell();
    }
    Ok(SignalGuard { number })
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        let told = REGISTRY.with(|registry| registry.remove(self.number));
        if let Some(handle) = told {
            // The thread may have come too late for it.
            contained(|| handle.tell());
        }
    }
}

fn is_told() -> bool {
    // Ordering: Relaxed; the pipe or the lock lies between, see `listen`.
    PHASE.load(Ordering::Relaxed) == TOLD
}

impl Registry {
    fn add(&mut self, handle: &Told, wanted: Wanted) -> io::Result<u64> {
        let is_first = self.watched.is_empty();
        if is_first {
            arm()?;
        }
        if let Err(error) = self.take(wanted) {
            if is_first {
                self.disarm();
            }
            return Err(refused("handler of signals")(error.into()));
        }
        self.last_number += 1;
        self.watched.push((self.last_number, handle.clone()));
        Ok(self.last_number)
    }

    /// Returns the handle, if there was a signal.
    fn remove(&mut self, number: u64) -> Option<Told> {
        let at = self.watched.iter().position(|(of, _)| *of == number)?;
        let (_, handle) = self.watched.swap_remove(at);
        let told = if self.watched.is_empty() {
            self.disarm() == TOLD
        } else {
            is_told()
        };
        told.then_some(handle)
    }

    /// Sets the handler for the `wanted` signals, if it is not set and they are not
    /// ignored. If the OS refuses one, those that were set here are put back.
    fn take(&mut self, wanted: Wanted) -> nix::Result<()> {
        let taken_before = self.before;
        for (at, signal) in HANDLED.into_iter().enumerate() {
            if !wanted.contains(signal) || self.before[at].is_some() {
                continue;
            }
            let taken = is_ignored(signal).and_then(|ignored| match ignored {
                true => Ok(None),
                false => set(signal, &ours()).map(Some),
            });
            match taken {
                Ok(action) => {
                    let beneath = self.covered[at].unwrap_or(action_of(SigHandler::SigDfl));
                    self.before[at] =
                        action.map(|action| if is_ours(action) { beneath } else { action });
                }
                Err(error) => {
                    self.put_back(|at| taken_before[at].is_none());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sets again what was set before for those that are `chosen`, unless somebody
    /// else has set something meanwhile.
    fn put_back(&mut self, chosen: impl Fn(usize) -> bool) {
        for (at, signal) in HANDLED.into_iter().enumerate() {
            if !chosen(at) {
                continue;
            }
            let Some(action) = self.before[at].take() else {
                continue;
            };
            let Ok(current) = set(signal, &action) else {
                continue;
            };
            if !is_ours(current) {
                self.covered[at] = Some(action);
                let _ = set(signal, &current);
            }
        }
    }

    /// Puts everything back, and ends the thread. Returns the phase that is over.
    fn disarm(&mut self) -> usize {
        self.put_back(|_| true);
        // A handler that has ever covered ours may call ours for ever after.
        let is_covered = self.covered.iter().any(Option::is_some);
        let phase = if is_covered { ASLEEP } else { RESTORED };
        tell(END);
        PHASE.swap(phase, Ordering::Relaxed)
    }
}

/// Starts the thread, and the phase in which the handler is set.
fn arm() -> io::Result<()> {
    if PIPE.get().is_none() {
        // Made under the lock: nobody else is at it.
        let pipe = io::pipe().map_err(refused("pipe for signals"))?;
        let _ = PIPE.set(pipe);
    }
    std::thread::Builder::new()
        .name("nexus-signals".into())
        .spawn(listen)
        .map_err(refused("thread for signals"))?;
    // Ordering: Relaxed, here and in `disarm`; the handler is set after it, and
    // needs nothing but the pipe, which has an ordering of its own.
    PHASE.store(ARMED, Ordering::Relaxed);
    Ok(())
}

/// What is set while runtimes are watched. Calls that are interrupted go on, as
/// far as the OS can. A thread that has a second stack for signals uses it: the
/// signal may come where its own is nearly used up.
fn ours() -> SigAction {
    SigAction::new(
        SigHandler::Handler(on_signal),
        SaFlags::SA_RESTART | SaFlags::SA_ONSTACK,
        SigSet::empty(),
    )
}

fn action_of(handler: SigHandler) -> SigAction {
    SigAction::new(handler, SaFlags::empty(), SigSet::empty())
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

/// Whether `signal` is ignored.
fn is_ignored(signal: Signal) -> nix::Result<bool> {
    let mut action = MaybeUninit::<sigaction_of_c>::uninit();
    // SAFETY: nothing is set, and there is room for what is set now.
    let result = unsafe { nix::libc::sigaction(signal as c_int, ptr::null(), action.as_mut_ptr()) };
    Errno::result(result)?;
    // SAFETY: filled in, because the call succeeded.
    Ok(unsafe { action.assume_init() }.sa_sigaction == SIG_IGN)
}

/// In the middle of anything, on any thread: atomics and system calls only.
extern "C" fn on_signal(signal: c_int) {
    let errno = Errno::last_raw();
    // Ordering: Relaxed; the one word decides which signal is the first.
    match PHASE.compare_exchange(ARMED, TOLD, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => tell(SIGNAL),
        Err(phase) => {
            if let Ok(signal) = Signal::try_from(signal)
                && !(phase == TOLD && signal == Signal::SIGHUP)
            {
                if phase == TOLD {
                    let _ = set(signal, &action_of(SigHandler::SigDfl));
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
        let handles: Vec<_> = REGISTRY.with(|registry| {
            let handles = registry.watched.iter().map(|(_, handle)| handle);
            handles.cloned().collect()
        });
        for handle in handles {
            // A waker that panics keeps no other runtime from hearing of it.
            contained(|| handle.tell());
        }
    }
}

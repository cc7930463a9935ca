//! Signals that stay as they are, SIGHUP, and handlers that are kept. As in
//! `signals`, each case runs in a process of its own.

use crate::runtime::signals::{BOTH, Case, LIMIT, is_told, set, succeeds, with_signals};
use nexus_async_rt::{Runtime, ShutdownHandle, shutdown_signal};
use nexus_rt::WorldBuilder;
use nexus_testkit::within;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::thread;

const HANGUP: Signal = Signal::SIGHUP;

/// Runs one of the cases below.
pub fn case(name: &str) {
    match name {
        "ignored" => ignored(),
        "one ignored" => one_ignored(),
        "ignored meanwhile" => ignored_meanwhile(),
        "hangup" => hangup(true),
        "hangup alone" => hangup(false),
        "hangup ignored" => hangup_ignored(),
        "hangup gone" => hangup_gone(),
        "no hangup" => with_signals(waits),
        "hangup joins" => hangup_joins(),
        "forgotten" => forgotten(),
        #[cfg(target_os = "linux")]
        "small stack" => small_stack::case(),
        other => panic!("there is no case {other:?}"),
    }
}

/// What becomes of `signal` now.
fn handler_of(signal: Signal) -> SigHandler {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: to ignore a signal runs nothing, and what was set before is put back.
    unsafe {
        let action = sigaction(signal, &ignore).unwrap();
        sigaction(signal, &action).unwrap();
        action.handler()
    }
}

#[track_caller]
fn is_ignored(signal: Signal) {
    assert!(matches!(handler_of(signal), SigHandler::SigIgn), "{signal}");
}

#[track_caller]
fn is_default(signal: Signal) {
    assert!(matches!(handler_of(signal), SigHandler::SigDfl), "{signal}");
}

fn wait_until_told(handle: &ShutdownHandle) {
    while !handle.is_shutdown() {
        thread::yield_now();
    }
}

fn with_hangup<R>(others: bool, f: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .signal_handlers(others)
        .sighup_handler(true)
        .build();
    f(&mut rt)
}

/// Says when it is ready and when it is told, and stays.
fn waits(rt: &mut Runtime<'_>) {
    rt.block_on(async {
        println!("ready");
        shutdown_signal().await;
        println!("told");
        pending::<()>().await;
    });
}

#[test]
fn what_was_ignored_stays_ignored() {
    succeeds("ignored");
}

fn ignored() {
    set(SigHandler::SigIgn);
    for _ in 0..3 {
        with_hangup(true, |rt| {
            for signal in BOTH.into_iter().chain([HANGUP]) {
                is_ignored(signal);
                raise(signal).unwrap();
            }
            assert!(!rt.shutdown_handle().is_shutdown());
        });
        BOTH.into_iter().for_each(is_ignored);
        is_ignored(HANGUP);
    }
    set(SigHandler::SigDfl);
    is_told();
}

#[test]
fn of_two_signals_one_may_be_ignored() {
    succeeds("one ignored");
}

/// As a shell without job control starts a program in the background.
fn one_ignored() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: to ignore a signal runs nothing.
    unsafe { sigaction(Signal::SIGINT, &ignore) }.unwrap();
    with_signals(|rt| {
        is_ignored(Signal::SIGINT);
        raise(Signal::SIGINT).unwrap();
        // A second runtime finds it as the first did.
        with_signals(|_| is_ignored(Signal::SIGINT));
        assert!(!rt.shutdown_handle().is_shutdown());
        raise(Signal::SIGTERM).unwrap();
        wait_until_told(&rt.shutdown_handle());
        // Not even the second ends the process.
        raise(Signal::SIGINT).unwrap();
    });
    is_ignored(Signal::SIGINT);
    is_default(Signal::SIGTERM);
}

#[test]
fn what_the_program_ignores_meanwhile_stays_ignored() {
    succeeds("ignored meanwhile");
}

fn ignored_meanwhile() {
    with_signals(|rt| {
        set(SigHandler::SigIgn);
        BOTH.into_iter().for_each(|signal| raise(signal).unwrap());
        // Nor does another runtime change that.
        with_signals(|_| BOTH.into_iter().for_each(is_ignored));
        assert!(!rt.shutdown_handle().is_shutdown());
    });
    BOTH.into_iter().for_each(is_ignored);
    with_signals(|_| BOTH.into_iter().for_each(is_ignored));
    set(SigHandler::SigDfl);
    is_told();
    BOTH.into_iter().for_each(is_default);
}

#[test]
fn a_hangup_tells_who_asked_and_never_counts_as_the_second() {
    for second in BOTH {
        within(LIMIT, || {
            let mut child = Case::start("hangup");
            child.says("ready");
            child.signal(HANGUP);
            child.says("told");
            for _ in 0..3 {
                child.signal(HANGUP);
            }
            child.signal(second);
            assert_eq!(child.wait().signal(), Some(second as i32));
        });
    }
}

fn hangup(others: bool) {
    with_hangup(others, waits);
}

#[test]
fn who_asks_for_hangups_alone_leaves_the_others_alone() {
    for signal in BOTH {
        within(LIMIT, || {
            let mut child = Case::start("hangup alone");
            child.says("ready");
            child.signal(signal);
            assert_eq!(child.wait().signal(), Some(signal as i32));
        });
    }
}

#[test]
fn a_hangup_that_nobody_asked_for_ends_the_process() {
    for case in ["no hangup", "hangup gone"] {
        within(LIMIT, || {
            let mut child = Case::start(case);
            child.says("ready");
            child.signal(HANGUP);
            assert_eq!(child.wait().signal(), Some(HANGUP as i32));
        });
    }
}

fn hangup_gone() {
    with_hangup(true, |_| ());
    with_signals(waits);
}

#[test]
fn a_hangup_that_was_ignored_stays_ignored() {
    succeeds("hangup ignored");
}

/// As `nohup` starts a program.
fn hangup_ignored() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: to ignore a signal runs nothing.
    unsafe { sigaction(HANGUP, &ignore) }.unwrap();
    with_hangup(true, |rt| {
        is_ignored(HANGUP);
        raise(HANGUP).unwrap();
        raise(Signal::SIGTERM).unwrap();
        wait_until_told(&rt.shutdown_handle());
    });
    is_ignored(HANGUP);
}

#[test]
fn a_hangup_tells_the_runtimes_that_were_there_before() {
    succeeds("hangup joins");
}

fn hangup_joins() {
    with_signals(|rt| {
        is_default(HANGUP);
        with_hangup(true, |late| {
            raise(HANGUP).unwrap();
            wait_until_told(&rt.shutdown_handle());
            wait_until_told(&late.shutdown_handle());
        });
        // Handled until the last of them has gone.
        raise(HANGUP).unwrap();
    });
    is_default(HANGUP);
}

#[test]
fn a_forgotten_runtime_keeps_its_handlers_and_the_second_signal_ends_the_process() {
    for first in BOTH {
        within(LIMIT, || {
            let mut child = Case::start("forgotten");
            child.says("ready");
            child.signal(first);
            child.says("told");
            child.signal(Signal::SIGTERM);
            assert_eq!(child.wait().signal(), Some(Signal::SIGTERM as i32));
        });
    }
}

fn forgotten() {
    let mut world = WorldBuilder::new().build();
    let rt = Runtime::builder(&mut world).signal_handlers(true).build();
    let handle = rt.shutdown_handle();
    std::mem::forget(rt);
    println!("ready");
    wait_until_told(&handle);
    println!("told");
    loop {
        thread::park();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_tells_on_a_thread_that_is_near_the_end_of_its_stack() {
    succeeds("small stack");
}

#[cfg(target_os = "linux")]
mod small_stack {
    use super::{wait_until_told, with_signals};
    use nix::sys::signal::{Signal, raise};
    use std::hint::black_box;
    use std::mem::MaybeUninit;
    use std::ptr::null_mut;
    use std::thread;

    /// Less than what the kernel puts on a stack for a handler.
    const LEFT: usize = 1024;

    /// The lowest address of this thread's stack.
    fn low_end() -> usize {
        let (mut low, mut len) = (null_mut(), 0);
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: each call gets valid places to write to; the attributes are made
        // by the first and ended by the last.
        unsafe {
            let this = libc::pthread_self();
            assert_eq!(libc::pthread_getattr_np(this, attributes.as_mut_ptr()), 0);
            let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut len);
            assert_eq!(known, 0);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
        low.addr()
    }

    #[inline(never)]
    fn dive(low: usize) {
        let here = black_box([0_u8; 64]);
        if (&raw const here).addr() - low > LEFT {
            dive(low);
        } else {
            raise(Signal::SIGTERM).unwrap();
        }
        black_box(&here);
    }

    pub(super) fn case() {
        with_signals(|rt| {
            // Threads of `std` have a second stack for signals.
            thread::spawn(|| dive(low_end())).join().unwrap();
            wait_until_told(&rt.shutdown_handle());
        });
    }
}

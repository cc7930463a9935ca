//! Signals. Each case runs in a process of its own, because what is done with a
//! signal is the process's: this binary, started again for one test.

use crate::runtime::signals_kept;
use nexus_async_rt::channel::mpsc;
use nexus_async_rt::{
    Runtime, ShutdownHandle, shutdown_handle, shutdown_signal, spawn_boxed, yield_now,
};
use nexus_rt::WorldBuilder;
use nexus_testkit::handoff::Handoff;
use nexus_testkit::{scaled, within};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction};
use nix::unistd::Pid;
use std::ffi::c_int;
use std::future::pending;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub const LIMIT: Duration = Duration::from_secs(60);

/// Names the case that a process is started for.
const CASE: &str = "NEXUS_SIGNAL_CASE";

pub const BOTH: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];

/// A process that runs a case, killed if it is not waited for.
pub struct Case {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Case {
    pub fn start(name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "runtime::signals::a_case",
                "--ignored",
                "--nocapture",
            ])
            .env(CASE, name)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Waits until it has said `word`.
    #[track_caller]
    pub fn says(&mut self, word: &str) {
        let mut line = String::new();
        while !line.trim_end().ends_with(word) {
            line.clear();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without saying {word:?}");
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, signal).unwrap();
    }

    pub fn wait(mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        println!("{status}");
        status
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a case that needs nobody outside.
#[track_caller]
pub fn succeeds(name: &str) {
    assert!(within(LIMIT, || Case::start(name).wait()).success());
}

#[test]
fn u05_a_signal_wakes_a_task_that_waits_for_it() {
    for case in ["task", "task, busy", "flooded"] {
        for signal in BOTH {
            within(LIMIT, || {
                let mut child = Case::start(case);
                child.says("ready");
                child.signal(signal);
                child.says("told");
                assert!(child.wait().success());
            });
        }
    }
}

#[test]
fn a_flooded_runtime_is_told_within_ten_milliseconds() {
    const TRIES: usize = 50;
    let mut tries = (0..TRIES).map(|_| {
        within(LIMIT, || {
            let mut child = Case::start("flooded");
            child.says("ready");
            let begin = Instant::now();
            child.signal(Signal::SIGTERM);
            child.says("told");
            let told = begin.elapsed();
            assert!(child.wait().success());
            told
        })
    });
    // Other tests may have the cores for a while.
    let soon = tries.any(|told| told < Duration::from_millis(10));
    assert!(soon, "never in {TRIES} processes");
}

#[test]
fn a_second_signal_ends_the_process_as_by_default() {
    for first in BOTH {
        for second in BOTH {
            within(LIMIT, || {
                let mut child = Case::start("stays");
                child.says("ready");
                child.signal(first);
                child.says("told");
                child.signal(second);
                assert_eq!(child.wait().signal(), Some(second as i32));
            });
        }
    }
}

#[test]
fn u69_after_the_last_runtime_the_default_ends_the_process() {
    for signal in BOTH {
        within(LIMIT, || {
            let mut child = Case::start("gone");
            child.says("ready");
            child.signal(signal);
            assert_eq!(child.wait().signal(), Some(signal as i32));
        });
    }
}

#[test]
fn a_runtime_that_did_not_ask_leaves_signals_alone() {
    within(LIMIT, || {
        let mut child = Case::start("did not ask");
        child.says("ready");
        child.signal(Signal::SIGTERM);
        assert_eq!(child.wait().signal(), Some(Signal::SIGTERM as i32));
    });
}

#[test]
fn one_signal_tells_every_runtime() {
    within(LIMIT, || {
        let mut child = Case::start("two threads");
        child.says("ready");
        child.signal(Signal::SIGTERM);
        assert!(child.wait().success());
    });
}

#[test]
fn signals_wake_every_waiter_round_after_round() {
    succeeds("rounds");
}

#[test]
fn a_handler_that_was_set_before_is_set_again() {
    succeeds("handler before");
}

#[test]
fn a_handler_that_was_set_meanwhile_stays() {
    succeeds("handler meanwhile");
}

#[test]
fn a_handler_of_ours_that_is_put_back_too_late_does_not_outlast_the_next_runtime() {
    for signal in BOTH {
        within(LIMIT, || {
            let mut child = Case::start("put back");
            child.says("ready");
            child.signal(signal);
            assert_eq!(child.wait().signal(), Some(signal as i32));
        });
    }
}

#[test]
fn a_handler_that_calls_ours_is_called_once_when_all_is_over() {
    succeeds("chained");
}

#[test]
fn a_runtime_that_comes_late_is_told_at_once() {
    succeeds("late");
}

#[test]
fn a_signal_while_nobody_runs_is_not_lost() {
    succeeds("between runs");
}

#[test]
#[ignore = "one case of the tests here, in the process that they start for it"]
fn a_case() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    // A shell has what it starts in the background ignore SIGINT, `nohup` SIGHUP.
    set(SigHandler::SigDfl);
    within(LIMIT, || match case.as_str() {
        "task" => task(false),
        "task, busy" => task(true),
        "flooded" => flooded(),
        "stays" => stays(),
        "gone" => gone(),
        "did not ask" => did_not_ask(),
        "two threads" => two_threads(),
        "rounds" => rounds(),
        "handler before" => handler_before(),
        "handler meanwhile" => handler_meanwhile(),
        "put back" => put_back(),
        "chained" => chained(),
        "late" => late(),
        "between runs" => between_runs(),
        other => signals_kept::case(other),
    });
}

/// Runs `f` with a runtime that has signals handled.
pub fn with_signals<R>(f: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world).signal_handlers(true).build();
    f(&mut rt)
}

fn task(busy: bool) {
    with_signals(|rt| {
        let root = async {
            let others = [(); 3].map(|()| spawn_boxed(shutdown_signal()));
            yield_now().await;
            println!("ready");
            spawn_boxed(shutdown_signal()).await;
            for other in others {
                other.await;
            }
            println!("told");
        };
        if busy {
            rt.block_on_busy(root);
        } else {
            rt.block_on(root);
        }
    });
}

/// Among tasks that never rest, and a receiver that is never without a message.
fn flooded() {
    let (tx, rx) = mpsc::channel(64);
    let sender = thread::spawn(move || while tx.blocking_send(()).is_ok() {});
    with_signals(|rt| {
        rt.block_on(async {
            for _ in 0..100 {
                drop(spawn_boxed(async {
                    loop {
                        yield_now().await;
                    }
                }));
            }
            let flooded = spawn_boxed(async move { while rx.recv().await.is_ok() {} });
            println!("ready");
            spawn_boxed(shutdown_signal()).await;
            println!("told");
            assert!(flooded.abort());
        });
    });
    sender.join().unwrap();
}

fn stays() {
    with_signals(|rt| {
        rt.block_on(async {
            println!("ready");
            shutdown_signal().await;
            println!("told");
            pending::<()>().await;
        });
    });
}

fn gone() {
    with_signals(|_| with_signals(|rt| rt.block_on(yield_now())));
    println!("ready");
    loop {
        thread::park();
    }
}

fn did_not_ask() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(async {
        println!("ready");
        shutdown_signal().await;
    });
}

/// The handles of both stay untold until the signal, then both are told.
fn two_threads() {
    let handles = Handoff::<ShutdownHandle>::new();
    let threads = [(); 2].map(|()| {
        let handles = handles.clone();
        thread::spawn(move || {
            with_signals(|rt| {
                rt.block_on(async {
                    let task = spawn_boxed(shutdown_signal());
                    yield_now().await;
                    handles.give(shutdown_handle());
                    task.await;
                });
            });
        })
    });
    for _ in &threads {
        assert!(!handles.take().unwrap().is_shutdown());
    }
    println!("ready");
    for thread in threads {
        thread.join().unwrap();
    }
}

/// How many threads and descriptors this process has; where it can be known.
fn held() -> [usize; 2] {
    ["/proc/self/task", "/proc/self/fd"]
        .map(|folder| std::fs::read_dir(folder).map_or(0, Iterator::count))
}

/// Signals to the process and to the runtime's own thread, in turn.
fn rounds() {
    // The pipe stays.
    with_signals(|_| ());
    let before = held();
    for round in 0..scaled(30) {
        with_signals(|rt| {
            let signal = BOTH[round % 2];
            rt.block_on(async {
                let waiters: Vec<_> = (0..5).map(|_| spawn_boxed(shutdown_signal())).collect();
                yield_now().await;
                assert!(!shutdown_handle().is_shutdown());
                if round % 3 == 0 {
                    raise(signal).unwrap();
                } else {
                    kill(Pid::this(), signal).unwrap();
                }
                for waiter in waiters {
                    waiter.await;
                }
            });
        });
    }
    // The threads take a moment to end.
    let [threads, descriptors] = before;
    while held()[0] > threads {
        thread::yield_now();
    }
    assert!(held()[1] <= descriptors, "descriptors are left");
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: c_int) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

pub fn set(handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    for signal in BOTH.into_iter().chain([Signal::SIGHUP]) {
        // SAFETY: the handlers here do nothing but count.
        unsafe { sigaction(signal, &action) }.unwrap();
    }
}

/// A runtime that is told by a signal while it runs.
pub fn is_told() {
    with_signals(|rt| {
        rt.block_on(async {
            raise(Signal::SIGINT).unwrap();
            shutdown_signal().await;
        });
    });
}

fn handler_before() {
    set(SigHandler::Handler(count));
    for round in 0..3 {
        is_told();
        assert_eq!(CALLS.load(Ordering::SeqCst), 2 * round);
        for signal in BOTH {
            raise(signal).unwrap();
        }
        assert_eq!(CALLS.load(Ordering::SeqCst), 2 * (round + 1));
    }
}

fn handler_meanwhile() {
    with_signals(|_| set(SigHandler::Handler(count)));
    for signal in BOTH {
        raise(signal).unwrap();
    }
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
    // And is set again after the next.
    is_told();
    raise(Signal::SIGTERM).unwrap();
    assert_eq!(CALLS.load(Ordering::SeqCst), 3);
}

/// Somebody covers our handler, and puts it back when the runtime has gone.
fn put_back() {
    let covers = SigAction::new(
        SigHandler::Handler(count),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing but count.
    let covered = with_signals(|_| BOTH.map(|signal| unsafe { sigaction(signal, &covers) }));
    for (signal, before) in BOTH.into_iter().zip(covered) {
        // SAFETY: what was set before.
        unsafe { sigaction(signal, &before.unwrap()) }.unwrap();
    }
    is_told();
    println!("ready");
    loop {
        thread::park();
    }
}

/// What [`chain`] calls.
static COVERED: OnceLock<extern "C" fn(c_int)> = OnceLock::new();

/// Counts, and calls what it has covered, as handlers do that share a signal.
extern "C" fn chain(signal: c_int) {
    CALLS.fetch_add(1, Ordering::SeqCst);
    if let Some(covered) = COVERED.get() {
        covered(signal);
    }
}

fn chained() {
    let covers = SigAction::new(
        SigHandler::Handler(chain),
        SaFlags::empty(),
        SigSet::empty(),
    );
    with_signals(|_| {
        for signal in BOTH {
            // SAFETY: the handler counts, and calls one that was set.
            let before = unsafe { sigaction(signal, &covers) }.unwrap();
            let SigHandler::Handler(before) = before.handler() else {
                panic!("no handler was set");
            };
            COVERED.get_or_init(|| before);
        }
    });
    for round in 1..=3 {
        for signal in BOTH {
            raise(signal).unwrap();
        }
        assert_eq!(CALLS.load(Ordering::SeqCst), 2 * round);
        is_told();
    }
}

fn late() {
    with_signals(|rt| {
        rt.block_on(async {
            raise(Signal::SIGTERM).unwrap();
            shutdown_signal().await;
        });
        let told = thread::spawn(|| with_signals(|rt| rt.shutdown_handle().is_shutdown()));
        assert!(told.join().unwrap());
    });
    // The next time begins anew.
    with_signals(|rt| assert!(!rt.shutdown_handle().is_shutdown()));
    is_told();
}

fn between_runs() {
    with_signals(|rt| {
        let handle = rt.shutdown_handle();
        raise(Signal::SIGTERM).unwrap();
        while !handle.is_shutdown() {
            thread::yield_now();
        }
        rt.block_on(shutdown_signal());
    });
    // Told although it goes at once.
    let handle = with_signals(|rt| {
        raise(Signal::SIGTERM).unwrap();
        rt.shutdown_handle()
    });
    assert!(handle.is_shutdown());
}

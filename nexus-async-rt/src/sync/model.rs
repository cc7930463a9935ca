//! The types of loom, in the model build, and how a model is explored.

use super::site::{Site, is_weakened};
pub(crate) use loom::cell::UnsafeCell;
#[cfg(feature = "rt")]
pub(crate) use loom::sync::atomic::AtomicPtr;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use loom::sync::{Arc, Mutex as RawMutex};

/// More than the threads of a model.
const THREADS: usize = 8;

loom::lazy_static! {
    /// Where the fences of each thread meet those that are meant for all. The
    /// changes of a word have one order, so a heavy fence comes before or after
    /// each light one, and the later one acquires. No more than that: two light
    /// fences order nothing.
    static ref FENCES: [AtomicUsize; THREADS] = std::array::from_fn(|_| AtomicUsize::new(0));
}

pub(crate) fn light_fence(site: Site) {
    if !is_weakened(site) {
        let id = format!("{:?}", loom::thread::current().id());
        let id = id.trim_matches(|c: char| !c.is_ascii_digit());
        let id: usize = id.parse().expect("a thread of the model has a number");
        FENCES[id].fetch_add(0, Ordering::AcqRel);
    }
}

pub(crate) fn heavy_fence(site: Site) -> bool {
    if !is_weakened(site) {
        for each in FENCES.iter() {
            each.fetch_add(1, Ordering::AcqRel);
        }
    }
    true
}

pub(crate) fn has_heavy_fence() -> bool {
    true
}

pub(crate) fn grant_heavy_fence() -> bool {
    true
}

pub(crate) fn give_back_heavy_fence() {}

/// Explores every interleaving of `body` with at most `preemptions` switches
/// away from a thread that could have gone on.
pub(crate) fn model(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    // Weakened, one failure is all that is asked for. A panic without a message
    // is how a coroutine is cancelled.
    if std::env::var_os("NEXUS_WEAKEN").is_some() {
        std::panic::set_hook(Box::new(|panic| {
            if panic.payload_as_str().is_some() {
                std::process::exit(1);
            }
        }));
    }
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}

/// Where the models lie that most likely catch a site, by how its name begins. They
/// are tried first, because a model that fails is found sooner among few.
const ROOMS: [(&str, &str); 12] = [
    ("Spsc", "ring::"),
    ("Mpsc", "ring::"),
    ("Bytes", "ring::"),
    ("Count", "ring::"),
    ("Wa", "wait::"),
    ("Light", "wait::"),
    ("Heavy", "wait::"),
    ("Cell", "wait::"),
    ("Node", "wait::"),
    ("Latch", "wait::"),
    ("Task", "runtime::"),
    ("Inbox", "runtime::"),
];

/// Every site is load-bearing: weakened alone, at least one model fails.
#[test]
fn every_weakened_ordering_is_caught() {
    use std::process::{Command, Stdio};

    if std::env::var_os("NEXUS_WEAKEN").is_some() {
        return;
    }
    let models = std::env::current_exe().expect("the test binary has a path");
    let survives_in = |models_of: &str, site: &str| {
        Command::new(&models)
            // The slow ones add nothing here.
            .args([models_of, "--skip", "loom_slow_", "--test-threads=2"])
            .args(["--skip", "every_weakened"])
            .env("NEXUS_WEAKEN", site)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("the models can be run again")
            .success()
    };
    assert!(
        survives_in("loom_", "Nothing"),
        "the models fail by themselves"
    );
    let survives = |site: &&Site| {
        let name = format!("{site:?}");
        let room = ROOMS.iter().find(|(start, _)| name.starts_with(start));
        survives_in(room.map_or("channel::", |(_, room)| room), &name)
            && survives_in("loom_", &name)
    };
    let survivors: Vec<_> = Site::ALL.iter().filter(survives).collect();
    assert!(survivors.is_empty(), "no model needs {survivors:?}");
}

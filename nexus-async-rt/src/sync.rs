//! The only door to shared memory: atomics, cells, fences, and the lock that the
//! protocols take.
//!
//! Knows no ring, no waiter and no task. The ordinary build re-exports `std`;
//! the model build (`cfg(all(test, nexus_loom))`) puts loom's instrumented
//! types in their place.
//!
//! Invariant: nothing outside this module names `std::sync::atomic` or
//! `UnsafeCell` (the `arrows` test checks it).
//!
//! An ordering on which a proof rests is written `ordering(Site::X, o)`. In
//! the ordinary build that is `o`. In the model build the environment variable
//! `NEXUS_WEAKEN=X` turns it into `Relaxed`, or drops the fence, and at least
//! one model must then fail: see `model`.

#[cfg(not(all(test, nexus_loom)))]
mod real {
    pub(crate) use std::sync::Mutex as RawMutex;
    #[cfg(feature = "rt")]
    pub(crate) use std::sync::atomic::AtomicPtr;
    pub(super) use std::sync::atomic::compiler_fence;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};

    /// `std::cell::UnsafeCell` behind loom's interface.
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline(always)]
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Shared access; the caller's proof goes with the dereference.
        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Exclusive access; the caller's proof goes with the dereference.
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    #[inline(always)]
    pub(super) const fn is_weakened(_: super::Site) -> bool {
        false
    }
}

#[cfg(all(test, nexus_loom))]
mod real {
    pub(crate) use loom::cell::UnsafeCell;
    #[cfg(feature = "rt")]
    pub(crate) use loom::sync::atomic::AtomicPtr;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
    pub(crate) use loom::sync::{Arc, Mutex as RawMutex};

    /// More than the threads of a model.
    const THREADS: usize = 8;

    loom::lazy_static! {
        /// Where the fences of each thread meet those that are meant for all: the
        /// changes of a word have one order, so a heavy fence comes before or
        /// after each light one, and whoever comes later acquires. No more than
        /// that: two light fences order nothing.
        static ref FENCES: [AtomicUsize; THREADS] = std::array::from_fn(|_| AtomicUsize::new(0));
    }

    pub(crate) fn light_fence(site: super::Site) {
        if !is_weakened(site) {
            let id = format!("{:?}", loom::thread::current().id());
            let id = id.trim_matches(|c: char| !c.is_ascii_digit());
            let id: usize = id.parse().expect("a thread of the model has a number");
            FENCES[id].fetch_add(0, Ordering::AcqRel);
        }
    }

    pub(crate) fn heavy_fence(site: super::Site) -> bool {
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

    pub(super) fn is_weakened(site: super::Site) -> bool {
        static WEAKENED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        WEAKENED
            .get_or_init(|| std::env::var("NEXUS_WEAKEN").ok())
            .as_deref()
            .is_some_and(|name| name == format!("{site:?}"))
    }
}

#[cfg(not(all(test, nexus_loom)))]
#[cfg_attr(
    all(target_os = "linux", not(miri)),
    expect(unsafe_code, reason = "a system call")
)]
mod asymmetric;
#[cfg(all(test, not(nexus_loom)))]
pub(crate) use asymmetric::one_at_a_time;
#[cfg(all(test, not(nexus_loom), target_os = "linux", not(miri)))]
pub(crate) use asymmetric::with_refused_fences;
#[cfg(not(all(test, nexus_loom)))]
pub(crate) use asymmetric::{
    give_back_heavy_fence, grant_heavy_fence, has_heavy_fence, heavy_fence, light_fence,
};

pub(crate) use real::*;

/// A place whose memory ordering carries a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// `ring::spsc`: the producer publishes a value.
    SpscPublish,
    /// `ring::spsc`: the consumer sees a value.
    SpscObserve,
    /// `ring::spsc`: the consumer gives a slot back.
    SpscRelease,
    /// `ring::spsc`: the producer sees a slot given back.
    SpscReclaim,
    /// `ring::mpsc`: a producer stamps its slot.
    MpscPublish,
    /// `ring::mpsc`: the consumer sees the stamp.
    MpscObserve,
    /// `ring::mpsc`: the consumer gives a slot back.
    MpscRelease,
    /// `ring::mpsc`: a producer sees a slot given back.
    MpscReclaim,
    /// `ring::mpsc`: a producer hands its view of the head to the others.
    MpscShareHead,
    /// `ring::mpsc`: a producer takes over another's view of the head.
    MpscTrustHead,
    /// `ring::mpsc`: a producer claims a position.
    MpscClaim,
    /// `ring::bytes`: a producer publishes a record.
    BytesPublish,
    /// `ring::bytes`: the consumer sees a record.
    BytesObserve,
    /// `ring::bytes`: the consumer gives space back.
    BytesRelease,
    /// `ring::bytes`: a producer sees space given back.
    BytesReclaim,
    /// `ring::bytes`: a producer hands its view of the head to the others.
    BytesShareHead,
    /// `ring::bytes`: a producer takes over another's view of the head.
    BytesTrustHead,
    /// `ring::bytes`: a producer claims a span.
    BytesClaim,
    /// `ring`: the tail is loaded for a length.
    CountTail,
    /// `ring`: the head is loaded for a length.
    CountHead,
    /// `wait`: between publishing and looking for a waiter.
    WakerFence,
    /// `wait`: between registering and looking again.
    WaiterFence,
    /// `wait::fence`: between publishing and looking whether notifiers fence.
    LightFence,
    /// `wait::fence`: between having notifiers fence and looking again.
    HeavyFence,
    /// `wait::fence`: between announcing a close and reading the tail.
    CloseFence,
    /// `wait::fence`: the same, where notifiers have not fenced.
    CloseHeavyFence,
    /// `wait::cell`: the owner arms the cell.
    CellArm,
    /// `wait::cell`: a notifier or the owner takes the waker out.
    CellTake,
    /// `wait::cell`: the waker has been moved out.
    CellEmpty,
    /// `wait::queue`: a notifier marks a node.
    NodeNotify,
    /// `wait::queue`: the owner sees the mark.
    NodeSee,
    /// `wait::latch`: the flag is set.
    LatchSet,
    /// `wait::latch`: the flag is seen.
    LatchSee,
    /// `channel`: a sender goes, after all it sent was published.
    SenderGone,
    /// `channel`: the receiver sees that no sender is left.
    SenderSeen,
    /// `channel`: the receiver announces that it closes.
    CloseAnnounce,
    /// `channel`: a sender looks for the announcement.
    CloseSee,
    /// `ring`: the consumer closes a tail that is claimed by exchange.
    CloseClaims,
    /// `channel`: a sender that was refused asks why.
    CloseRefused,
    /// `task::state`: another thread wakes.
    TaskCall,
    /// `task::state`: the owner takes a task out of the inbox.
    TaskTake,
    /// `task::state`: another thread drops a waker.
    TaskDrop,
    /// `task::state`: the owner finds that no waker is left.
    TaskSettle,
    /// `task::state`: the owner joins the halves of the count.
    TaskMerge,
    /// `runtime::inbox`: another thread puts a task in.
    InboxPush,
    /// `runtime::inbox`: the owner takes the list.
    InboxTake,
    /// `runtime::inbox`: a keeper goes.
    InboxLetGo,
}

impl Site {
    /// Every site, for the check that each of them is load-bearing.
    #[cfg(all(test, nexus_loom))]
    pub(crate) const ALL: &[Site] = &[
        Site::SpscPublish,
        Site::SpscObserve,
        Site::SpscRelease,
        Site::SpscReclaim,
        Site::MpscPublish,
        Site::MpscObserve,
        Site::MpscRelease,
        Site::MpscReclaim,
        Site::MpscShareHead,
        Site::MpscTrustHead,
        Site::MpscClaim,
        Site::BytesPublish,
        Site::BytesObserve,
        Site::BytesRelease,
        Site::BytesReclaim,
        Site::BytesShareHead,
        Site::BytesTrustHead,
        Site::BytesClaim,
        Site::CountTail,
        Site::CountHead,
        Site::WakerFence,
        Site::WaiterFence,
        Site::LightFence,
        Site::HeavyFence,
        Site::CloseFence,
        Site::CloseHeavyFence,
        Site::CellArm,
        Site::CellTake,
        Site::CellEmpty,
        Site::NodeNotify,
        Site::NodeSee,
        Site::LatchSet,
        Site::LatchSee,
        Site::SenderGone,
        Site::SenderSeen,
        Site::CloseAnnounce,
        Site::CloseSee,
        Site::CloseClaims,
        Site::CloseRefused,
        #[cfg(feature = "rt")]
        Site::TaskCall,
        #[cfg(feature = "rt")]
        Site::TaskTake,
        #[cfg(feature = "rt")]
        Site::TaskDrop,
        #[cfg(feature = "rt")]
        Site::TaskSettle,
        #[cfg(feature = "rt")]
        Site::TaskMerge,
        #[cfg(feature = "rt")]
        Site::InboxPush,
        #[cfg(feature = "rt")]
        Site::InboxTake,
        #[cfg(feature = "rt")]
        Site::InboxLetGo,
    ];
}

/// `strong`, unless the model build weakens this site.
#[inline(always)]
pub(crate) fn ordering(site: Site, strong: Ordering) -> Ordering {
    if is_weakened(site) {
        Ordering::Relaxed
    } else {
        strong
    }
}

/// The store-load barrier of the waiting protocol, which a `Release` store and
/// an `Acquire` load do not give.
#[inline(always)]
pub(crate) fn full_fence(site: Site) {
    if !is_weakened(site) {
        fence(Ordering::SeqCst);
    }
}

/// A lock for short sections that run no user code.
#[derive(Debug, Default)]
pub struct Mutex<T> {
    raw: RawMutex<T>,
    /// ThreadSanitizer does not see into the lock of the standard library: a
    /// flag that each holder hands to the next shows it the order.
    #[cfg(nexus_tsan)]
    handed: AtomicBool,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            raw: RawMutex::new(value),
            #[cfg(nexus_tsan)]
            handed: AtomicBool::new(false),
        }
    }

    /// Runs `f` on the value. Poison is ignored: `f` runs no user code, so a
    /// panic inside is a failed assertion of ours that already unwinds.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self
            .raw
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Ordering: Acquire; pairs with the Release store below.
        #[cfg(nexus_tsan)]
        self.handed.load(Ordering::Acquire);
        let result = f(&mut value);
        // Ordering: Release; pairs with the next holder's Acquire load.
        #[cfg(nexus_tsan)]
        self.handed.store(true, Ordering::Release);
        result
    }
}

/// Keeps its content on cache lines of its own. 128 bytes, because adjacent
/// lines are prefetched in pairs on current x86-64 machines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

impl<T> std::ops::Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Explores every interleaving of `body` with at most `preemptions` switches
/// away from a thread that could have gone on.
#[cfg(all(test, nexus_loom))]
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

/// Every site is load-bearing: weakened alone, at least one model fails.
#[cfg(all(test, nexus_loom))]
#[test]
fn every_weakened_ordering_is_caught() {
    use std::process::{Command, Stdio};

    if std::env::var_os("NEXUS_WEAKEN").is_some() {
        return;
    }
    let models = std::env::current_exe().expect("the test binary has a path");
    let survives = |site: &str| {
        Command::new(&models)
            // The slow ones add nothing here.
            .args(["loom_", "--skip", "loom_slow_", "--test-threads=2"])
            .env("NEXUS_WEAKEN", site)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("the models can be run again")
            .success()
    };
    assert!(survives("Nothing"), "the models fail by themselves");
    let survivors: Vec<_> = Site::ALL
        .iter()
        .filter(|site| survives(&format!("{site:?}")))
        .collect();
    assert!(survivors.is_empty(), "no model needs {survivors:?}");
}

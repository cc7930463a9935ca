//! The orderings and fences that a proof rests on, by name.
//!
//! Such an ordering is written `ordering(Site::X, o)`. In the ordinary build that is
//! `o`. In the model build the environment variable `NEXUS_WEAKEN=X` turns it into
//! `Relaxed`, or drops the fence, and at least one model must then fail.

use super::{Ordering, fence};

/// A place with a memory ordering that carries a proof.
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

#[cfg(not(all(test, nexus_loom)))]
#[inline(always)]
const fn is_weakened(_: Site) -> bool {
    false
}

#[cfg(all(test, nexus_loom))]
pub(super) fn is_weakened(site: Site) -> bool {
    static WEAKENED: std::sync::OnceLock<Option<Site>> = std::sync::OnceLock::new();
    let named = || {
        let name = std::env::var("NEXUS_WEAKEN").ok()?;
        let mut sites = Site::ALL.iter().copied();
        sites.find(|site| format!("{site:?}") == name)
    };
    *WEAKENED.get_or_init(named) == Some(site)
}

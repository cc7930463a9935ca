//! Places to wait at: the protocol's side of them, and which futures may attempt
//! there when.

use std::pin::Pin;
use std::task::Waker;

use super::mode::Mode;

/// A place to wait at, and what a future keeps of it.
pub trait WaitPoint {
    /// One thread or many.
    type Mode: Mode;

    /// Lives in the future, which is pinned.
    type Node: Default;

    /// Registers `waker` for the next notification.
    fn register(&self, node: Pin<&Self::Node>, waker: &Waker);

    /// Takes the node out, if it is in.
    fn leave(&self, node: Pin<&Self::Node>);

    /// Wakes one waiter, if there is one. The caller has published what the
    /// waiter waits for.
    fn notify_one(&self);

    /// Wakes every waiter: nobody need wait any more.
    fn notify_all(&self);
}

/// The rules of a place. By default every future attempts whenever it is polled.
pub trait Policy: WaitPoint {
    /// Whether a future that does not wait yet may attempt now without
    /// overtaking one that does.
    #[inline(always)]
    fn admits_newcomer(&self) -> bool {
        true
    }

    /// Whether a future that waits, or was notified, may attempt now.
    #[inline(always)]
    fn admits(&self, _node: Pin<&Self::Node>) -> Admission {
        Admission::Now
    }

    /// Whether to attempt once more before waiting: true after a moment in which
    /// what is waited for has most likely come.
    #[inline(always)]
    fn lingers(&self) -> bool {
        false
    }
}

/// Whether a waiting future may attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Now,
    /// Others are in front; one of them, or what serves them, wakes this one.
    Wait,
    /// It would be its turn, but others were notified before and have not come
    /// back yet: it looks again soon.
    GiveWay,
}

/// Where the one consumer of a channel waits for messages. A publication wakes
/// every future that is registered: more than one is rare, and one that was
/// leaked keeps nothing from the others.
pub trait ConsumerPoint: Policy {
    /// Between publishing and looking: for a waiter, and whether the consumer has
    /// closed. `false`: neither is so.
    fn before_look(&self) -> bool;

    /// Records that a message was had without waiting.
    fn succeeded(&self);

    /// Wakes every waiter. After [`before_look`](Self::before_look) said `true`.
    fn notify_present(&self);

    /// Has `announce` tell producers that the consumer closes. Those that find it
    /// look after each publication from then on; what was published before they
    /// could find it is visible to the caller. `false`: not before the place is no
    /// longer [late](Self::is_late).
    #[must_use]
    fn close(&self, announce: impl FnOnce()) -> bool;

    /// The consumer is gone, and has announced it: producers look after each
    /// publication that comes after this.
    fn abandon(&self);

    /// Whether a producer that did not fence may still be at work.
    fn is_late(&self) -> bool;
}

//! A close that comes late: the fence was refused.

use super::super::kind::Spsc;
use super::*;
use crate::ring::bytes::{ByteRing, Single};
use crate::ring::spsc::SpscRing;
use crate::sync::{has_heavy_fence, one_at_a_time, with_refused_fences};
use std::time::{Duration, Instant};

/// A channel after a dense stream. Its receiver closes late: the sender did not
/// fence, and the OS refuses. `None`: no place became dense.
///
/// `send` sends a message that is taken at once.
fn closed_late<R: Bounded>(
    make: fn() -> R,
    send: impl Fn(&Core<Spsc, R>),
) -> Option<Core<Spsc, R>> {
    let begin = Instant::now();
    let core = Core::new(make());
    // The room asks for a grant first; on a busy machine the next is a tenth of
    // a second away.
    while has_heavy_fence() && begin.elapsed() < Duration::from_secs(30) {
        for _ in 0..4096 {
            send(&core);
        }
        if !core.messages.before_look() {
            // SAFETY: one thread alone uses the channel.
            with_refused_fences(|| unsafe { core.close() });
            assert!(core.messages.is_late(), "the fence was refused");
            return Some(core);
        }
    }
    assert!(!has_heavy_fence(), "no place became dense");
    None
}

/// The sender fixes the end with its first message after the announcement, and
/// takes the second back: the receiver must not take it meanwhile.
#[test]
fn a_late_close_takes_nothing_that_the_sender_takes_back() {
    let _alone = one_at_a_time();
    let make = || SpscRing::<Box<u32>>::with_capacity(4);
    // SAFETY: one thread alone uses the channel; each push is settled once.
    unsafe {
        let take = |core: &Core<Spsc, SpscRing<Box<u32>>>| core.ring.pop();
        let core = closed_late(make, |core| {
            assert_eq!(core.send(Box::new(0)), Offer::Accepted(()));
            assert!(matches!(
                core.next::<false, _>(&Cell::new(Phase::Open), || take(core)),
                Next::Message(_)
            ));
        });
        let Some(core) = core else { return };
        let closed = Cell::new(Phase::Closed);
        assert_eq!(core.push(Box::new(1)), Offer::Accepted(()));
        assert_eq!(core.pushed::<Box<u32>>(), Ok(()));
        assert_eq!(core.push(Box::new(2)), Offer::Accepted(()));
        assert_eq!(
            core.next::<false, _>(&closed, || take(&core)),
            Next::Message(Box::new(1))
        );
        let second = core.next::<false, _>(&closed, || take(&core));
        // Twice the same box, it would be freed twice.
        let twice = matches!(second, Next::Message(_));
        std::mem::forget(second);
        assert!(!twice, "received, and about to be taken back");
        assert_eq!(core.pushed::<Box<u32>>(), Err(Box::new(2)));
        assert_eq!(core.next::<false, _>(&closed, || take(&core)), Next::End);
    }
}

#[test]
fn a_late_close_reads_no_record_that_is_refused() {
    let _alone = one_at_a_time();
    // SAFETY: one thread alone uses the channel; lengths are legal; each claim is
    // committed and settled once, and each message is released.
    unsafe {
        type Bytes = Core<Spsc, ByteRing<Single>>;
        let commit = |core: &Bytes, len| {
            let span = core.ring.claim(8).expect("there is room");
            core.ring.commit(span, len);
            span
        };
        let settle =
            |core: &Bytes, span| core.published(|| core.ring.settle(span).then_some(()).ok_or(()));
        let take = |core: &Bytes| {
            let span = core.ring.read().message?;
            core.ring.release(span);
            Some(span)
        };
        // What the sender commits first, behind the announcement: a message, or
        // padding.
        for first in [8, 0] {
            let core = closed_late(
                || ByteRing::with_capacity(64),
                |core| {
                    let span = commit(core, 8);
                    assert_eq!(settle(core, span), Ok(()));
                    assert_eq!(
                        core.next::<false, _>(&Cell::new(Phase::Open), || take(core)),
                        Next::Message(span)
                    );
                },
            );
            let Some(core) = core else { return };
            let closed = Cell::new(Phase::Closed);
            let below = commit(&core, first);
            assert_eq!(settle(&core, below), Ok(()));
            let above = commit(&core, 8);
            if first != 0 {
                assert_eq!(
                    core.next::<false, _>(&closed, || take(&core)),
                    Next::Message(below)
                );
            }
            assert_eq!(core.next::<false, _>(&closed, || take(&core)), Next::End);
            assert_eq!(settle(&core, above), Err(()));
            assert_eq!(
                (
                    core.ring.len(),
                    core.next::<false, _>(&closed, || take(&core))
                ),
                (0, Next::End)
            );
        }
    }
}
